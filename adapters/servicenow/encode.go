package servicenow

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
	"parley/adapters/richtext"
	"parley/sync/event"
)

// encoder turns fields into what a create or an update takes: columns and values, all
// of them text.
type encoder struct {
	t   *Tracker
	op  string
	out map[string]string
}

func (e *encoder) reject(format string, args ...any) error {
	return &adapters.Error{Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf(format, args...)}
}

// encode handles all fields. ServiceNow takes any text for any column and ignores columns
// that it does not have: what does not fit is refused here.
func (e *encoder) encode(ctx context.Context, fields event.Fields, class string) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch name {
		case event.FieldProject:
			if fields[name] != e.t.set.table {
				return e.reject("%v is not the table of this adapter's tickets, which is %s", fields[name], e.t.set.table)
			}
			continue
		case event.FieldType:
			if fields[name] != class {
				return e.reject("a ticket cannot become one of another table (%v)", fields[name])
			}
			continue
		case event.FieldKey, event.FieldURL, event.FieldCreated, event.FieldUpdated, event.FieldCreator, event.FieldLinks:
			return e.reject("%s cannot be written", name)
		}
		def, err := e.t.dir.byName(ctx, name)
		switch {
		case err != nil:
			return err
		case def == nil:
			return e.reject("ServiceNow's table %s has no field %q", e.t.set.table, name)
		case !def.writable():
			return e.reject("%s cannot be written", name)
		}
		v, err := e.value(ctx, def, fields[name])
		if err != nil {
			return err
		}
		if n := utf8.RuneCountInString(v); def.length > 0 && n > def.length && textual(def.kind) {
			return e.reject("%s has %d characters, ServiceNow takes %d", name, n, def.length)
		}
		e.out[def.name] = v
	}
	return nil
}

func textual(kind event.Type) bool { return kind == event.TypeText || kind == event.TypeRich }

func (e *encoder) value(ctx context.Context, def *definition, v any) (string, error) {
	if def.title == event.FieldSummary {
		return e.summary(v)
	}
	if v == nil {
		return "", nil
	}
	switch def.kind {
	case event.TypeRich:
		s, err := e.text(def, v)
		if def.html {
			return richtext.MarkdownToHTML(lines(s)), err
		}
		return fromMarkdown(s), err
	case event.TypeText:
		s, err := e.text(def, v)
		return defuse.Line(s), err
	case event.TypeOption:
		return e.option(ctx, def, v)
	case event.TypeUser:
		return e.person(ctx, v)
	case event.TypeUsers:
		return e.persons(ctx, def, v)
	case event.TypeRef:
		return e.parent(v)
	}
	return e.scalar(def, v)
}

func (e *encoder) summary(v any) (string, error) {
	s, ok := v.(string)
	switch {
	case !ok || strings.TrimSpace(s) == "":
		return "", e.reject("the summary is empty")
	case strings.ContainsAny(s, "\r\n"):
		return "", e.reject("the summary has several lines, which ServiceNow does not take")
	}
	return defuse.Line(s), nil
}

func (e *encoder) text(def *definition, v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	return "", e.reject("%s is %T, not text", def.title, v)
}

func (e *encoder) option(ctx context.Context, def *definition, v any) (string, error) {
	s, err := e.text(def, v)
	if err != nil || s == "" {
		return "", err
	}
	if def.reference != "" {
		return e.reference(ctx, def, s)
	}
	all, err := e.t.dir.choices(ctx, def.name)
	if err != nil || len(all) == 0 {
		return s, err
	}
	for _, c := range all {
		if c.label == s {
			return c.value, nil
		}
	}
	return "", &adapters.Error{
		Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf("%s has no choice %q", def.title, s),
		Hint: "map the value in the filter; parley adapter schema lists the choices",
	}
}

// reference finds the row that a name stands for.
func (e *encoder) reference(ctx context.Context, def *definition, name string) (string, error) {
	found, err := e.t.dir.named(ctx, def.reference, name)
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", &adapters.Error{
			Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf("%s: %d rows of %s are called %q", def.title, len(found), def.reference, name),
			Hint: "map the value in the filter to a name that one row has",
		}
	}
	return found[0], nil
}

// person is somebody of this instance: by e-mail address, by id or login, else by a name
// that is one person's only.
func (e *encoder) person(ctx context.Context, v any) (string, error) {
	m, _ := v.(map[string]any)
	for _, key := range []string{"email", "id"} {
		query, _ := m[key].(string)
		if query == "" {
			continue
		}
		found, err := e.t.FindUser(ctx, query)
		if err != nil {
			return "", err
		}
		if len(found) == 1 {
			return found[0].ID, nil
		}
	}
	name, _ := m["name"].(string)
	if name != "" {
		found, err := e.t.dir.named(ctx, "sys_user", name)
		if err != nil {
			return "", err
		}
		if len(found) == 1 {
			return found[0], nil
		}
	}
	return "", &adapters.Error{
		Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf("nobody in ServiceNow is %q", name),
		Hint: "map people in the filter, or let the account read sys_user",
	}
}

