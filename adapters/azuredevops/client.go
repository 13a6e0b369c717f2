package azuredevops

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"parley/adapters"
	"parley/adapters/internal/once"
	"parley/adapters/internal/rest"
)

// client is the REST API, typed: one method a call. An answer that lacks what it must
// hold is an error, never an empty result.
type client struct {
	rest, people *rest.Client
	pause        *pause
}

const (
	version         = "7.1"
	versionComments = "7.1-preview.4"
	versionPreview  = "7.1-preview.1"
)

var (
	errIncomplete = errors.New("the answer lacks what it must hold")
	errNone       = errors.New("the sign-in is not there")
)

func incomplete(op string, class error) error {
	return &adapters.Error{
		Class: class, Op: op, Err: errIncomplete,
		Hint: "what answered is not Azure DevOps' API: check the address, and what stands in front of it",
	}
}

// mostPause is the longest that a request is held back for; what is longer, the caller
// is told.
const mostPause = 20 * time.Second

// pause holds requests back for as long as Azure DevOps asks for with Retry-After on an
// answer of success: whoever goes on as before is refused next.
type pause struct {
	mu    sync.Mutex // guards the field below
	until time.Time
}

func (p *pause) note(h http.Header) {
	if h.Get("Retry-After") == "" {
		return
	}
	until := time.Now().Add(rest.After(h))
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.until) {
		p.until = until
	}
}

func (p *pause) wait(ctx context.Context, op string) error {
	p.mu.Lock()
	left := time.Until(p.until)
	p.mu.Unlock()
	switch {
	case left <= 0:
		return nil
	case left > mostPause:
		return &adapters.Error{Class: adapters.ErrLimited, Op: op, After: left, Err: errors.New("the last answer asked to wait")}
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return &adapters.Error{Class: adapters.ErrTransient, Op: op, Err: context.Cause(ctx)}
	}
}

func (c client) do(ctx context.Context, r rest.Request) (*rest.Response, error) {
	if err := c.pause.wait(ctx, r.Op); err != nil {
		return nil, err
	}
	if r.Query == nil {
		r.Query = url.Values{}
	}
	if r.Query.Get("api-version") == "" {
		r.Query.Set("api-version", version)
	}
	if len(r.Expect) == 0 {
		r.Expect = []int{http.StatusOK}
	}
	res, err := c.rest.Do(ctx, r)
	if err == nil {
		c.pause.note(res.Header)
	}
	return res, err
}

func (c client) get(ctx context.Context, op, path string, query url.Values, out any, args ...string) error {
	_, err := c.do(ctx, rest.Request{Op: op, Path: path, Args: args, Query: query, Out: out})
	return err
}

// list reads what the specification calls an array, and the wire {count, value}.
func list[T any](ctx context.Context, c client, op, path string, query url.Values, args ...string) ([]T, error) {
	var out struct {
		Value *[]T `json:"value"`
	}
	if err := c.get(ctx, op, path, query, &out, args...); err != nil {
		return nil, listError(err, op)
	}
	if out.Value == nil {
		return nil, incomplete(op, adapters.ErrConfiguration)
	}
	return *out.Value, nil
}

// listError: a list cannot be gone, and a query that is not taken names a project or a
// field that the account does not see.
func listError(err error, op string) error {
	var known *adapters.Error
	if !errors.As(err, &known) {
		return err
	}
	if errors.Is(known.Class, adapters.ErrGone) || errors.Is(known.Class, adapters.ErrRejected) {
		return &adapters.Error{
			Class: adapters.ErrConfiguration, Op: op, Detail: known.Detail, Err: known.Err,
			Hint: "check the address, the projects and the query: this account sees nothing of the kind there",
		}
	}
	return err
}

// anonymous is who nobody is signed in as.
const anonymous = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"

// myself is the account behind the credential. Public projects answer to nobody too.
func (c client) myself(ctx context.Context) (identity, error) {
	const op = "check the sign-in"
	var out struct {
		User *struct {
			ID       string `json:"id"`
			Name     string `json:"providerDisplayName"`
			Custom   string `json:"customDisplayName"`
			IsActive *bool  `json:"isActive"`
		} `json:"authenticatedUser"`
	}
	err := c.get(ctx, op, "_apis/connectionData", url.Values{"api-version": {versionPreview}}, &out)
	switch {
	case errors.Is(err, adapters.ErrGone):
		return identity{}, &adapters.Error{
			Class: adapters.ErrConfiguration, Op: op, Err: errNone,
			Hint: "there is no organisation or collection at this address: check it",
		}
	case err != nil:
		return identity{}, err
	case out.User == nil || out.User.ID == "":
		return identity{}, incomplete(op, adapters.ErrConfiguration)
	case out.User.ID == anonymous:
		return identity{}, &adapters.Error{Class: adapters.ErrDenied, Op: op, Err: errors.New("nobody is signed in"), Hint: "check the credential: it may have ended"}
	}
	return identity{ID: out.User.ID, Name: orDefault(out.User.Custom, out.User.Name)}, nil
}

