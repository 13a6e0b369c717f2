package desk

import (
	"context"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/defuse"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// Changes implements adapters.Tracker. The cursor is the desk's name and the
// number of a change: exact, so nothing has to be read twice.
func (t *Tracker) Changes(ctx context.Context, cursor event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	const op = "read the list of changes"
	query := url.Values{"limit": {strconv.Itoa(min(limit, maxPage))}, "project": {t.project}}
	if desk, after, ok := strings.Cut(string(cursor), "-"); ok {
		query.Set("desk", desk)
		query.Set("after", after)
	} else if cursor != "" {
		return nil, "", &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Hint: "the stored place is of another tracker"}
	}
	var in wireChanges
	if err := t.get(ctx, rest.Request{Op: op, Path: "changes", Query: query, Out: &in}); err != nil {
		return nil, "", err
	}
	out, err := in.all(op)
	if err != nil {
		return nil, "", err
	}
	if _, err := strconv.ParseUint(in.Next, 10, 64); err != nil {
		return nil, "", notTheDesk(op, err)
	}
	return out, event.Cursor(in.Desk + "-" + in.Next), nil
}

// List implements adapters.Tracker.
func (t *Tracker) List(ctx context.Context, query string, page event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	const op = "list tickets"
	var in wireChanges
	err := t.get(ctx, rest.Request{Op: op, Path: "tickets", Out: &in, Query: url.Values{
		"query": {query}, "after": {string(page)}, "limit": {strconv.Itoa(min(limit, maxPage))}, "project": {t.project},
	}})
	if err != nil {
		return nil, "", err
	}
	out, err := in.all(op)
	return out, event.Cursor(in.Next), err
}

// Locate implements adapters.Tracker.
func (t *Tracker) Locate(ctx context.Context, key string) (event.Change, error) {
	const op = "look a ticket up by its key"
	if strings.TrimSpace(key) == "" {
		return event.Change{}, gone(op)
	}
	var in wireChange
	if err := t.get(ctx, rest.Request{Op: op, Path: "keys/{key}", Args: []string{key}, Out: &in}); err != nil {
		return event.Change{}, err
	}
	change, err := in.change()
	if err != nil {
		return event.Change{}, notTheDesk(op, err)
	}
	return change, nil
}

// ByField implements adapters.Searcher.
func (t *Tracker) ByField(ctx context.Context, field, value string, limit int) ([]event.Change, error) {
	const op = "look tickets up by a field"
	var in wireChanges
	err := t.get(ctx, rest.Request{
		Op: op, Path: "fields/{field}", Args: []string{field}, Out: &in,
		Query: url.Values{"value": {value}, "limit": {strconv.Itoa(limit)}},
	})
	if err != nil {
		return nil, err
	}
	return in.all(op)
}

// Read implements adapters.Tracker.
func (t *Tracker) Read(ctx context.Context, ref event.Ref) (event.Ticket, error) {
	op := "read ticket " + ref.ID
	var in wireTicket
	if err := t.get(ctx, rest.Request{Op: op, Path: "tickets/{id}", Args: []string{ref.ID}, Out: &in}); err != nil {
		return event.Ticket{}, err
	}
	change, err := in.change()
	if err != nil || in.Fields == nil {
		return event.Ticket{}, notTheDesk(op, err)
	}
	if change.Ref != ref {
		return event.Ticket{}, gone(op)
	}
	out := event.Ticket{
		Ref: ref, Key: in.Key, URL: t.base + "/tickets/" + in.Key, Fields: in.Fields, Marker: event.Marker(in.Marker),
		Version: change.Version, Updated: change.Updated, Lock: change.Version,
		Next: in.Next,
	}
	if out.Fields, err = t.texts(ctx, out.Fields, defuse.MeantFormula, defuse.MeantFormula); err != nil {
		return event.Ticket{}, err
	}
	out.Fields[event.FieldKey], out.Fields[event.FieldURL] = out.Key, out.URL
	out.Fields[event.FieldCreated] = in.Created.UTC().Format(time.RFC3339)
	out.Fields[event.FieldUpdated] = in.Updated.UTC().Format(time.RFC3339)
	for _, c := range in.Comments {
		out.Comments = append(out.Comments, event.Comment{
			ID: c.ID, Author: c.Author.user(), Body: defuse.MeantFormula(newlines(c.Body)), Created: c.Created.UTC(), Edited: c.Edited.UTC(),
			Internal: c.Internal, Marker: event.Marker(c.Marker),
		})
	}
	for _, f := range in.Attachments {
		out.Attachments = append(out.Attachments, event.Attachment{
			ID: f.ID, Name: f.Name, Size: f.Size, MIME: f.MIME, SHA256: f.SHA256, Author: f.Author.user(),
			Created: f.Created.UTC(), Internal: f.Internal, Marker: event.Marker(f.Marker),
		})
	}
	return out, nil
}

