package github

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

// client is GitHub's REST API, typed: one method a call. An answer that lacks what
// it must hold is an error, never an empty result.
type client struct {
	rest *rest.Client
	// app is set where an app signs in, nil for a token.
	app   *app
	owner string
	repo  string
	// page is how many rows are asked for at once.
	page int
	pace *pace
}

var (
	errIncomplete = errors.New("the answer lacks what it must hold")
	errNotGitHub  = errors.New("the sign-in is not there")
)

// version of the API: the one that all supported servers speak.
const (
	versionHeader = "X-GitHub-Api-Version"
	version       = "2022-11-28"
	accept        = "application/vnd.github+json"
)

func incomplete(op string, class error) error {
	return &adapters.Error{
		Class: class, Op: op, Err: errIncomplete,
		Hint: "what answered is not GitHub's API: check the address, and what stands in front of it",
	}
}

// do sends one request. Paths that begin with "issues", "labels" and so on are
// below the repository.
func (c client) do(ctx context.Context, r rest.Request) (*rest.Response, error) {
	r.Header = headers()
	res, err := c.rest.Do(ctx, r)
	return res, limited(err)
}

// leastWait is how long GitHub asks to wait where a limit does not say it.
const leastWait = time.Minute

// limited knows the limit on creating too fast by its words: it may come as a plain
// refusal, and without a time to wait.
func limited(err error) error {
	var known *adapters.Error
	if !errors.As(err, &known) {
		return err
	}
	words := strings.ToLower(known.Detail)
	says := strings.Contains(words, "rate limit") || strings.Contains(words, "abuse detection")
	told := errors.Is(err, adapters.ErrLimited) && known.After > 0
	if !says || told || !errors.Is(err, adapters.ErrLimited) && !rest.HasStatus(err, http.StatusForbidden) {
		return err
	}
	return &adapters.Error{Class: adapters.ErrLimited, Op: known.Op, Detail: known.Detail, After: leastWait, Err: known.Err}
}

func (c client) below(path string) string { return "repos/{owner}/{repo}/" + path }

func (c client) args(more ...string) []string { return append([]string{c.owner, c.repo}, more...) }

func (c client) write(ctx context.Context, op, method, path string, body, out any, expect int, args ...string) error {
	done, err := c.pace.wait(ctx, op)
	if err != nil {
		return err
	}
	defer done()
	_, err = c.do(ctx, rest.Request{
		Op: op, Method: method, Path: c.below(path), Args: c.args(args...), JSON: body, Out: out, Write: true, Expect: []int{expect},
	})
	return err
}

// pace keeps writes apart: GitHub limits accounts that create fast or at once.
type pace struct {
	slot  chan struct{}
	every time.Duration

	mu   sync.Mutex // guards the field below
	last time.Time
}

func newPace(every time.Duration) *pace { return &pace{slot: make(chan struct{}, 1), every: every} }

// wait takes the turn to write; done gives it back.
func (p *pace) wait(ctx context.Context, op string) (done func(), err error) {
	cancelled := func() error {
		return &adapters.Error{Class: adapters.ErrTransient, Op: op, Err: context.Cause(ctx)}
	}
	if ctx.Err() != nil {
		return nil, cancelled()
	}
	select {
	case p.slot <- struct{}{}:
	case <-ctx.Done():
		return nil, cancelled()
	}
	p.mu.Lock()
	left := time.Until(p.last.Add(p.every))
	p.mu.Unlock()
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		<-p.slot
		return nil, cancelled()
	}
	return func() {
		p.mu.Lock()
		p.last = time.Now()
		p.mu.Unlock()
		<-p.slot
	}, nil
}

// repository is where the issues are. A 404 that GitHub itself wrote is said for
// what is hidden too.
func (c client) repository(ctx context.Context) (repository, error) {
	const op = "read the repository"
	var out repository
	_, err := c.do(ctx, rest.Request{Op: op, Path: "repos/{owner}/{repo}", Args: c.args(), Out: &out, Expect: []int{http.StatusOK}})
	if errors.Is(err, adapters.ErrGone) {
		return out, hidden(op, err)
	}
	if err == nil && (out.ID == 0 || out.FullName == "" || out.Owner.Login == "" || out.HasIssues == nil) {
		err = incomplete(op, adapters.ErrConfiguration)
	}
	return out, err
}

// hidden is a 404 for the repository itself.
func hidden(op string, err error) error {
	var known *adapters.Error
	if errors.As(err, &known) && known.Detail != "" {
		return &adapters.Error{
			Class: adapters.ErrDenied, Op: op, Detail: known.Detail, Err: errors.New("the repository is not there, or this account may not see it"),
			Hint: "check the setting repository, and that the token or app was given this repository",
		}
	}
	return &adapters.Error{
		Class: adapters.ErrConfiguration, Op: op, Err: errNotGitHub,
		Hint: "there is no GitHub at this address: check it (https://api.github.com, or https://HOST/api/v3)",
	}
}

// top reads one thing that is not below the repository.
func (c client) top(ctx context.Context, op, path string, out any, args ...string) error {
	_, err := c.do(ctx, rest.Request{Op: op, Path: path, Args: args, Out: out, Expect: []int{http.StatusOK}})
	return err
}

// myself is the account that writes: an app has one of its own.
func (c client) myself(ctx context.Context) (user, error) {
	const op = "check the sign-in"
	if c.app != nil {
		login, err := c.app.login(ctx)
		if err != nil {
			return user{}, err
		}
		u, err := c.person(ctx, login)
		if errors.Is(err, adapters.ErrGone) {
			err = hidden(op, err)
		}
		return u, err
	}
	var out user
	err := c.top(ctx, op, "user", &out)
	if errors.Is(err, adapters.ErrGone) {
		return out, hidden(op, err)
	}
	if err == nil && (out.ID == 0 || out.Login == "") {
		err = incomplete(op, adapters.ErrConfiguration)
	}
	return out, err
}

