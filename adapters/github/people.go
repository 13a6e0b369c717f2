package github

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

var loginPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}(?:\[bot\])?$`)

// FindUser implements adapters.People, by login: GitHub tells nobody's e-mail
// address, and finds nobody by it.
func (t *Tracker) FindUser(ctx context.Context, query string) ([]event.User, error) {
	if !loginPattern.MatchString(query) {
		_, err := t.check(ctx)
		return nil, err
	}
	u, err := t.api.person(ctx, query)
	if errors.Is(err, adapters.ErrGone) {
		_, err := t.check(ctx)
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	return []event.User{u.event()}, nil
}

// Assignable implements adapters.Assigner; there is one repository.
func (t *Tracker) Assignable(ctx context.Context, _, id string) (bool, error) {
	if !loginPattern.MatchString(id) {
		return false, nil
	}
	return t.api.assignable(ctx, "ask whether issues can be assigned to a person", id)
}

// login is a person as GitHub writes them. Somebody whom an issue cannot be assigned
// to would be dropped silently.
func (e *edit) login(ctx context.Context, v any) (string, error) {
	m, _ := v.(map[string]any)
	var tried []string
	for _, key := range []string{"id", "name"} {
		name, _ := m[key].(string)
		if !loginPattern.MatchString(name) || slices.Contains(tried, name) {
			continue
		}
		tried = append(tried, name)
		ok, err := e.t.api.assignable(ctx, e.op, name)
		if ok || err != nil {
			return name, err
		}
	}
	name, _ := m["name"].(string)
	return "", &adapters.Error{
		Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf("issues cannot be assigned to %q: GitHub would drop it silently", name),
		Hint: "map people to logins in the filter, and give those at least the role Triage in the repository",
	}
}

// assignee sets the one that other trackers know. Others who are assigned stay.
func (e *edit) assignee(ctx context.Context, v any) error {
	var rest []string
	if e.of != nil && len(e.of.logins()) > 0 {
		rest = e.of.logins()[1:]
	}
	e.setPeople = true
	if v == nil {
		e.people = rest
		return nil
	}
	login, err := e.login(ctx, v)
	e.people = append([]string{login}, rest...)
	return err
}

func (e *edit) assignees(ctx context.Context, v any) error {
	all, ok := v.([]any)
	if v != nil && !ok {
		return e.reject("%s is %T, not a list", fieldAssignees, v)
	}
	e.setPeople, e.people = true, nil
	for _, x := range all {
		login, err := e.login(ctx, x)
		if err != nil {
			return err
		}
		e.people = append(e.people, login)
	}
	return nil
}

// difference is what to add and what to remove, names alike in other letters being
// the same.
func difference(have, want []string) (add, remove []string) {
	lacks := func(all []string, s string) bool {
		return !slices.ContainsFunc(all, func(x string) bool { return strings.EqualFold(x, s) })
	}
	for _, s := range want {
		if lacks(have, s) && lacks(add, s) {
			add = append(add, s)
		}
	}
	for _, s := range have {
		if lacks(want, s) {
			remove = append(remove, s)
		}
	}
	return add, remove
}

// Tells implements adapters.Partial: the timeline has no edits of texts, and of fields
// with several values or of an organisation only some.
func (t *Tracker) Tells(field string) bool {
	switch field {
	case event.FieldSummary, event.FieldStatus, event.FieldResolution, event.FieldLabels, event.FieldAssignee, fieldMilestone:
		return true
	}
	return false
}

// History implements adapters.Historian from the events of an issue. Edits of the
// description are not among them.
func (t *Tracker) History(ctx context.Context, ref event.Ref, since time.Time) ([]adapters.Edit, error) {
	op := "read the history of issue " + ref.ID
	me, err := t.account(ctx)
	if err != nil {
		return nil, err
	}
	i, err := t.issue(ctx, op, ref)
	if err != nil {
		return nil, err
	}
	all, err := t.activities(ctx, op, i)
	if err != nil {
		return nil, err
	}
	var out []adapters.Edit
	labels := i.labelNames()
	// Events tell what came and went: the sets are worked out from the end.
	for _, a := range slices.Backward(all) {
		for _, e := range a.edits(&labels) {
			e.At, e.Author = a.Created.UTC(), a.Actor.event()
			e.Own = a.Actor != nil && a.Actor.ID == me.ID
			if !e.At.Before(since) {
				out = append(out, e)
			}
		}
	}
	slices.Reverse(out)
	return out, nil
}

// edits are the fields that an event changed; labels are those behind it, and
// become those before it.
func (a *activity) edits(labels *[]string) []adapters.Edit {
	switch {
	case a.Event == "renamed" && a.Rename != nil:
		return []adapters.Edit{{Field: event.FieldSummary, Old: emptyNil(titleOf(a.Rename.From)), New: emptyNil(titleOf(a.Rename.To))}}
	case a.Event == "closed":
		return []adapters.Edit{
			{Field: event.FieldResolution, New: emptyNil(a.Reason)},
			{Field: event.FieldStatus, Old: stateOpen, New: stateClosed},
		}
	case a.Event == "reopened":
		return []adapters.Edit{{Field: event.FieldStatus, Old: stateClosed, New: stateOpen}}
	case (a.Event == "labeled" || a.Event == "unlabeled") && a.Label != nil:
		behind := slices.Clone(*labels)
		before := slices.DeleteFunc(slices.Clone(behind), func(s string) bool { return s == a.Label.Name })
		if a.Event == "unlabeled" {
			before = append(before, a.Label.Name)
		}
		*labels = before
		return []adapters.Edit{{Field: event.FieldLabels, Old: setOf(before), New: setOf(behind)}}
	case a.Event == "milestoned" && a.Milestone != nil:
		return []adapters.Edit{{Field: fieldMilestone, New: emptyNil(a.Milestone.Title)}}
	case a.Event == "demilestoned" && a.Milestone != nil:
		return []adapters.Edit{{Field: fieldMilestone, Old: emptyNil(a.Milestone.Title)}}
	case a.Event == "assigned" && a.Assignee != nil:
		return []adapters.Edit{{Field: event.FieldAssignee, New: a.Assignee.value()}}
	case a.Event == "unassigned" && a.Assignee != nil:
		return []adapters.Edit{{Field: event.FieldAssignee, Old: a.Assignee.value()}}
	}
	return nil
}