func (c client) item(ctx context.Context, op, id string) (*item, error) {
	var out item
	if err := c.get(ctx, op, "_apis/wit/workitems/{id}", url.Values{"$expand": {"all"}}, &out, id); err != nil {
		return nil, err
	}
	if out.settle() != nil || out.key() != id {
		return nil, incomplete(op, adapters.ErrConfiguration)
	}
	return &out, nil
}

// batch reads some fields of many items. What is not there any more is left out.
func (c client) batch(ctx context.Context, op string, ids []int64, fields ...string) ([]item, error) {
	var all []item
	for len(ids) > 0 {
		n := min(len(ids), maxPage)
		var out struct {
			Value *[]*item `json:"value"`
		}
		_, err := c.do(ctx, rest.Request{
			Op: op, Method: http.MethodPost, Path: "_apis/wit/workitemsbatch", Out: &out,
			JSON: map[string]any{"ids": ids[:n], "errorPolicy": "omit", "fields": append([]string{refCreated, refChanged}, fields...)},
		})
		if err != nil {
			return nil, listError(err, op)
		}
		if out.Value == nil {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
		for _, i := range *out.Value {
			switch {
			case i == nil:
			case i.settle() != nil:
				return nil, incomplete(op, adapters.ErrConfiguration)
			default:
				all = append(all, *i)
			}
		}
		ids = ids[n:]
	}
	return once.Rows(all, func(i *item) int64 { return i.ID }), nil
}

// wiql runs a query. More than 20,000 results are refused unless fewer are asked for,
// and times are read to the day unless told otherwise.
func (c client) wiql(ctx context.Context, op, query string, top int) ([]int64, error) {
	var out struct {
		Items *[]struct {
			ID int64 `json:"id"`
		} `json:"workItems"`
	}
	_, err := c.do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: "_apis/wit/wiql", Out: &out, JSON: map[string]any{"query": query},
		Query: url.Values{"timePrecision": {"true"}, "$top": {strconv.Itoa(top)}},
	})
	if err != nil {
		return nil, listError(err, op)
	}
	if out.Items == nil {
		return nil, incomplete(op, adapters.ErrConfiguration)
	}
	var ids []int64
	for _, i := range *out.Items {
		ids = append(ids, i.ID)
	}
	return ids, nil
}

// operation is one of a JSON Patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// relates tells whether a patch names other items: one of them that is not there is
// answered as the item itself would be.
func relates(ops []operation) bool {
	return slices.ContainsFunc(ops, func(o operation) bool { return o.Op == "add" && o.Path == "/relations/-" })
}

func unrelated(op string, err error) error {
	return &adapters.Error{
		Class: adapters.ErrRejected, Op: op, Err: fmt.Errorf("the parent or the other end of a link is not there, or the account may not see it: %w", withoutClass(err)),
	}
}

