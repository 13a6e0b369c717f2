package gitlab

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// client is GitLab's REST API, typed: one method a call. An answer that lacks what it
// must hold is an error, never an empty result.
type client struct {
	rest *rest.Client
	// name of the project: its path or number.
	name string
	page int
}

var (
	errIncomplete = errors.New("the answer lacks what it must hold")
	errNotGitLab  = errors.New("the sign-in is not there")
)

func incomplete(op string, class error) error {
	return &adapters.Error{
		Class: class, Op: op, Err: errIncomplete,
		Hint: "what answered is not GitLab's API: check the address, and what stands in front of it",
	}
}

func (c client) below(path string) string { return "api/v4/projects/{id}/" + path }

func (c client) args(more ...string) []string { return append([]string{c.name}, more...) }

func (c client) write(ctx context.Context, op, method, path string, body, out any, expect int, args ...string) error {
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Method: method, Path: c.below(path), Args: c.args(args...), JSON: body, Out: out, Write: true, Expect: []int{expect},
	})
	return err
}

// project is where the issues are. A 404 that GitLab itself wrote is said for what is
// hidden too.
func (c client) project(ctx context.Context) (project, error) {
	const op = "read the project"
	var out project
	_, err := c.rest.Do(ctx, rest.Request{Op: op, Path: "api/v4/projects/{id}", Args: c.args(), Out: &out, Expect: []int{http.StatusOK}})
	if errors.Is(err, adapters.ErrGone) {
		return out, hidden(op, err)
	}
	if err == nil && (out.ID == 0 || out.Path == "") {
		err = incomplete(op, adapters.ErrConfiguration)
	}
	return out, err
}

func hidden(op string, err error) error {
	var known *adapters.Error
	if errors.As(err, &known) && known.Detail != "" {
		return &adapters.Error{
			Class: adapters.ErrDenied, Op: op, Detail: known.Detail, Err: errors.New("the project is not there, or this account may not see it"),
			Hint: "check the setting project, and that the token's account is a member",
		}
	}
	return &adapters.Error{
		Class: adapters.ErrConfiguration, Op: op, Err: errNotGitLab,
		Hint: "there is no GitLab at this address: check it (https://gitlab.com, without /api/v4)",
	}
}

func (c client) myself(ctx context.Context) (user, error) {
	const op = "check the sign-in"
	var out user
	_, err := c.rest.Do(ctx, rest.Request{Op: op, Path: "api/v4/user", Out: &out, Expect: []int{http.StatusOK}})
	if errors.Is(err, adapters.ErrGone) {
		return out, hidden(op, err)
	}
	if err == nil && (out.ID == 0 || out.Username == "") {
		err = incomplete(op, adapters.ErrConfiguration)
	}
	return out, err
}

// people are those of the project whose name is like a query.
func (c client) people(ctx context.Context, query string) ([]user, error) {
	l := list[user]{
		op: "look up people", path: "users", query: url.Values{"search": {query}},
		key: func(u *user) string { return u.Username }, sound: func(u *user) bool { return u.ID > 0 && u.Username != "" },
	}
	all, err := l.read(ctx, c)
	return all, c.listError(ctx, err, l.op)
}

func (c client) issue(ctx context.Context, op, iid string) (*issue, error) {
	var out issue
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Path: c.below("issues/{iid}"), Args: c.args(iid), Out: &out, Expect: []int{http.StatusOK},
	})
	if err == nil && (!out.sound() || out.id() != iid) {
		err = incomplete(op, adapters.ErrConfiguration)
	}
	return &out, err
}

// links are the issues that one is linked to, in one answer.
func (c client) links(ctx context.Context, op, iid string) ([]related, error) {
	var out []related
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Path: c.below("issues/{iid}/links"), Args: c.args(iid), Out: &out, Expect: []int{http.StatusOK},
	})
	for n := range out {
		if err == nil && !out[n].sound() {
			err = incomplete(op, adapters.ErrConfiguration)
		}
	}
	return out, err
}

func (c client) link(ctx context.Context, i *issue, l event.Link) error {
	return c.write(ctx, "link issue "+i.id(), http.MethodPost, "issues/{iid}/links", map[string]any{
		"target_project_id": strconv.FormatInt(i.Project, 10), "target_issue_iid": l.ID, "link_type": relation(l.Type),
	}, nil, http.StatusCreated, i.id())
}

// unlink takes a link away, by its own number. The description says that it answers nothing,
// the documents that it answers the link.
func (c client) unlink(ctx context.Context, iid, id string) error {
	_, err := c.rest.Do(ctx, rest.Request{
		Op: "take a link of issue " + iid + " away", Method: http.MethodDelete, Path: c.below("issues/{iid}/links/{id}"), Args: c.args(iid, id),
		Write: true, Expect: []int{http.StatusOK, http.StatusNoContent},
	})
	return err
}

