package redmine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"parley/adapters"
	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

// maxSubject is Redmine's own limit, in characters.
const maxSubject = 255

// encoder turns fields into what a POST or PUT takes.
type encoder struct {
	t       *Tracker
	op      string
	project project
	out     map[string]any
	custom  []map[string]any
	// unknown are custom fields whose numbers are not known yet.
	unknown event.Fields
}

func (e *encoder) reject(format string, args ...any) error {
	return &adapters.Error{Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf(format, args...)}
}

// encode handles all fields but project, type, description, status and links,
// which need the issue as it is.
func (e *encoder) encode(ctx context.Context, fields event.Fields) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if err := e.one(ctx, name, fields[name]); err != nil {
			return err
		}
	}
	if len(e.custom) > 0 {
		e.out["custom_fields"] = e.custom
	}
	return nil
}

func (e *encoder) one(ctx context.Context, name string, v any) error {
	switch name {
	case event.FieldProject, event.FieldType, event.FieldDescription, event.FieldStatus, event.FieldLinks:
		return nil
	case event.FieldSummary:
		return e.summary(v)
	case event.FieldPriority:
		all, err := e.t.dir.priorities(ctx)
		if err != nil {
			return err
		}
		return e.named("priority_id", "priority", v, all)
	case event.FieldAssignee:
		id, err := e.person(ctx, v)
		e.out["assigned_to_id"] = id
		return err
	case event.FieldDue:
		s, err := e.text(name, v)
		e.out["due_date"] = s
		return err
	case event.FieldComponents:
		return e.single(name, "category_id", v, e.project.Categories)
	case event.FieldFixVersions:
		all, err := e.t.dir.versions(ctx, e.project.ID)
		if err != nil {
			return err
		}
		return e.single(name, "fixed_version_id", v, all)
	case event.FieldEstimate:
		return e.estimate(v)
	case event.FieldParent:
		return e.parent(v)
	}
	if custom, ok := strings.CutPrefix(name, event.CustomPrefix); ok && custom != e.t.set.markerField {
		return e.customField(ctx, custom, v)
	}
	return e.reject("Redmine has no field %q that can be written", name)
}

func (e *encoder) summary(v any) error {
	s, err := e.text(event.FieldSummary, v)
	if err != nil {
		return err
	}
	s = defuse.Line(s)
	if n := utf8.RuneCountInString(s); n > maxSubject {
		return e.reject("the summary has %d characters, Redmine takes %d", n, maxSubject)
	}
	if strings.TrimSpace(s) == "" {
		return e.reject("the summary is empty, which Redmine does not take")
	}
	e.out["subject"] = s
	return nil
}

func (e *encoder) text(name string, v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	return "", e.reject("%s is %T, not text", name, v)
}

func (e *encoder) named(key, what string, v any, all []named) error {
	s, err := e.text(what, v)
	if err != nil {
		return err
	}
	id, ok := byName(all, s)
	if !ok {
		return e.reject("there is no %s %q; there are %s", what, s, quoteList(names(all)))
	}
	e.out[key] = id
	return nil
}

// single is for what is a set elsewhere and one thing in Redmine.
func (e *encoder) single(name, key string, v any, all []named) error {
	list, err := e.strings(name, v)
	switch {
	case err != nil:
		return err
	case len(list) == 0:
		e.out[key] = ""
		return nil
	case len(list) > 1:
		return e.reject("%s has %d entries, Redmine takes one", name, len(list))
	}
	return e.named(key, name, list[0], all)
}

func (e *encoder) strings(name string, v any) ([]string, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		return []string{v}, nil
	case []any:
		out := make([]string, 0, len(v))
		for _, x := range v {
			s, ok := x.(string)
			if !ok {
				return nil, e.reject("%s holds %T, not text", name, x)
			}
			out = append(out, s)
		}
		return out, nil
	}
	return nil, e.reject("%s is %T, not a list of texts", name, v)
}

func (e *encoder) estimate(v any) error {
	switch v := v.(type) {
	case nil:
		e.out["estimated_hours"] = ""
	case float64:
		e.out["estimated_hours"] = v / 3600
	default:
		return e.reject("%s is %T, not seconds", event.FieldEstimate, v)
	}
	return nil
}

