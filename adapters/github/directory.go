package github

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/recall"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// directory knows the names that the repository and its organisation give. All of
// it can be asked for again: nothing is lost with it.
type directory struct {
	api    client
	memory recall.Memory
}

func newDirectory(api client) *directory { return &directory{api: api} }

func isNotFound(err error) bool { return rest.HasStatus(err, http.StatusNotFound) }

// milestones are all of the repository's, closed ones too.
func (d *directory) milestones(ctx context.Context) ([]milestone, error) {
	return recall.Of(&d.memory, "milestones", func() ([]milestone, error) {
		l := list[milestone]{
			op: "list milestones", path: "milestones", query: url.Values{"state": {"all"}},
			key:   func(m *milestone) string { return strconv.FormatInt(m.Number, 10) },
			sound: func(m *milestone) bool { return m.Number > 0 && m.Title != "" },
		}
		all, err := l.read(ctx, d.api)
		return all, d.api.listError(ctx, err, l.op)
	})
}

func (d *directory) milestone(ctx context.Context, title string) (*milestone, error) {
	all, err := d.milestones(ctx)
	if err != nil {
		return nil, err
	}
	n := slices.IndexFunc(all, func(m milestone) bool { return m.Title == title })
	if n < 0 {
		return nil, nil
	}
	return &all[n], nil
}

// types are those of issues; none where the owner has none.
func (d *directory) types(ctx context.Context) ([]issueType, error) {
	return fromOrganisation(ctx, d, "list issue types", "orgs/{org}/issue-types", func(t *issueType) bool { return t.Name != "" })
}

// fields are those that the organisation gave its issues.
func (d *directory) fields(ctx context.Context) ([]fieldDef, error) {
	return fromOrganisation(ctx, d, "list issue fields", "orgs/{org}/issue-fields", func(f *fieldDef) bool { return f.ID > 0 && f.Name != "" })
}

// fromOrganisation is empty for a person's repository, for a server that does not
// know such lists, and for an account that may not read them.
func fromOrganisation[T any](ctx context.Context, d *directory, op, path string, sound func(*T) bool) ([]T, error) {
	return recall.Of(&d.memory, path, func() ([]T, error) {
		r, err := d.api.repository(ctx)
		if err != nil || !r.organisation() {
			return nil, err
		}
		var all []T
		err = d.api.top(ctx, op, path, &all, r.Owner.Login)
		if isNotFound(err) || rest.HasStatus(err, http.StatusForbidden) && errors.Is(err, adapters.ErrDenied) {
			return nil, nil
		}
		if err == nil && slices.ContainsFunc(all, func(x T) bool { return !sound(&x) }) {
			err = incomplete(op, adapters.ErrConfiguration)
		}
		return all, err
	})
}

// listError: a list cannot be gone. It is the repository that is not to be seen.
func (c client) listError(ctx context.Context, err error, op string) error {
	var known *adapters.Error
	if !errors.As(err, &known) || !errors.Is(known.Class, adapters.ErrGone) {
		return err
	}
	if _, err := c.repository(ctx); err != nil {
		return err
	}
	return &adapters.Error{
		Class: adapters.ErrConfiguration, Op: op, Detail: known.Detail, Err: known.Err,
		Hint: "check the address and the repository: this account sees nothing of the kind there",
	}
}

// kindOf is the type of an organisation's field; "" where there is none for it.
func (f *fieldDef) kindOf() event.Type {
	switch f.Kind {
	case "text":
		return event.TypeText
	case "number":
		return event.TypeNumber
	case "date":
		return event.TypeDate
	case "single_select":
		return event.TypeOption
	case "multi_select":
		return event.TypeOptions
	}
	return ""
}

func (f *fieldDef) options() []string {
	var out []string
	for _, o := range f.Options {
		out = append(out, o.Name)
	}
	return out
}

// named is the organisation's field behind a custom field; nil if there is none.
func (d *directory) named(ctx context.Context, name string) (*fieldDef, error) {
	own, ok := strings.CutPrefix(name, event.CustomPrefix)
	if !ok {
		return nil, nil
	}
	all, err := d.fields(ctx)
	if err != nil {
		return nil, err
	}
	n := slices.IndexFunc(all, func(f fieldDef) bool { return f.Name == own && f.kindOf() != "" && !isOurs(name) })
	if n < 0 {
		return nil, nil
	}
	return &all[n], nil
}
