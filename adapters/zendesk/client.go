package zendesk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/once"
	"parley/adapters/internal/rest"
)

// client is Zendesk's REST API, typed: one method a call. An answer that lacks what
// it must hold is an error, never an empty result.
type client struct {
	rest *rest.Client
}

var (
	errIncomplete = errors.New("the answer lacks what it must hold")
	errNobody     = errors.New("nobody is signed in")
	errNoZendesk  = errors.New("the sign-in is not there")
)

func incomplete(op string, class error) error {
	return &adapters.Error{
		Class: class, Op: op, Err: errIncomplete,
		Hint: "what answered is not Zendesk's API: check the address, and what stands in front of it",
	}
}

func (c client) get(ctx context.Context, op, path string, query url.Values, out any, args ...string) error {
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Path: "api/v2/" + path, Args: args, Query: query, Out: out, Expect: []int{http.StatusOK},
	})
	return err
}

// me is the account behind the credential. Zendesk answers nobody too, with a user
// that has no id.
func (c client) me(ctx context.Context) (user, error) {
	const op = "check the sign-in"
	var out struct {
		User *user `json:"user"`
	}
	err := c.get(ctx, op, "users/me", nil, &out)
	switch {
	case errors.Is(err, adapters.ErrGone):
		return user{}, &adapters.Error{
			Class: adapters.ErrConfiguration, Op: op, Err: errNoZendesk, Hint: "there is no Zendesk at this address: check it",
		}
	case err != nil:
		return user{}, err
	case out.User == nil:
		return user{}, incomplete(op, adapters.ErrConfiguration)
	case out.User.ID <= 0:
		return user{}, &adapters.Error{Class: adapters.ErrDenied, Op: op, Err: errNobody, Hint: "check the credential and what its account may do"}
	}
	return *out.User, nil
}

func (c client) ticket(ctx context.Context, op, id string) (*ticket, error) {
	var out struct {
		Ticket *ticket `json:"ticket"`
	}
	if err := c.get(ctx, op, "tickets/{id}", nil, &out, id); err != nil {
		return nil, err
	}
	if out.Ticket == nil || !out.Ticket.whole() || out.Ticket.key() != id {
		return nil, incomplete(op, adapters.ErrConfiguration)
	}
	return out.Ticket, nil
}

// paged is one page of a list: rows, and where the next one begins, "" at the end.
func paged[T any](ctx context.Context, c client, op, path, key string, query url.Values, size int, after string, args ...string) ([]T, string, error) {
	q := url.Values{"page[size]": {strconv.Itoa(size)}}
	for name, v := range query {
		q[name] = v
	}
	if after != "" {
		q.Set("page[after]", after)
	}
	var out map[string]json.RawMessage
	if err := c.get(ctx, op, path, q, &out, args...); err != nil {
		return nil, "", err
	}
	var rows *[]T
	var meta struct {
		More  bool   `json:"has_more"`
		After string `json:"after_cursor"`
	}
	if out[key] != nil && rest.Decode(out[key], &rows) != nil || rows == nil {
		return nil, "", incomplete(op, adapters.ErrConfiguration)
	}
	if out["meta"] == nil {
		// A full page that does not say whether it is the last one may hide the rest.
		if len(*rows) >= size {
			return nil, "", incomplete(op, adapters.ErrConfiguration)
		}
		return *rows, "", nil
	}
	if json.Unmarshal(out["meta"], &meta) != nil || meta.More && meta.After == "" {
		return nil, "", incomplete(op, adapters.ErrConfiguration)
	}
	if !meta.More {
		return *rows, "", nil
	}
	if meta.After == after {
		return nil, "", &adapters.Error{Class: adapters.ErrTransient, Op: op, Err: errors.New("the list gave the same page again")}
	}
	return *rows, meta.After, nil
}

const (
	pageSize = 100
	// maxPages bounds a list: a ticket has 5000 comments at most, and some times as
	// many audits.
	maxPages = 1000
)

// allOf reads a whole list; one that has no end is an error, never a part.
func allOf[T any](ctx context.Context, c client, op, path, key string, query url.Values, args ...string) ([]T, error) {
	var all []T
	after := ""
	for range maxPages {
		rows, next, err := paged[T](ctx, c, op, path, key, query, pageSize, after, args...)
		if err != nil {
			return nil, err
		}
		if all = append(all, rows...); next == "" {
			return all, nil
		}
		after = next
	}
	return nil, &adapters.Error{Class: adapters.ErrTransient, Op: op, Err: errors.New("the list has no end")}
}

