package jira

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"parley/adapters"
	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

// maxSummary is Jira's own limit, in characters.
const maxSummary = 255

// encoder turns fields into what a create or an edit takes.
type encoder struct {
	t   *Tracker
	op  string
	out map[string]any
	// operations are what takes more than a value.
	operations map[string]any
}

func (e *encoder) reject(format string, args ...any) error {
	return &adapters.Error{Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf(format, args...)}
}

// encode handles all fields but project, type, status, parent and links, which need the issue
// as it is.
func (e *encoder) encode(ctx context.Context, fields event.Fields) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch name {
		case event.FieldProject, event.FieldType, event.FieldStatus, event.FieldParent, event.FieldLinks:
			continue
		case event.FieldEstimate:
			if err := e.estimate(fields[name]); err != nil {
				return err
			}
			continue
		case event.FieldKey, event.FieldURL, event.FieldCreated, event.FieldUpdated, event.FieldCreator, event.FieldSpent:
			return e.reject("%s cannot be written", name)
		}
		def, err := e.t.dir.byName(ctx, name)
		if err != nil {
			return err
		}
		if def == nil {
			return e.reject("Jira has no field %q that can be written", name)
		}
		if e.out[def.id], err = e.value(ctx, def, fields[name]); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) value(ctx context.Context, def *definition, v any) (any, error) {
	if def.id == "summary" {
		return e.summary(v)
	}
	if v == nil {
		if def.kind == event.TypeSet || def.kind == event.TypeOptions || def.kind == event.TypeUsers {
			return []any{}, nil
		}
		return nil, nil
	}
	switch def.kind {
	case event.TypeRich:
		s, err := e.text(def, v)
		if err != nil || s == "" {
			return nil, err
		}
		return e.t.api.fromMarkdown(s), nil
	case event.TypeOption:
		s, err := e.text(def, v)
		if def.id == "priority" || def.id == "resolution" {
			return map[string]any{"name": s}, err
		}
		return map[string]any{"value": s}, err
	case event.TypeCascade:
		return e.cascade(def, v)
	case event.TypeUser:
		return e.person(ctx, v)
	case event.TypeUsers, event.TypeOptions, event.TypeSet:
		return e.list(ctx, def, v)
	case event.TypeTime:
		return e.time(def, v)
	case event.TypeNumber:
		if n, ok := v.(float64); ok {
			return n, nil
		}
		return nil, e.reject("%s is %T, not a number", def.name, v)
	}
	s, err := e.text(def, v)
	if def.kind == event.TypeText {
		s = defuse.Line(s)
	}
	return s, err
}

func (e *encoder) summary(v any) (any, error) {
	s, ok := v.(string)
	s = defuse.Line(s)
	switch {
	case !ok || strings.TrimSpace(s) == "":
		return nil, e.reject("the summary is empty, which Jira does not take")
	case utf8.RuneCountInString(s) > maxSummary:
		return nil, e.reject("the summary has %d characters, Jira takes %d", utf8.RuneCountInString(s), maxSummary)
	case strings.ContainsAny(s, "\r\n"):
		return nil, e.reject("the summary has several lines, which Jira does not take")
	}
	return s, nil
}

func (e *encoder) text(def *definition, v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	return "", e.reject("%s is %T, not text", def.name, v)
}

func (e *encoder) cascade(def *definition, v any) (any, error) {
	m, _ := v.(map[string]any)
	value, ok := m["value"].(string)
	if !ok {
		return nil, e.reject("%s is not a choice and the one below it", def.name)
	}
	out := map[string]any{"value": value}
	if child, ok := m["child"].(string); ok && child != "" {
		out["child"] = map[string]any{"value": child}
	}
	return out, nil
}

