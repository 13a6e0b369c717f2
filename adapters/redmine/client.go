package redmine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

// client is Redmine's REST API, typed: one method a call. An answer that lacks
// what it must hold is an error, never an empty result.
type client struct{ rest *rest.Client }

var errIncomplete = errors.New("the answer lacks what it must hold")

func incomplete(op string, class error) error {
	return &adapters.Error{
		Class: class, Op: op, Err: errIncomplete,
		Hint: "what answered is not Redmine's API: check the address, and what stands in front of it",
	}
}

func (c client) get(ctx context.Context, op, path string, query url.Values, out any, args ...string) error {
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Path: path, Args: args, Query: query, Out: out, Expect: []int{http.StatusOK},
	})
	return err
}

// current is the account behind the key: the one call that tells a good key
// from a wrong one, which elsewhere counts as anonymous.
func (c client) current(ctx context.Context) (account, error) {
	const op = "check the API key"
	var out struct {
		User account `json:"user"`
	}
	err := c.get(ctx, op, "users/current.json", url.Values{"include": {"memberships"}}, &out)
	if errors.Is(err, adapters.ErrGone) {
		return account{}, &adapters.Error{
			Class: adapters.ErrConfiguration, Op: op, Err: errNotRedmine,
			Hint: "there is no Redmine at this address: check it",
		}
	}
	if err == nil && out.User.ID == 0 {
		err = incomplete(op, adapters.ErrConfiguration)
	}
	return out.User, err
}

var errNotRedmine = errors.New("the sign-in is not there")

// issues is one page of a list. Its emptiness proves nothing: see current.
func (c client) issues(ctx context.Context, op string, query url.Values) ([]issue, error) {
	query.Set("status_id", orDefault(query.Get("status_id"), "*"))
	var out struct {
		Issues *[]issue `json:"issues"`
	}
	if err := c.get(ctx, op, "issues.json", query, &out); err != nil {
		return nil, err
	}
	if out.Issues == nil {
		return nil, incomplete(op, adapters.ErrConfiguration)
	}
	for _, i := range *out.Issues {
		if i.ID == 0 || i.CreatedOn.IsZero() || i.UpdatedOn.IsZero() {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
	}
	return *out.Issues, nil
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func (c client) issue(ctx context.Context, op, id, include string) (*issue, error) {
	query := url.Values{}
	if include != "" {
		query.Set("include", include)
	}
	var out struct {
		Issue *issue `json:"issue"`
	}
	if err := c.get(ctx, op, "issues/{id}.json", query, &out, id); err != nil {
		return nil, err
	}
	if out.Issue == nil || out.Issue.id() != id || out.Issue.CreatedOn.IsZero() || out.Issue.UpdatedOn.IsZero() {
		return nil, incomplete(op, adapters.ErrConfiguration)
	}
	return out.Issue, nil
}

func (c client) create(ctx context.Context, fields map[string]any) (*issue, error) {
	const op = "create an issue"
	var out struct {
		Issue *issue `json:"issue"`
	}
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: "issues.json", Write: true,
		JSON: map[string]any{"issue": fields}, Out: &out, Expect: []int{http.StatusCreated},
	})
	if err == nil && (out.Issue == nil || out.Issue.ID == 0 || out.Issue.CreatedOn.IsZero()) {
		err = incomplete(op, adapters.ErrDoubt)
	}
	return out.Issue, err
}

func (c client) update(ctx context.Context, id string, fields map[string]any) error {
	_, err := c.rest.Do(ctx, rest.Request{
		Op: "update issue " + id, Method: http.MethodPut, Path: "issues/{id}.json", Args: []string{id}, Write: true,
		JSON: map[string]any{"issue": fields}, Expect: []int{http.StatusNoContent},
	})
	return err
}

func (c client) updateJournal(ctx context.Context, id string, fields map[string]any) error {
	_, err := c.rest.Do(ctx, rest.Request{
		Op: "edit note " + id, Method: http.MethodPut, Path: "journals/{id}.json", Args: []string{id}, Write: true,
		JSON: map[string]any{"journal": fields}, Expect: []int{http.StatusNoContent},
	})
	return err
}

// upload hands bytes over. They belong to no issue yet, so that whatever
// happens here nothing is in doubt.
func (c client) upload(ctx context.Context, name string, size int64, body io.Reader) (string, error) {
	const op = "upload a file"
	var out struct {
		Upload struct {
			Token string `json:"token"`
		} `json:"upload"`
	}
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: "uploads.json", Write: true,
		Query: url.Values{"filename": {name}}, Out: &out, Expect: []int{http.StatusCreated},
		// Any other type is answered with 406.
		Body: &rest.Body{Reader: body, Type: "application/octet-stream", Size: size},
	})
	if err == nil && out.Upload.Token == "" {
		err = incomplete(op, adapters.ErrConfiguration)
	}
	var known *adapters.Error
	if errors.As(err, &known) && errors.Is(known.Class, adapters.ErrDoubt) {
		sure := *known
		sure.Class = adapters.ErrTransient
		err = &sure
	}
	return out.Upload.Token, err
}

func (c client) attachment(ctx context.Context, id string) (attachment, error) {
	op := "read attachment " + id
	var out struct {
		Attachment attachment `json:"attachment"`
	}
	err := c.get(ctx, op, "attachments/{id}.json", nil, &out, id)
	if err == nil && strconv.FormatInt(out.Attachment.ID, 10) != id {
		err = incomplete(op, adapters.ErrConfiguration)
	}
	return out.Attachment, err
}

func (c client) download(ctx context.Context, id string) (*rest.Stream, error) {
	return c.rest.Stream(ctx, rest.Request{
		Op: "download attachment " + id, Path: "attachments/download/{id}", Args: []string{id}, Expect: []int{http.StatusOK},
	})
}

func (c client) project(ctx context.Context, id string) (project, error) {
	op := "read project " + id
	var out struct {
		Project project `json:"project"`
	}
	err := c.get(ctx, op, "projects/{id}.json", url.Values{"include": {"trackers,issue_categories"}}, &out, id)
	if err == nil && (out.Project.ID == 0 || out.Project.Identifier == "") {
		err = incomplete(op, adapters.ErrConfiguration)
	}
	return out.Project, err
}

const maxRows = 5000

// rows reads all pages of a list that is short by nature.
func rows[T any](ctx context.Context, c client, op, path, key string, args ...string) ([]T, error) {
	var all []T
	for len(all) < maxRows {
		var out map[string]json.RawMessage
		query := url.Values{"limit": {"100"}, "offset": {strconv.Itoa(len(all))}}
		if err := c.get(ctx, op, path, query, &out, args...); err != nil {
			return nil, err
		}
		var page []T
		if out[key] == nil || rest.Decode(out[key], &page) != nil {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
		all = append(all, page...)
		// Lists that are not paged have no total and ignore the offset.
		var total int
		counted := out["total_count"] != nil && json.Unmarshal(out["total_count"], &total) == nil
		if !counted || len(all) >= total || len(page) == 0 {
			break
		}
	}
	return all, nil
}

func quoteList(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(quoted, ", ")
}