// token is what the credential is; ErrGone where GitLab does not tell, as of tokens that
// no person or bot has.
func (c client) token(ctx context.Context) (secret, error) {
	var out secret
	_, err := c.rest.Do(ctx, rest.Request{
		Op: "look at the token", Path: "api/v4/personal_access_tokens/self", Out: &out, Expect: []int{http.StatusOK},
	})
	return out, err
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

func (c client) update(ctx context.Context, iid string, body map[string]any) error {
	op := "update issue " + iid
	var out issue
	err := c.write(ctx, op, http.MethodPut, "issues/{iid}", body, &out, http.StatusOK, iid)
	if err == nil && !out.sound() {
		err = incomplete(op, adapters.ErrDoubt)
	}
	return err
}

func (c client) addNote(ctx context.Context, iid, body string, internal bool) (string, error) {
	op := "comment on issue " + iid
	var out note
	err := c.write(ctx, op, http.MethodPost, "issues/{iid}/notes", map[string]any{"body": body, "internal": internal}, &out, http.StatusCreated, iid)
	if err == nil && out.ID == 0 {
		err = incomplete(op, adapters.ErrDoubt)
	}
	return out.id(), err
}

// notes are all of an issue, oldest first.
func (c client) notes(ctx context.Context, op, iid string) ([]note, error) {
	return list[note]{
		op: op, path: "issues/{iid}/notes", args: []string{iid},
		query: url.Values{"order_by": {"created_at"}, "sort": {"asc"}}, key: (*note).id, sound: (*note).sound,
	}.read(ctx, c)
}

func (c client) note(ctx context.Context, op, iid, id string) (*note, error) {
	var out note
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Path: c.below("issues/{iid}/notes/{id}"), Args: c.args(iid, id), Out: &out, Expect: []int{http.StatusOK},
	})
	if err == nil && (!out.sound() || out.id() != id) {
		err = incomplete(op, adapters.ErrConfiguration)
	}
	return &out, err
}

func (c client) editNote(ctx context.Context, iid, id, body string) error {
	op := "edit comment " + id
	var out note
	err := c.write(ctx, op, http.MethodPut, "issues/{iid}/notes/{id}", map[string]any{"body": body}, &out, http.StatusOK, iid, id)
	if err == nil && out.ID == 0 {
		err = incomplete(op, adapters.ErrDoubt)
	}
	return err
}

var uploadAddress = regexp.MustCompile(`^/uploads/([0-9a-f]{32})/([^/\s()]+)$`)

// upload puts a file into the project; nothing shows it yet.
func (c client) upload(ctx context.Context, project int64, name, kind string, size int64, r io.Reader) (upload, error) {
	const op = "upload a file"
	body, err := rest.Multipart(rest.Part{Name: "file", FileName: name, Type: kind, Size: size, Reader: r})
	if err != nil {
		return upload{}, &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: err}
	}
	var out upload
	_, err = c.rest.Do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: c.below("uploads"), Args: []string{strconv.FormatInt(project, 10)},
		Body: body, Out: &out, Write: true, Expect: []int{http.StatusCreated},
	})
	if err != nil {
		return upload{}, err
	}
	m := uploadAddress.FindStringSubmatch(out.URL)
	if m == nil {
		return upload{}, incomplete(op, adapters.ErrDoubt)
	}
	out.Secret, out.FileName = m[1], m[2]
	return out, nil
}

// stream gives the bytes of a file. A page that somebody puts in its place (a sign-in, a
// notice that GitLab is down) is none: GitLab itself never sends HTML to be shown.
func (c client) stream(ctx context.Context, op string, project int64, secret, file string) (*rest.Stream, error) {
	s, err := c.rest.Stream(ctx, rest.Request{
		Op: op, Path: c.below("uploads/{secret}/{file}"), Args: []string{strconv.FormatInt(project, 10), secret, file},
		Expect: []int{http.StatusOK},
	})
	if err != nil {
		return nil, err
	}
	kind, _, _ := strings.Cut(s.Header.Get("Content-Type"), ";")
	if strings.EqualFold(strings.TrimSpace(kind), "text/html") && s.Header.Get("Content-Disposition") == "" {
		_ = s.Close()
		return nil, &adapters.Error{Class: adapters.ErrTransient, Op: op, Err: errors.New("a page came in place of the file")}
	}
	return s, nil
}

// size of a file. GitLab tells it nowhere but with the bytes, which are read only if it
// does not tell it before them.
func (c client) size(ctx context.Context, project int64, secret, file string) (int64, error) {
	s, err := c.stream(ctx, "look at a file", project, secret, file)
	if err != nil {
		return -1, err
	}
	defer func() { _ = s.Close() }()
	if s.Size >= 0 {
		return s.Size, nil
	}
	return io.Copy(io.Discard, s)
}