func (p Person) user() event.User { return event.User{ID: p.ID, Name: p.Name, Email: p.Email} }

// Open implements adapters.Files.
func (t *Tracker) Open(ctx context.Context, ref event.Ref, attachment string) (io.ReadCloser, error) {
	s, err := t.api.Stream(ctx, rest.Request{
		Op: "read a file of ticket " + ref.ID, Path: "api/v1/tickets/{id}/attachments/{file}", Args: []string{ref.ID, attachment},
	})
	if err != nil {
		return nil, t.believe(ctx, asRead(err))
	}
	return s, nil
}

// FindUser implements adapters.People.
func (t *Tracker) FindUser(ctx context.Context, query string) ([]event.User, error) {
	const op = "look a person up"
	if query == "" {
		return nil, nil
	}
	var in wirePeople
	if err := t.get(ctx, rest.Request{Op: op, Path: "people", Query: url.Values{"query": {query}}, Out: &in}); err != nil {
		return nil, err
	}
	if in.People == nil {
		return nil, notTheDesk(op, nil)
	}
	var out []event.User
	for _, p := range *in.People {
		out = append(out, p.user())
	}
	return out, nil
}

// Assignable implements adapters.Assigner: a ticket can be given to everybody whom the
// desk knows.
func (t *Tracker) Assignable(ctx context.Context, _, id string) (bool, error) {
	found, err := t.FindUser(ctx, id)
	return slices.ContainsFunc(found, func(u event.User) bool { return u.ID == id }), err
}

func (t *Tracker) schema(ctx context.Context, op string) (wireSchema, error) {
	var in wireSchema
	err := t.get(ctx, rest.Request{Op: op, Path: "schema", Out: &in})
	if err == nil && (in.Desk == "" || len(in.Fields) == 0) {
		err = notTheDesk(op, nil)
	}
	return in, err
}

// Moves implements adapters.Workflow.
func (t *Tracker) Moves(ctx context.Context, _ event.Ref) (map[string][]string, error) {
	in, err := t.schema(ctx, "read the desk's workflow")
	return in.Moves, err
}

// Schema implements adapters.Tracker.
func (t *Tracker) Schema(ctx context.Context) (event.Schema, error) {
	in, err := t.schema(ctx, "read the desk's fields")
	if err != nil {
		return event.Schema{}, err
	}
	return event.Schema{
		Fields: in.Fields, Projects: in.Projects, Types: in.Types,
		Comments: true, Internal: true, Attachments: true, EditComments: true, MaxAttachment: in.MaxAttachment, Impersonate: in.Impersonate,
	}, nil
}

// History implements adapters.Historian.
func (t *Tracker) History(ctx context.Context, ref event.Ref, since time.Time) ([]adapters.Edit, error) {
	op := "read the history of ticket " + ref.ID
	var in wireHistory
	err := t.get(ctx, rest.Request{
		Op: op, Path: "tickets/{id}/history", Args: []string{ref.ID}, Out: &in,
		Query: url.Values{"since": {since.UTC().Format(time.RFC3339Nano)}},
	})
	if err != nil {
		return nil, err
	}
	if in.History == nil {
		return nil, notTheDesk(op, nil)
	}
	who, err := t.whoami(ctx)
	if err != nil {
		return nil, err
	}
	var out []adapters.Edit
	for _, e := range *in.History {
		out = append(out, adapters.Edit{
			At: e.At.UTC(), Author: e.Author.user(), Own: e.Author.ID == who.Account.ID,
			Field: e.Field, Old: e.Old, New: e.New,
		})
		if err := t.meant(ctx, &out[len(out)-1]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (t *Tracker) whoami(ctx context.Context) (wireWho, error) {
	const op = "check the sign-in"
	var who wireWho
	if err := t.get(ctx, rest.Request{Op: op, Path: "whoami", Out: &who}); err != nil {
		return who, err
	}
	if who.Desk == "" {
		return who, notTheDesk(op, nil)
	}
	return who, nil
}

// Probe implements adapters.Prober.
func (t *Tracker) Probe(ctx context.Context) []adapters.Finding {
	who, err := t.whoami(ctx)
	if err != nil {
		return []adapters.Finding{{Level: adapters.LevelError, What: err.Error(), Hint: "check the address and the token"}}
	}
	out := []adapters.Finding{{Level: adapters.LevelOK, What: "signed in at " + who.Name + " as " + who.Account.Name}}
	if _, _, err := t.Changes(ctx, "", 1); err != nil {
		return append(out, adapters.Finding{
			Level: adapters.LevelError, What: err.Error(), Hint: "check the setting project",
		})
	}
	return append(out, adapters.Finding{Level: adapters.LevelOK, What: "the list of changes can be read"})
}