func (e *encoder) persons(ctx context.Context, def *definition, v any) (string, error) {
	all, ok := v.([]any)
	if !ok {
		return "", e.reject("%s is %T, not a list", def.title, v)
	}
	var ids []string
	for _, x := range all {
		id, err := e.person(ctx, x)
		if err != nil {
			return "", err
		}
		ids = append(ids, id)
	}
	return strings.Join(ids, ","), nil
}

func (e *encoder) parent(v any) (string, error) {
	m, _ := v.(map[string]any)
	id, _ := m["id"].(string)
	if !isID(id) {
		return "", e.reject("the parent is no ticket of this ServiceNow")
	}
	return id, nil
}

func (e *encoder) scalar(def *definition, v any) (string, error) {
	switch v := v.(type) {
	case bool:
		if def.kind == event.TypeBool {
			return strconv.FormatBool(v), nil
		}
	case float64:
		switch def.kind {
		case event.TypeNumber:
			return strconv.FormatFloat(v, 'f', -1, 64), nil
		case event.TypeDuration:
			if v >= 0 {
				return time.Unix(int64(v), 0).UTC().Format(stampLayout), nil
			}
		}
	case string:
		if s, ok := moment(def, v); ok {
			return s, nil
		}
	}
	return "", e.reject("%s is no %s", def.title, def.kind)
}

// noon keeps the date of a field that also has a time of day the same in most zones.
const noon = " 12:00:00"

func moment(def *definition, s string) (string, bool) {
	if def.kind == event.TypeTime {
		at, err := time.Parse(time.RFC3339, s)
		return at.UTC().Format(stampLayout), err == nil
	}
	if _, err := time.Parse(time.DateOnly, s); err != nil || def.kind != event.TypeDate {
		return "", false
	}
	if def.element.kind != "glide_date" {
		s += noon
	}
	return s, true
}

// complete adds what closing and holding demand, where neither step nor ticket has it
// and the settings do.
func (e *encoder) complete(ctx context.Context, r row) error {
	state, moves := e.out["state"]
	if !moves || state == r.value("state") {
		return nil
	}
	all, err := e.t.dir.elements(ctx, e.t.set.table)
	if err != nil {
		return err
	}
	set := &e.t.set
	wanted := map[string]string{}
	if closing(set, all["state"], state) {
		wanted["close_code"], wanted["close_notes"] = set.closeCode, set.closeNotes
	}
	if state == onHold {
		wanted["hold_reason"] = set.holdReason
	}
	for column, value := range wanted {
		el, there := all[column]
		if _, said := e.out[column]; said || !there || value == "" || r.value(column) != "" {
			continue
		}
		if e.out[column], err = e.choice(ctx, el, value); err != nil {
			return err
		}
	}
	return nil
}

// choice is a setting that may be a label or a value.
func (e *encoder) choice(ctx context.Context, el element, s string) (string, error) {
	all, err := e.t.dir.choices(ctx, el.name)
	if err != nil || len(all) == 0 {
		return s, err
	}
	for _, c := range all {
		if c.label == s || c.value == s {
			return c.value, nil
		}
	}
	return "", &adapters.Error{
		Class: adapters.ErrConfiguration, Op: e.op, Err: fmt.Errorf("setting %s: there is no choice %q", el.name, s),
	}
}

// onHold is the state in which a reason is asked for.
const onHold = "3"

// closed are the states that end a ticket, as the dictionary has them. What it has of
// tasks is not true of incidents, whose states have other numbers.
func closed(set *settings, state element) []string {
	if set.table == defaultTable && state.depth > 0 {
		return []string{"6", "7", "8"}
	}
	for part := range strings.SplitSeq(state.attributes, ",") {
		if values, ok := strings.CutPrefix(strings.TrimSpace(part), "close_states="); ok {
			return strings.FieldsFunc(values, func(r rune) bool { return r == ';' || r == ' ' })
		}
	}
	return nil
}

// closing tells whether a state is one that resolution code and notes belong to; an
// incident that is cancelled has none.
func closing(set *settings, state element, value string) bool {
	if set.table == defaultTable && value == "8" {
		return false
	}
	return slices.Contains(closed(set, state), value)
}
