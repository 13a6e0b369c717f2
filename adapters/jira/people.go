package jira

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

// FindUser implements adapters.People. E-mail addresses match only where people
// let them be shown.
func (t *Tracker) FindUser(ctx context.Context, query string) ([]event.User, error) {
	all, err := t.dir.users(ctx, query)
	if err != nil {
		return nil, err
	}
	var out []event.User
	seen := map[string]bool{}
	for n := range all {
		u := &all[n]
		exact := u.id() == query || u.Name == query || u.Key == query || u.Email != "" && strings.EqualFold(u.Email, query)
		if exact && u.id() != "" && !seen[u.id()] {
			seen[u.id()] = true
			out = append(out, u.event())
		}
	}
	return out, nil
}

// Assignable implements adapters.Assigner.
func (t *Tracker) Assignable(ctx context.Context, project, id string) (bool, error) {
	const op = "ask whether issues can be assigned to a person"
	if project == "" {
		if len(t.set.projects) != 1 {
			return false, &adapters.Error{
				Class: adapters.ErrRejected, Op: op, Err: errors.New("there are several projects and no ticket yet"),
				Hint: "set issue.project in the filter above the line that asks",
			}
		}
		project = t.set.projects[0]
	}
	all, err := t.dir.assignable(ctx, op, project, id)
	return slices.ContainsFunc(all, func(u user) bool { return u.id() == id }), err
}

// Tells implements adapters.Partial: of other fields History has some and leaves some out.
func (t *Tracker) Tells(field string) bool {
	switch field {
	case event.FieldSummary, event.FieldStatus, event.FieldResolution, event.FieldPriority, event.FieldAssignee,
		event.FieldReporter, event.FieldType, event.FieldDue, event.FieldLabels:
		return true
	}
	return false
}

// History implements adapters.Historian from the changelog. Formatted texts and
// sets other than labels are left out: the changelog does not spell them as the
// issue does.
func (t *Tracker) History(ctx context.Context, ref event.Ref, since time.Time) ([]adapters.Edit, error) {
	op := "read the history of issue " + ref.ID
	me, err := t.account(ctx)
	if err != nil {
		return nil, err
	}
	all, err := t.histories(ctx, op, ref)
	if err != nil {
		return nil, err
	}
	defs, err := t.dir.fields(ctx)
	if err != nil {
		return nil, err
	}
	var out []adapters.Edit
	for n := range all {
		h := &all[n]
		if h.Created.IsZero() {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
		if h.Created.Before(since) {
			continue
		}
		for _, item := range h.Items {
			def := item.field(defs)
			if def == nil {
				continue
			}
			e := adapters.Edit{At: h.Created.Time, Author: h.Author.event(), Field: def.name}
			e.Own = e.Author.ID == me.id()
			if e.Old, err = t.told(ctx, def, item.From, item.FromString); err != nil {
				return nil, err
			}
			if e.New, err = t.told(ctx, def, item.To, item.ToString); err != nil {
				return nil, err
			}
			out = append(out, e)
		}
	}
	return out, nil
}

// histories reads the changelog, oldest first.
func (t *Tracker) histories(ctx context.Context, op string, ref event.Ref) ([]history, error) {
	if t.api.cloud {
		i, err := t.issue(ctx, op, ref, only("created", "updated"))
		if err != nil {
			return nil, err
		}
		all, err := pages[history](ctx, t.api, op, "issue/{id}/changelog", []string{"values"}, i.ID)
		return all, t.believeGone(ctx, op, err)
	}
	i, err := t.issue(ctx, op, ref, url.Values{"fields": {"created,updated"}, "expand": {"changelog"}})
	if err != nil {
		return nil, err
	}
	if i.Changelog == nil {
		return nil, incomplete(op, adapters.ErrConfiguration)
	}
	return i.Changelog.Histories, nil
}

// field is what a line of the changelog is about; nil for what is no field here or
// is spelled otherwise.
func (c *changeItem) field(all []definition) *definition {
	for n := range all {
		def := &all[n]
		if c.FieldID != "" && c.FieldID != def.id || c.FieldID == "" && c.Field != def.id && event.CustomPrefix+c.Field != def.name {
			continue
		}
		switch def.kind {
		case event.TypeRich, event.TypeCascade, event.TypeUsers, event.TypeOptions, event.TypeTime, event.TypeRef, event.TypeLinks:
			return nil
		case event.TypeSet:
			if def.schema.Items != "string" {
				return nil
			}
		}
		return def
	}
	return nil
}

// told is a value as the changelog has it: an id, if the thing has one, and words.
func (t *Tracker) told(ctx context.Context, def *definition, raw, shown *string) (any, error) {
	id, name := deref(raw), deref(shown)
	if def.kind == event.TypeUser && id != "" {
		return t.toldPerson(ctx, id, name)
	}
	return plainTold(def, id, name), nil
}

// toldPerson is somebody by what the changelog names: in a Data Center the key,
// which does not change with the name that people are written by.
func (t *Tracker) toldPerson(ctx context.Context, id, name string) (any, error) {
	known := user{AccountID: id, DisplayName: name}
	u, err := t.dir.person(ctx, id)
	switch {
	case errors.Is(err, adapters.ErrGone):
		return known.value(), nil
	case err != nil:
		return nil, err
	}
	return u.value(), nil
}

func plainTold(def *definition, id, name string) any {
	switch def.kind {
	case event.TypeSet:
		return setOf(strings.Fields(name))
	case event.TypeNumber, event.TypeDuration:
		if n, err := strconv.ParseFloat(orDefault(name, id), 64); err == nil {
			return n
		}
		return nil
	case event.TypeDate:
		return emptyNil(orDefault(id, name))
	}
	switch {
	case def.id == "project":
		return emptyNil(id)
	case def.kind == event.TypeText:
		return emptyNil(defuse.MeantFormula(lines(name)))
	}
	return emptyNil(lines(name))
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