func (e *encoder) list(ctx context.Context, def *definition, v any) (any, error) {
	all, ok := v.([]any)
	if !ok {
		return nil, e.reject("%s is %T, not a list", def.name, v)
	}
	out := []any{}
	for _, x := range all {
		if def.kind == event.TypeUsers {
			u, err := e.person(ctx, x)
			if err != nil {
				return nil, err
			}
			out = append(out, u)
			continue
		}
		s, err := e.text(def, x)
		if err != nil {
			return nil, err
		}
		switch {
		case def.kind == event.TypeOptions:
			out = append(out, map[string]any{"value": s})
		case def.schema.Items == "string":
			if strings.ContainsAny(s, " \t\n") {
				return nil, e.reject("the label %q holds a space, which Jira does not take", s)
			}
			out = append(out, s)
		default:
			out = append(out, map[string]any{"name": s})
		}
	}
	return out, nil
}

func (e *encoder) time(def *definition, v any) (any, error) {
	s, err := e.text(def, v)
	if err != nil {
		return nil, err
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return nil, e.reject("%s is not a time", def.name)
	}
	return at.UTC().Format(stampLayout), nil
}

func (e *encoder) estimate(v any) error {
	seconds, ok := v.(float64)
	switch {
	case v == nil:
		e.out["timetracking"] = map[string]any{"originalEstimate": ""}
	case !ok || seconds < 0:
		return e.reject("the estimate is not a time in seconds")
	default:
		// Jira counts in minutes.
		e.out["timetracking"] = map[string]any{"originalEstimate": strconv.FormatInt(int64(seconds/60+0.5), 10) + "m"}
	}
	return nil
}

// body is what an edit takes.
func (e *encoder) body() map[string]any {
	out := map[string]any{}
	if len(e.out) > 0 {
		out["fields"] = e.out
	}
	if len(e.operations) > 0 {
		out["update"] = e.operations
	}
	return out
}

// parent puts an issue below another one, or takes it out, which is no value but an
// operation.
func (e *encoder) parent(v any) error {
	if v == nil {
		e.operations = map[string]any{event.FieldParent: []any{map[string]any{"set": map[string]any{"none": true}}}}
		return nil
	}
	m, _ := v.(map[string]any)
	id, _ := m["id"].(string)
	if !isID(id) {
		return e.reject("the parent is no issue of this Jira")
	}
	e.out[event.FieldParent] = map[string]any{"id": id}
	return nil
}

// reparent is parent for an issue that is there.
func (e *encoder) reparent(i *issue, v any) error {
	var now named
	if err := i.field(event.FieldParent, &now); err != nil {
		return incomplete(e.op, adapters.ErrConfiguration)
	}
	m, _ := v.(map[string]any)
	id, _ := m["id"].(string)
	switch {
	case id == now.ID:
		return nil
	case !e.t.api.cloud:
		return e.reject("a Data Center sets the parent of a sub-task when it is made, and its API changes none")
	}
	return e.parent(v)
}

// person is somebody of this Jira: by e-mail address, by id, else by a name that
// is one person's only.
func (e *encoder) person(ctx context.Context, v any) (any, error) {
	m, _ := v.(map[string]any)
	for _, key := range []string{"email", "id"} {
		query, _ := m[key].(string)
		if query == "" {
			continue
		}
		found, err := e.t.FindUser(ctx, query)
		if err != nil {
			return nil, err
		}
		if len(found) == 1 {
			return e.t.api.who(found[0].ID), nil
		}
	}
	name, _ := m["name"].(string)
	if name != "" {
		all, err := e.t.dir.users(ctx, name)
		if err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(slices.Clone(all), func(u user) bool { return u.DisplayName != name })
		if len(all) == 1 {
			return e.t.api.who(all[0].id()), nil
		}
	}
	return nil, &adapters.Error{
		Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf("nobody in Jira is %q", name),
		Hint: "map people in the filter, or let the account browse users",
	}
}

// who names a person in a write.
func (c client) who(id string) map[string]any {
	if c.cloud {
		return map[string]any{"accountId": id}
	}
	return map[string]any{"name": id}
}