// tickets is one page of the list of tickets; sort is a member with or without "-".
func (c client) tickets(ctx context.Context, op, sort string, size int, after string) ([]ticket, string, error) {
	rows, next, err := paged[ticket](ctx, c, op, "tickets", "tickets", url.Values{"sort": {sort}}, size, after)
	if err != nil {
		return nil, "", listError(err, op)
	}
	return checked(op, rows, next)
}

func checked(op string, rows []ticket, next string) ([]ticket, string, error) {
	for i := range rows {
		if !rows[i].whole() {
			return nil, "", incomplete(op, adapters.ErrConfiguration)
		}
	}
	return rows, next, nil
}

// byExternalID lists the tickets that bear our id: it is not unique.
func (c client) byExternalID(ctx context.Context, op, id string) ([]ticket, error) {
	all, err := allOf[ticket](ctx, c, op, "tickets", "tickets", url.Values{"external_id": {id}})
	if err != nil {
		return nil, listError(err, op)
	}
	all, _, err = checked(op, all, "")
	return once.Rows(all, (*ticket).key), err
}

// exported is one page of the export: tickets in the order of the time that the
// export goes by, where the next page begins, and whether there is none yet.
type exported struct {
	rows []ticket
	next string
	end  bool
}

// export reads from a cursor, or from a time if there is none yet.
func (c client) export(ctx context.Context, cursor string, start int64, size int) (exported, error) {
	const op = "list changed tickets"
	query := url.Values{"per_page": {strconv.Itoa(size)}}
	if cursor != "" {
		query.Set("cursor", cursor)
	} else {
		query.Set("start_time", strconv.FormatInt(start, 10))
	}
	var out struct {
		Tickets *[]ticket `json:"tickets"`
		After   string    `json:"after_cursor"`
		End     *bool     `json:"end_of_stream"`
	}
	if err := c.get(ctx, op, "incremental/tickets/cursor", query, &out); err != nil {
		err = listError(err, op)
		var known *adapters.Error
		if errors.As(err, &known) && rest.HasStatus(err, http.StatusForbidden) {
			known.Hint = "only an administrator may read the export of tickets: give the account that role"
		}
		return exported{}, err
	}
	if out.Tickets == nil || out.End == nil || out.After == "" && (!*out.End || len(*out.Tickets) > 0) {
		return exported{}, incomplete(op, adapters.ErrConfiguration)
	}
	rows, _, err := checked(op, *out.Tickets, "")
	// Nobody promises an order among the tickets of one second, and a page that was
	// given in part goes on by it.
	slices.SortFunc(rows, func(a, b ticket) int {
		return cmp.Or(cmp.Compare(a.Generated, b.Generated), cmp.Compare(a.ID, b.ID))
	})
	if err == nil && !*out.End && out.After == cursor {
		err = &adapters.Error{Class: adapters.ErrTransient, Op: op, Err: errors.New("the export gave the same cursor again")}
	}
	return exported{rows: rows, next: orDefault(out.After, cursor), end: *out.End}, err
}

func (c client) comments(ctx context.Context, op, id string) ([]comment, error) {
	all, err := allOf[comment](ctx, c, op, "tickets/{id}/comments", "comments", url.Values{"include_inline_images": {"true"}}, id)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].ID <= 0 || all[i].Created.IsZero() {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
	}
	return once.Rows(all, func(x *comment) int64 { return x.ID }), nil
}

func (c client) audits(ctx context.Context, op, id string) ([]audit, error) {
	all, err := allOf[audit](ctx, c, op, "tickets/{id}/audits", "audits", nil, id)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].ID <= 0 || all[i].Created.IsZero() {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
	}
	return once.Rows(all, func(x *audit) int64 { return x.ID }), nil
}

// saved is the answer to a create and to an update.
type saved struct {
	Ticket *ticket `json:"ticket"`
	Audit  *audit  `json:"audit"`
}

