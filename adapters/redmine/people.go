package redmine

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

// maxAsked bounds how many members are asked for one by one.
const maxAsked = 300

// FindUser implements adapters.People among the members of the projects, for
// Redmine's list of users is for administrators only. E-mail addresses can be
// matched only where people let them be shown.
func (t *Tracker) FindUser(ctx context.Context, query string) ([]event.User, error) {
	members, err := t.dir.everybody(ctx)
	if err != nil {
		return nil, err
	}
	var out []event.User
	for n, m := range members {
		u := userOf(m)
		if u.ID == query {
			return []event.User{u}, nil
		}
		if n >= maxAsked || isID(query) {
			continue
		}
		a, err := t.dir.user(ctx, m.ID)
		if errors.Is(err, adapters.ErrGone) || errors.Is(err, adapters.ErrDenied) {
			continue // a group, or somebody who is not shown to us
		}
		if err != nil {
			return nil, err
		}
		if a.Login == query || a.Mail != "" && strings.EqualFold(a.Mail, query) {
			u.Email = a.Mail
			out = append(out, u)
		}
	}
	return out, nil
}

// History implements adapters.Historian from the journal.
func (t *Tracker) History(ctx context.Context, ref event.Ref, since time.Time) ([]adapters.Edit, error) {
	me, err := t.account(ctx)
	if err != nil {
		return nil, err
	}
	i, err := t.issue(ctx, "read the history of issue "+ref.ID, ref, "journals,relations")
	if err != nil {
		return nil, err
	}
	var out []adapters.Edit
	links := i.linkEdits()
	for n, j := range i.Journals {
		// Redmine's seconds are whole: the one of since counts.
		if j.CreatedOn.Unix() < since.Unix() {
			continue
		}
		for m, d := range j.Details {
			e := adapters.Edit{At: j.CreatedOn.UTC(), Author: userOf(j.User), Own: j.User.ID == me.ID}
			if d.Property == "relation" {
				e.Field, e.Old, e.New = event.FieldLinks, links[[2]int{n, m}][0], links[[2]int{n, m}][1]
				out = append(out, e)
				continue
			}
			known, err := t.edit(ctx, &e, d, i.Project.ID)
			if err != nil {
				return nil, err
			}
			if known {
				out = append(out, e)
			}
		}
	}
	return out, nil
}

// edit fills in field, old and new; false for what is no field.
func (t *Tracker) edit(ctx context.Context, e *adapters.Edit, d detail, projectID int64) (bool, error) {
	if d.Property == "cf" {
		id, _ := strconv.ParseInt(d.Name, 10, 64)
		name, def, ok := t.dir.fieldByID(id)
		if !ok || name == t.set.markerField {
			return false, nil
		}
		e.Field = event.CustomPrefix + name
		var err error
		if e.Old, err = t.customValue(ctx, def, d.Old); err != nil {
			return false, err
		}
		e.New, err = t.customValue(ctx, def, d.New)
		return true, err
	}
	if d.Property != "attr" {
		return false, nil
	}
	name, list, err := t.attribute(ctx, d.Name, projectID)
	if err != nil || name == "" {
		return false, err
	}
	e.Field = name
	e.Old, e.New = t.attributeValue(name, list, d.Old), t.attributeValue(name, list, d.New)
	return true, nil
}

// attribute is the field behind a column, and the names behind its numbers.
func (t *Tracker) attribute(ctx context.Context, column string, projectID int64) (string, []named, error) {
	switch column {
	case "subject":
		return event.FieldSummary, nil, nil
	case "description":
		return event.FieldDescription, nil, nil
	case "due_date":
		return event.FieldDue, nil, nil
	case "estimated_hours":
		return event.FieldEstimate, nil, nil
	case "parent_id":
		return event.FieldParent, nil, nil
	case "status_id":
		all, err := t.dir.statuses(ctx)
		return event.FieldStatus, all, err
	case "priority_id":
		all, err := t.dir.priorities(ctx)
		return event.FieldPriority, all, err
	case "assigned_to_id":
		all, err := t.dir.everybody(ctx)
		return event.FieldAssignee, all, err
	case "fixed_version_id":
		all, err := t.dir.versions(ctx, projectID)
		return event.FieldFixVersions, all, err
	}
	p, err := t.dir.projectByID(ctx, projectID)
	switch column {
	case "tracker_id":
		return event.FieldType, p.Trackers, err
	case "category_id":
		return event.FieldComponents, p.Categories, err
	}
	return "", nil, nil
}

func (t *Tracker) attributeValue(name string, list []named, raw any) any {
	s := strings.Join(stringsOf(raw), "")
	if s == "" {
		return nil
	}
	n, _ := strconv.ParseInt(s, 10, 64)
	switch name {
	case event.FieldSummary:
		return defuse.MeantFormula(s)
	case event.FieldDescription:
		body, _ := cutMarker(s)
		return emptyNil(t.set.toMarkdown(body))
	case event.FieldEstimate:
		hours, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil
		}
		return seconds(&hours)
	case event.FieldParent:
		return map[string]any{"id": s, "key": s}
	case event.FieldAssignee:
		return userOf(named{ID: n, Name: nameOf(list, n)}).Value()
	case event.FieldComponents, event.FieldFixVersions:
		return []any{nameOf(list, n)}
	case event.FieldStatus, event.FieldPriority, event.FieldType:
		return nameOf(list, n)
	}
	return s
}