// person is somebody by login; ErrGone if there is nobody.
func (c client) person(ctx context.Context, login string) (user, error) {
	op := "look up a person"
	var out user
	err := c.top(ctx, op, "users/{username}", &out, login)
	if err == nil && (out.ID == 0 || out.Login == "") {
		err = incomplete(op, adapters.ErrConfiguration)
	}
	return out, err
}

var errTransferred = errors.New("the issue was transferred to another repository")

// issue reads one issue as it is. Where GitHub points elsewhere the issue was
// transferred, and what stands there is another repository's.
func (c client) issue(ctx context.Context, op, number string) (*issue, error) {
	var out issue
	res, err := c.do(ctx, rest.Request{
		Op: op, Path: c.below("issues/{number}"), Args: c.args(number), Out: &out,
		Expect: []int{http.StatusOK, http.StatusMovedPermanently},
	})
	switch {
	case err != nil:
		return nil, err
	case res.Status == http.StatusMovedPermanently:
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errTransferred}
	case !out.sound() || out.id() != number:
		return nil, incomplete(op, adapters.ErrConfiguration)
	}
	return &out, nil
}

func (c client) create(ctx context.Context, body map[string]any) (*issue, error) {
	const op = "create an issue"
	var out issue
	err := c.write(ctx, op, http.MethodPost, "issues", body, &out, http.StatusCreated)
	if err == nil && !out.sound() {
		err = incomplete(op, adapters.ErrDoubt)
	}
	return &out, err
}

func (c client) update(ctx context.Context, number string, body map[string]any) error {
	op := "update issue " + number
	var out issue
	err := c.write(ctx, op, http.MethodPatch, "issues/{number}", body, &out, http.StatusOK, number)
	if err == nil && !out.sound() {
		err = incomplete(op, adapters.ErrDoubt)
	}
	return err
}

func (c client) addComment(ctx context.Context, number, body string) (string, error) {
	op := "comment on issue " + number
	var out comment
	err := c.write(ctx, op, http.MethodPost, "issues/{number}/comments", map[string]any{"body": body}, &out, http.StatusCreated, number)
	if err == nil && out.ID == 0 {
		err = incomplete(op, adapters.ErrDoubt)
	}
	return out.id(), err
}

func (c client) editComment(ctx context.Context, id, body string) error {
	op := "edit comment " + id
	var out comment
	err := c.write(ctx, op, http.MethodPatch, "issues/comments/{id}", map[string]any{"body": body}, &out, http.StatusOK, id)
	if err == nil && out.ID == 0 {
		err = incomplete(op, adapters.ErrDoubt)
	}
	return err
}

func (c client) addLabels(ctx context.Context, number string, names []string) error {
	return c.write(ctx, "label issue "+number, http.MethodPost, "issues/{number}/labels",
		map[string]any{"labels": names}, nil, http.StatusOK, number)
}

// removeLabel takes one label off. One that is not there is off already.
func (c client) removeLabel(ctx context.Context, number, name string) error {
	err := c.write(ctx, "label issue "+number, http.MethodDelete, "issues/{number}/labels/{name}", nil, nil, http.StatusOK, number, name)
	if errors.Is(err, adapters.ErrGone) {
		return nil
	}
	return err
}

func (c client) assign(ctx context.Context, number string, logins []string) error {
	return c.write(ctx, "assign issue "+number, http.MethodPost, "issues/{number}/assignees",
		map[string]any{"assignees": logins}, nil, http.StatusCreated, number)
}

func (c client) unassign(ctx context.Context, number string, logins []string) error {
	return c.write(ctx, "assign issue "+number, http.MethodDelete, "issues/{number}/assignees",
		map[string]any{"assignees": logins}, nil, http.StatusOK, number)
}

// assignable tells whether an issue can be assigned to somebody.
func (c client) assignable(ctx context.Context, op, login string) (bool, error) {
	_, err := c.do(ctx, rest.Request{
		Op: op, Path: c.below("assignees/{login}"), Args: c.args(login), Expect: []int{http.StatusNoContent},
	})
	if errors.Is(err, adapters.ErrGone) {
		return false, nil
	}
	return err == nil, err
}

func (c client) setValues(ctx context.Context, number string, values []any) error {
	return c.write(ctx, "set fields of issue "+number, http.MethodPost, "issues/{number}/issue-field-values",
		map[string]any{"issue_field_values": values}, nil, http.StatusOK, number)
}

// clearValue empties a field. One that has no value is empty already.
func (c client) clearValue(ctx context.Context, number, field string) error {
	err := c.write(ctx, "empty a field of issue "+number, http.MethodDelete, "issues/{number}/issue-field-values/{field}",
		nil, nil, http.StatusNoContent, number, field)
	if errors.Is(err, adapters.ErrGone) {
		return nil
	}
	return err
}

func (c client) addChild(ctx context.Context, parent string, child int64) error {
	return c.write(ctx, "put an issue below issue "+parent, http.MethodPost, "issues/{number}/sub_issues",
		map[string]any{"sub_issue_id": child, "replace_parent": true}, nil, http.StatusCreated, parent)
}

func (c client) removeChild(ctx context.Context, parent string, child int64) error {
	return c.write(ctx, "take an issue from below issue "+parent, http.MethodDelete, "issues/{number}/sub_issue",
		map[string]any{"sub_issue_id": child}, nil, http.StatusOK, parent)
}