// create makes a ticket. The key makes Zendesk answer a repeated request with the
// ticket of the first one, for two hours.
func (c client) create(ctx context.Context, key string, body map[string]any) (saved, error) {
	const op = "create a ticket"
	header := http.Header{}
	if key != "" {
		header.Set("Idempotency-Key", key)
	}
	var out saved
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: "api/v2/tickets", Header: header,
		JSON: map[string]any{"ticket": body}, Out: &out, Write: true, Expect: []int{http.StatusCreated},
	})
	switch {
	case errors.Is(err, adapters.ErrGone):
		err = &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: errNoZendesk, Hint: "there is no Zendesk at this address: check it"}
	case rest.HasStatus(err, http.StatusBadRequest) && says(err, "idempoten"):
		// An earlier attempt with other words arrived: what became of it is to be looked up.
		err = &adapters.Error{Class: adapters.ErrDoubt, Op: op, Err: errors.New("the key of this create was used already")}
	case err == nil && (out.Ticket == nil || !out.Ticket.whole()):
		err = incomplete(op, adapters.ErrDoubt)
	}
	return out, conflict(err)
}

func (c client) update(ctx context.Context, id string, body map[string]any) (saved, error) {
	op := "update ticket " + id
	var out saved
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Method: http.MethodPut, Path: "api/v2/tickets/{id}", Args: []string{id},
		JSON: map[string]any{"ticket": body}, Out: &out, Write: true, Expect: []int{http.StatusOK},
	})
	if err == nil && (out.Ticket == nil || out.Ticket.key() != id || out.Audit == nil) {
		err = incomplete(op, adapters.ErrDoubt)
	}
	return out, closedError(conflict(err))
}

func (c client) remove(ctx context.Context, id string) error {
	_, err := c.rest.Do(ctx, rest.Request{
		Op: "delete ticket " + id, Method: http.MethodDelete, Path: "api/v2/tickets/{id}", Args: []string{id},
		Write: true, Expect: []int{http.StatusNoContent},
	})
	return conflict(err)
}

// upload hands over bytes; the token that it answers attaches them, for an hour.
func (c client) upload(ctx context.Context, name, kind string, size int64, r io.Reader) (string, error) {
	const op = "upload a file"
	var out struct {
		Upload struct {
			Token string `json:"token"`
		} `json:"upload"`
	}
	if base, _, err := mime.ParseMediaType(kind); err != nil {
		kind = "application/octet-stream"
	} else {
		kind = base
	}
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: "api/v2/uploads", Query: url.Values{"filename": {name}},
		Body: &rest.Body{Reader: r, Type: kind, Size: size}, Out: &out, Write: true, Expect: []int{http.StatusCreated},
	})
	if err == nil && out.Upload.Token == "" {
		err = incomplete(op, adapters.ErrDoubt)
	}
	// Bytes that nothing refers to yet are no write: whatever became of them, the
	// file is not attached.
	var known *adapters.Error
	if errors.As(err, &known) && errors.Is(known.Class, adapters.ErrDoubt) {
		known.Class = adapters.ErrTransient
	}
	return out.Upload.Token, err
}

func (c client) file(ctx context.Context, id string) (file, error) {
	op := "read attachment " + id
	var out struct {
		File *file `json:"attachment"`
	}
	err := c.get(ctx, op, "attachments/{id}", nil, &out, id)
	if err == nil && (out.File == nil || out.File.Size == nil || out.File.URL == "") {
		err = incomplete(op, adapters.ErrConfiguration)
	}
	if err != nil {
		return file{}, err
	}
	return *out.File, nil
}

// listError: a list cannot be gone.
func listError(err error, op string) error {
	var known *adapters.Error
	if !errors.As(err, &known) || !errors.Is(known.Class, adapters.ErrGone) && !errors.Is(known.Class, adapters.ErrRejected) {
		return err
	}
	return &adapters.Error{
		Class: adapters.ErrConfiguration, Op: op, Detail: known.Detail, Err: known.Err,
		Hint: "check the address: there is no such list at it",
	}
}

// conflict tells the two kinds of 409 apart: the lock of safe_update, and a ticket
// that somebody else is just writing to, which was left as it is.
func conflict(err error) error {
	var known *adapters.Error
	if !rest.HasStatus(err, http.StatusConflict) || !errors.As(err, &known) {
		return err
	}
	if says(err, "updateconflict") {
		known.Class = adapters.ErrChanged
	} else {
		known.Class = adapters.ErrTransient
	}
	return err
}

const closedHint = "a closed ticket takes nothing more: answer in a follow-up ticket, or end the pair"

func closedError(err error) error {
	var known *adapters.Error
	if rest.HasStatus(err, http.StatusUnprocessableEntity) && errors.As(err, &known) && says(err, "closed prevents ticket update") {
		known.Hint = closedHint
	}
	return err
}

// says looks into the words of an answer.
func says(err error, words string) bool {
	var known *adapters.Error
	return errors.As(err, &known) && strings.Contains(strings.ToLower(known.Detail), words)
}
