package jira

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/once"
	"parley/adapters/internal/rest"
)

// client is Jira's REST API, typed: one method a call. An answer that lacks what
// it must hold is an error, never an empty result.
type client struct {
	rest  *rest.Client
	cloud bool
}

var (
	errIncomplete = errors.New("the answer lacks what it must hold")
	errNotJira    = errors.New("the sign-in is not there")
)

func incomplete(op string, class error) error {
	return &adapters.Error{
		Class: class, Op: op, Err: errIncomplete,
		Hint: "what answered is not Jira's API: check the address, and what stands in front of it",
	}
}

// path is below the API's root.
func (c client) path(p string) string {
	if c.cloud {
		return "rest/api/3/" + p
	}
	return "rest/api/2/" + p
}

func (c client) get(ctx context.Context, op, path string, query url.Values, out any, args ...string) error {
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Path: c.path(path), Args: args, Query: query, Out: out, Expect: []int{http.StatusOK},
	})
	return err
}

// ask is a read whose question is a body.
func (c client) ask(ctx context.Context, op, path string, query url.Values, body, out any) error {
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: c.path(path), Query: query, JSON: body, Out: out, Expect: []int{http.StatusOK},
	})
	return err
}

func (c client) write(ctx context.Context, op, method, path string, body, out any, expect int, args ...string) error {
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Method: method, Path: c.path(path), Args: args, JSON: body, Out: out, Write: true, Expect: []int{expect},
	})
	return err
}

// myself is the account behind the credential: the call that tells a good one
// from none.
func (c client) myself(ctx context.Context) (user, error) {
	const op = "check the sign-in"
	var out user
	err := c.get(ctx, op, "myself", nil, &out)
	if errors.Is(err, adapters.ErrGone) {
		return user{}, &adapters.Error{
			Class: adapters.ErrConfiguration, Op: op, Err: errNotJira, Hint: "there is no Jira at this address: check it",
		}
	}
	if err == nil && out.id() == "" {
		err = incomplete(op, adapters.ErrConfiguration)
	}
	return out, err
}

func (c client) issue(ctx context.Context, op, id string, query url.Values) (*issue, error) {
	var out issue
	if err := c.get(ctx, op, "issue/{id}", query, &out, id); err != nil {
		return nil, err
	}
	if out.settle() != nil || isID(id) && out.ID != id {
		return nil, incomplete(op, adapters.ErrConfiguration)
	}
	return &out, nil
}

// page is where a search goes on: a token in the Cloud, a number elsewhere.
type page struct {
	token string
	start int
}

type question struct {
	jql        string
	fields     []string
	properties []string
	size       int
}

// search is one page of issues; more tells whether there is another. Its
// emptiness proves nothing: see myself.
func (c client) search(ctx context.Context, op string, q question, at page) ([]issue, page, bool, error) {
	body := map[string]any{"jql": q.jql, "fields": q.fields, "maxResults": q.size}
	path := "search"
	if c.cloud {
		path = "search/jql"
		if len(q.properties) > 0 {
			body["properties"] = q.properties
		}
		if at.token != "" {
			body["nextPageToken"] = at.token
		}
	} else {
		body["startAt"] = at.start
	}
	var out struct {
		Issues *[]issue `json:"issues"`
		Total  *int     `json:"total"`
		Token  string   `json:"nextPageToken"`
	}
	if err := c.ask(ctx, op, path, nil, body, &out); err != nil {
		return nil, at, false, err
	}
	if out.Issues == nil || !c.cloud && out.Total == nil {
		return nil, at, false, incomplete(op, adapters.ErrConfiguration)
	}
	found := *out.Issues
	for i := range found {
		if found[i].settle() != nil {
			return nil, at, false, incomplete(op, adapters.ErrConfiguration)
		}
	}
	if c.cloud {
		if out.Token != "" && out.Token == at.token {
			// Seen in the field: the same page for ever.
			return nil, at, false, &adapters.Error{Class: adapters.ErrTransient, Op: op, Err: errors.New("the search gave the same page token again")}
		}
		return found, page{token: out.Token}, out.Token != "", nil
	}
	next := at.start + len(found)
	return found, page{start: next}, len(found) > 0 && next < *out.Total, nil
}

func (c client) create(ctx context.Context, body map[string]any) (string, error) {
	const op = "create an issue"
	var out struct {
		ID  string `json:"id"`
		Key string `json:"key"`
	}
	err := c.write(ctx, op, http.MethodPost, "issue", body, &out, http.StatusCreated)
	if errors.Is(err, adapters.ErrGone) {
		err = &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: errNotJira, Hint: "there is no Jira at this address: check it"}
	}
	if err == nil && (!isID(out.ID) || out.Key == "") {
		err = incomplete(op, adapters.ErrDoubt)
	}
	return out.ID, err
}

func (c client) update(ctx context.Context, id string, body map[string]any) error {
	return c.write(ctx, "update issue "+id, http.MethodPut, "issue/{id}", body, nil, http.StatusNoContent, id)
}

func (c client) transitions(ctx context.Context, op, id string) ([]transition, error) {
	var out struct {
		Transitions *[]transition `json:"transitions"`
	}
	if err := c.get(ctx, op, "issue/{id}/transitions", url.Values{"expand": {"transitions.fields"}}, &out, id); err != nil {
		return nil, err
	}
	if out.Transitions == nil {
		return nil, incomplete(op, adapters.ErrConfiguration)
	}
	return *out.Transitions, nil
}

func (c client) transit(ctx context.Context, id string, body map[string]any) error {
	return c.write(ctx, "change the status of issue "+id, http.MethodPost, "issue/{id}/transitions", body, nil, http.StatusNoContent, id)
}