func (e *encoder) parent(v any) error {
	if v == nil {
		e.out["parent_issue_id"] = ""
		return nil
	}
	ref, _ := v.(map[string]any)
	id, _ := ref["id"].(string)
	if !isID(id) {
		return e.reject("%s does not hold the id of an issue", event.FieldParent)
	}
	e.out["parent_issue_id"] = id
	return nil
}

// person is the id of a member: by e-mail address or login where one is given,
// else by id and name, else by a name that only one has.
func (e *encoder) person(ctx context.Context, v any) (string, error) {
	if v == nil {
		return "", nil
	}
	u, err := e.userOf(v)
	if err != nil {
		return "", err
	}
	members, err := e.t.dir.everybody(ctx)
	if err != nil {
		return "", err
	}
	var byName []string
	for _, m := range members {
		id := strconv.FormatInt(m.ID, 10)
		if u.ID == id && (u.Name == "" || u.Name == m.Name) {
			return id, nil
		}
		if u.Name != "" && m.Name == u.Name {
			byName = append(byName, id)
		}
	}
	for _, query := range []string{u.Email, u.ID} {
		if query == "" {
			continue
		}
		found, err := e.t.FindUser(ctx, query)
		if err != nil {
			return "", err
		}
		if len(found) == 1 && (query == u.Email || !isID(query)) {
			return found[0].ID, nil
		}
	}
	if len(byName) == 1 {
		return byName[0], nil
	}
	return "", &adapters.Error{
		Class: adapters.ErrRejected, Op: e.op, Err: errors.New("no member of the project is this person"),
		Hint: "make the person a member of the project, or let the filter name somebody who is",
	}
}

func (e *encoder) userOf(v any) (event.User, error) {
	switch v := v.(type) {
	case string:
		return event.User{ID: v, Name: v, Email: v}, nil
	case map[string]any:
		var u event.User
		u.ID, _ = v["id"].(string)
		u.Name, _ = v["name"].(string)
		u.Email, _ = v["email"].(string)
		return u, nil
	}
	return event.User{}, e.reject("%T is not a person", v)
}

func (e *encoder) customField(ctx context.Context, name string, v any) error {
	fields, err := e.t.dir.customFields(ctx)
	if err != nil {
		return err
	}
	def, ok := fields[name]
	if !ok {
		e.t.dir.memory.ForgetAll()
		if fields, err = e.t.dir.customFields(ctx); err != nil {
			return err
		}
		def, ok = fields[name]
	}
	switch {
	case ok:
	case len(fields) == 0:
		// There is no issue yet to learn the numbers from.
		e.unknown[event.CustomPrefix+name] = v
		return nil
	default:
		return e.reject("there is no custom field %q; there are %s", name, quoteList(slices.Sorted(maps.Keys(fields))))
	}
	raw, err := e.customValue(ctx, name, def, v)
	if err != nil {
		return err
	}
	e.custom = append(e.custom, map[string]any{"id": def.id, "value": raw})
	return nil
}

func (e *encoder) customValue(ctx context.Context, name string, def field, v any) (any, error) {
	switch def.kind {
	case event.TypeOptions, event.TypeSet:
		list, err := e.strings(name, v)
		if len(list) == 0 {
			list = []string{""} // an empty list is no value to Redmine, and changes nothing
		}
		return list, err
	case event.TypeUsers:
		all, _ := v.([]any)
		list := []string{}
		for _, u := range all {
			id, err := e.person(ctx, u)
			if err != nil {
				return nil, err
			}
			list = append(list, id)
		}
		return list, nil
	case event.TypeUser:
		return e.person(ctx, v)
	case event.TypeNumber:
		switch v := v.(type) {
		case nil:
			return "", nil
		case float64:
			return strconv.FormatFloat(v, 'f', -1, 64), nil
		}
		return nil, e.reject("%s is %T, not a number", name, v)
	case event.TypeBool:
		switch v {
		case nil:
			return "", nil
		case true:
			return "1", nil
		case false:
			return "0", nil
		}
		return nil, e.reject("%s is %T, not true or false", name, v)
	}
	s, err := e.text(name, v)
	switch def.kind {
	case event.TypeRich:
		s = e.t.set.fromMarkdown(s)
	case event.TypeText:
		s = defuse.Line(s)
	}
	return s, err
}