func (c client) patch(ctx context.Context, op, method, path string, query url.Values, ops []operation, write bool, args ...string) (*item, error) {
	raw, err := json.Marshal(ops)
	if err != nil {
		return nil, &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: err}
	}
	var out item
	_, err = c.do(ctx, rest.Request{
		Op: op, Method: method, Path: path, Args: args, Query: query, Write: write, Out: &out, Expect: []int{http.StatusOK, http.StatusCreated},
		Body: &rest.Body{Reader: bytes.NewReader(raw), Type: "application/json-patch+json", Size: int64(len(raw))},
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

func (c client) create(ctx context.Context, project, kind string, ops []operation) (*item, error) {
	const op = "create a work item"
	out, err := c.patch(ctx, op, http.MethodPost, "{project}/_apis/wit/workitems/${type}", nil, ops, true, project, kind)
	if errors.Is(err, adapters.ErrGone) && relates(ops) {
		return nil, unrelated(op, err) // project and type were there
	}
	if errors.Is(err, adapters.ErrGone) {
		return nil, &adapters.Error{
			Class: adapters.ErrConfiguration, Op: op, Err: fmt.Errorf("there is no project %q, or no such type in it", project),
			Hint: "check the settings projects and work_item_type",
		}
	}
	if err == nil && out.settle() != nil {
		err = incomplete(op, adapters.ErrDoubt)
	}
	return out, err
}

// mayCreate asks for a create to be checked and not done.
func (c client) mayCreate(ctx context.Context, project, kind string, ops []operation) error {
	_, err := c.patch(ctx, "check whether work items can be created", http.MethodPost, "{project}/_apis/wit/workitems/${type}",
		url.Values{"validateOnly": {"true"}}, ops, false, project, kind)
	return err
}

// update is refused with 412, by older versions with 409, if a test of it fails.
func (c client) update(ctx context.Context, op, id string, ops []operation) (*item, error) {
	out, err := c.patch(ctx, op, http.MethodPatch, "_apis/wit/workitems/{id}", nil, ops, true, id)
	if rest.HasStatus(err, http.StatusConflict) {
		return nil, &adapters.Error{Class: adapters.ErrChanged, Op: op, Err: rest.StatusError(http.StatusConflict)}
	}
	if err == nil && (out.key() != id || out.Rev <= 0) {
		err = incomplete(op, adapters.ErrDoubt)
	}
	return out, err
}

const maxComments = 5000

// comments reads all comments of an item, newest first, as they are told.
func (c client) comments(ctx context.Context, op, project, id string) ([]said, error) {
	var all []said
	query := url.Values{"api-version": {versionComments}, "$top": {"200"}}
	for len(all) < maxComments {
		var out struct {
			Comments *[]said `json:"comments"`
			Total    *int    `json:"totalCount"`
			Next     string  `json:"continuationToken"`
		}
		if err := c.get(ctx, op, "{project}/_apis/wit/workItems/{id}/comments", query, &out, project, id); err != nil {
			return nil, err
		}
		if out.Comments == nil || out.Total == nil {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
		for _, s := range *out.Comments {
			if s.number() <= 0 || s.Created.IsZero() {
				return nil, incomplete(op, adapters.ErrConfiguration)
			}
			if !s.Deleted {
				all = append(all, s)
			}
		}
		if out.Next == "" || out.Next == query.Get("continuationToken") {
			break
		}
		query.Set("continuationToken", out.Next)
	}
	return once.Rows(all, (*said).number), nil
}

func (c client) comment(ctx context.Context, op, method, path, text string, args ...string) (string, error) {
	var out said
	_, err := c.do(ctx, rest.Request{
		Op: op, Method: method, Path: path, Args: args, Query: url.Values{"api-version": {versionComments}},
		JSON: map[string]any{"text": text}, Out: &out, Write: true, Expect: []int{http.StatusOK, http.StatusCreated},
	})
	if err == nil && out.number() <= 0 {
		err = incomplete(op, adapters.ErrDoubt)
	}
	return strconv.FormatInt(out.number(), 10), err
}

// upload makes a file that hangs on nothing: one that fails is no doubt.
func (c client) upload(ctx context.Context, op, project, name string, size int64, r io.Reader) (id, at string, err error) {
	var out struct {
		ID  string `json:"id"`
		URL string `json:"url"`
	}
	_, err = c.do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: "{project}/_apis/wit/attachments", Args: []string{project}, Out: &out,
		Query: url.Values{"fileName": {name}}, Expect: []int{http.StatusOK, http.StatusCreated},
		Body: &rest.Body{Reader: r, Type: "application/octet-stream", Size: size},
	})
	if err == nil && (!guid.MatchString(out.ID) || out.URL == "") {
		err = incomplete(op, adapters.ErrConfiguration)
	}
	return out.ID, out.URL, err
}

func (c client) download(ctx context.Context, op, project, id string) (*rest.Stream, error) {
	if err := c.pause.wait(ctx, op); err != nil {
		return nil, err
	}
	s, err := c.rest.Stream(ctx, rest.Request{
		Op: op, Path: "{project}/_apis/wit/attachments/{id}", Args: []string{project, id}, Expect: []int{http.StatusOK},
		Query: url.Values{"api-version": {version}, "download": {"true"}},
	})
	if err == nil {
		c.pause.note(s.Header)
	}
	return s, err
}

// feed is one page of revisions. Its token is a watermark: what comes later stands
// behind it, whatever the clocks say.
type feed struct {
	rows  []item
	token string
	last  bool
}

func (c client) feed(ctx context.Context, project, path string, query url.Values) (feed, error) {
	var out struct {
		Values *[]item `json:"values"`
		Token  string  `json:"continuationToken"`
		Next   string  `json:"nextLink"`
		Last   *bool   `json:"isLastBatch"`
	}
	if err := c.get(ctx, opChanges, path, query, &out, project); err != nil {
		return feed{}, listError(err, opChanges)
	}
	if out.Values == nil || out.Last == nil {
		return feed{}, incomplete(opChanges, adapters.ErrConfiguration)
	}
	if next, err := url.Parse(out.Next); out.Token == "" && err == nil {
		out.Token = next.Query().Get("continuationToken") // as older versions tell it
	}
	if !*out.Last && (out.Token == "" || out.Token == query.Get("continuationToken")) {
		return feed{}, &adapters.Error{Class: adapters.ErrTransient, Op: opChanges, Err: errors.New("the list of revisions does not go on")}
	}
	return feed{rows: *out.Values, token: out.Token, last: *out.Last}, nil
}

// person is one of the identity service.
type person struct {
	ID         string `json:"id"`
	Descriptor string `json:"subjectDescriptor"`
	Name       string `json:"providerDisplayName"`
	Custom     string `json:"customDisplayName"`
	Properties map[string]struct {
		Value any `json:"$value"`
	} `json:"properties"`
}

func (p *person) property(name string) string {
	s, _ := p.Properties[name].Value.(string)
	return s
}

func (p *person) identity() identity {
	return identity{ID: p.ID, Name: orDefault(p.Custom, p.Name), UniqueName: orDefault(p.property("Account"), p.property("Mail")), Descriptor: p.Descriptor}
}

func (c client) persons(ctx context.Context, query url.Values) ([]person, error) {
	const op = "look a person up"
	return list[person](ctx, client{rest: c.people, pause: c.pause}, op, "_apis/identities", query)
}