const (
	maxComments  = 5000
	commentsPage = 100
)

// comments reads all comments of an issue, oldest first.
func (c client) comments(ctx context.Context, op, id string) ([]comment, error) {
	var all []comment
	for len(all) < maxComments {
		var out struct {
			Comments *[]comment `json:"comments"`
			Total    *int       `json:"total"`
		}
		query := url.Values{"startAt": {strconv.Itoa(len(all))}, "maxResults": {strconv.Itoa(commentsPage)}, "orderBy": {"created"}}
		if !c.cloud {
			query.Set("expand", "properties")
		}
		if err := c.get(ctx, op, "issue/{id}/comment", query, &out, id); err != nil {
			return nil, err
		}
		if out.Comments == nil || out.Total == nil {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
		for _, x := range *out.Comments {
			if !isID(x.ID) || x.Created.IsZero() {
				return nil, incomplete(op, adapters.ErrConfiguration)
			}
		}
		all = append(all, *out.Comments...)
		if len(*out.Comments) == 0 || len(all) >= *out.Total {
			break
		}
	}
	return once.Rows(all, func(x *comment) string { return x.ID }), nil
}

// commentProperties reads the properties of comments by their ids. What is not
// among the answers was deleted meanwhile.
func (c client) commentProperties(ctx context.Context, op string, ids []int64) (map[string][]property, error) {
	out := map[string][]property{}
	for len(ids) > 0 {
		n := min(len(ids), commentsPage)
		var page struct {
			Values *[]comment `json:"values"`
		}
		if err := c.ask(ctx, op, "comment/list", url.Values{"expand": {"properties"}}, map[string]any{"ids": ids[:n]}, &page); err != nil {
			return nil, err
		}
		if page.Values == nil {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
		for _, x := range *page.Values {
			if x.Properties == nil {
				return nil, incomplete(op, adapters.ErrConfiguration)
			}
			out[x.ID] = *x.Properties
		}
		ids = ids[n:]
	}
	return out, nil
}

// commentProperty is one property of a comment; nil if it has none by that key.
func (c client) commentProperty(ctx context.Context, op, id, key string) (json.RawMessage, error) {
	var out property
	err := c.get(ctx, op, "comment/{id}/properties/{key}", nil, &out, id, key)
	if errors.Is(err, adapters.ErrGone) {
		return nil, nil
	}
	if err == nil && out.Key != key {
		err = incomplete(op, adapters.ErrConfiguration)
	}
	return out.Value, err
}

func (c client) addComment(ctx context.Context, id string, body map[string]any) (string, error) {
	op := "comment on issue " + id
	var out comment
	err := c.write(ctx, op, http.MethodPost, "issue/{id}/comment", body, &out, http.StatusCreated, id)
	if err == nil && !isID(out.ID) {
		err = incomplete(op, adapters.ErrDoubt)
	}
	return out.ID, err
}

func (c client) editComment(ctx context.Context, issueID, id string, body map[string]any) error {
	return c.write(ctx, "edit comment "+id, http.MethodPut, "issue/{id}/comment/{id}", body, nil, http.StatusOK, issueID, id)
}

func (c client) attach(ctx context.Context, id, name, kind string, size int64, r io.Reader) (string, error) {
	op := "attach a file to issue " + id
	body, err := rest.Multipart(rest.Part{Name: "file", FileName: name, Type: kind, Size: size, Reader: r})
	if err != nil {
		return "", &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: err}
	}
	var out []attachment
	_, err = c.rest.Do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: c.path("issue/{id}/attachments"), Args: []string{id}, Write: true,
		Header: http.Header{"X-Atlassian-Token": {"no-check"}}, Body: body, Out: &out, Expect: []int{http.StatusOK},
	})
	if err != nil {
		return "", err
	}
	if len(out) != 1 || !isID(out[0].ID.String()) {
		return "", incomplete(op, adapters.ErrDoubt)
	}
	return out[0].ID.String(), nil
}

func (c client) attachment(ctx context.Context, id string) (attachment, error) {
	op := "read attachment " + id
	var out attachment
	err := c.get(ctx, op, "attachment/{id}", nil, &out, id)
	if err == nil && (out.Name == "" || out.Size == nil) {
		err = incomplete(op, adapters.ErrConfiguration)
	}
	return out, err
}

// download goes to another host in the Cloud, without the credential.
func (c client) download(ctx context.Context, id, name string) (*rest.Stream, error) {
	r := rest.Request{Op: "download attachment " + id, Expect: []int{http.StatusOK}}
	if c.cloud {
		r.Path, r.Args = c.path("attachment/content/{id}"), []string{id}
	} else {
		r.Path, r.Args = "secure/attachment/{id}/{name}", []string{id, name}
	}
	return c.rest.Stream(ctx, r)
}

// pages reads all rows of a list under one of the keys that Jira uses.
func pages[T any](ctx context.Context, c client, op, path string, keys []string, args ...string) ([]T, error) {
	const most = 5000
	var all []T
	for len(all) < most {
		var out map[string]json.RawMessage
		query := url.Values{"startAt": {strconv.Itoa(len(all))}, "maxResults": {"100"}}
		if err := c.get(ctx, op, path, query, &out, args...); err != nil {
			return nil, err
		}
		var rows *[]T
		for _, key := range keys {
			if out[key] != nil && rest.Decode(out[key], &rows) != nil {
				return nil, incomplete(op, adapters.ErrConfiguration)
			}
		}
		if rows == nil {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
		all = append(all, *rows...)
		total := 0
		_ = json.Unmarshal(out["total"], &total)
		last := strings.TrimSpace(string(out["isLast"])) == "true"
		if last || len(*rows) == 0 || len(all) >= total {
			break
		}
	}
	return all, nil
}
