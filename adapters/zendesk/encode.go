package zendesk

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

// encoder turns fields into what a create or an update takes.
type encoder struct {
	t   *Tracker
	op  string
	cat *catalog
	// now is the ticket as it is; nil for a create.
	now    *ticket
	out    map[string]any
	custom []any
}

func (t *Tracker) encoder(ctx context.Context, op string, now *ticket) (*encoder, error) {
	cat, err := t.dir.catalog(ctx)
	return &encoder{t: t, op: op, cat: cat, now: now, out: map[string]any{}}, err
}

func (e *encoder) reject(format string, args ...any) error {
	return &adapters.Error{Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf(format, args...)}
}

// encode handles all fields but the description, which is the first comment.
func (e *encoder) encode(ctx context.Context, fields event.Fields) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if err := e.field(ctx, name, fields[name]); err != nil {
			return err
		}
	}
	if len(e.custom) > 0 {
		e.out["custom_fields"] = e.custom
	}
	return e.due(fields)
}

func (e *encoder) field(ctx context.Context, name string, v any) error {
	switch name {
	case event.FieldSummary:
		return e.summary(v)
	case event.FieldDescription, event.FieldDue:
		return nil
	case event.FieldStatus:
		return e.status(v)
	case event.FieldType:
		return e.option("type", &e.cat.kinds, v)
	case event.FieldPriority:
		return e.option("priority", &e.cat.priority, v)
	case event.FieldProject:
		return e.thing(ctx, "brand_id", name, v, e.t.dir.brands)
	case fieldGroup:
		return e.thing(ctx, "group_id", name, v, e.t.dir.groups)
	case event.FieldAssignee:
		return e.person(ctx, "assignee_id", v)
	case event.FieldReporter:
		return e.person(ctx, "requester_id", v)
	case event.FieldLabels:
		return e.labels(v)
	case event.FieldParent:
		return e.parent(v)
	case event.FieldKey, event.FieldURL, event.FieldCreated, event.FieldUpdated, event.FieldCreator, event.FieldLinks:
		return e.reject("%s cannot be written", name)
	}
	def := e.cat.byName(name)
	if def == nil {
		return e.reject("Zendesk has no field %q that can be written", name)
	}
	value, err := e.value(def, v)
	e.custom = append(e.custom, map[string]any{"id": def.id, "value": value})
	return err
}

func (e *encoder) summary(v any) error {
	s, ok := v.(string)
	switch {
	case !ok || strings.TrimSpace(s) == "":
		return e.reject("the summary is empty, which a ticket's subject must not be")
	case strings.ContainsAny(s, "\r\n"):
		return e.reject("the summary has several lines, which Zendesk does not take")
	}
	e.out["subject"] = defuse.Line(s)
	return nil
}

// status finds what a name stands for. Zendesk closes solved tickets by itself, and
// what it closed stays so for good: that is left to it.
func (e *encoder) status(v any) error {
	name, _ := v.(string)
	n := slices.IndexFunc(e.cat.statuses, func(s status) bool { return s.name == name })
	if n < 0 {
		return &adapters.Error{
			Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf("there is no status %q", name),
			Hint: "map the status in the filter to one that the schema names",
		}
	}
	s := e.cat.statuses[n]
	switch {
	case e.now != nil && e.cat.status(e.now).name == name:
		return nil
	case s.category == statusClosed:
		return &adapters.Error{
			Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf("status %q is final, and only Zendesk sets it", name),
			Hint: "map it to a solved status: Zendesk closes solved tickets by itself",
		}
	case e.now != nil && s.category == statusNew && e.now.Status != statusNew:
		return e.reject("status %q is for tickets that nobody has worked on yet", name)
	case s.custom != 0:
		e.out["custom_status_id"] = s.custom
	default:
		e.out["status"] = s.category
	}
	return nil
}

func (e *encoder) option(member string, def *definition, v any) error {
	if v == nil {
		e.out[member] = nil
		return nil
	}
	name, _ := v.(string)
	value, ok := def.value(name)
	if !ok {
		return e.reject("%s has no option %q", def.name, name)
	}
	e.out[member] = value
	return nil
}

func (e *encoder) thing(ctx context.Context, member, field string, v any, list func(context.Context) ([]named, error)) error {
	if v == nil && member == "group_id" {
		e.out[member] = nil
		return nil
	}
	all, err := list(ctx)
	if err != nil {
		return err
	}
	name, _ := v.(string)
	id := idOf(all, name)
	if id == 0 {
		return e.reject("%s has no option %q", field, name)
	}
	e.out[member] = id
	return nil
}

// labels adds and removes: a list of tags would replace those that stand for the
// values of fields, and what others added meanwhile.
func (e *encoder) labels(v any) error {
	all, ok := v.([]any)
	if !ok && v != nil {
		return e.reject("labels are %T, not a list", v)
	}
	var want, have []string
	for _, x := range all {
		s, _ := x.(string)
		switch field := e.cat.owned[strings.ToLower(s)]; {
		case s == "" || strings.ContainsAny(s, " \t\n,"):
			return e.reject("the label %q is empty or holds a space, which a tag must not", s)
		case field != "":
			return e.reject("the label %q stands for a value of the field %s: set that", s, field)
		}
		want = append(want, strings.ToLower(s))
	}
	if e.now == nil {
		if len(want) > 0 {
			e.out["tags"] = want
		}
		return nil
	}
	have = e.cat.labels(e.now.Tags)
	if add := without(want, have); len(add) > 0 {
		e.out["additional_tags"] = add
	}
	if gone := without(have, want); len(gone) > 0 {
		e.out["remove_tags"] = gone
	}
	return nil
}

func without(all, those []string) []string {
	var out []string
	for _, s := range all {
		if !slices.Contains(those, s) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func (e *encoder) parent(v any) error {
	if v == nil {
		e.out["problem_id"] = nil
		return nil
	}
	m, _ := v.(map[string]any)
	id, _ := m["id"].(string)
	if !isID(id) {
		return e.reject("the parent is no ticket of this Zendesk")
	}
	e.out["problem_id"] = number(id)
	return nil
}

// due is for tasks only: Zendesk drops it silently from other tickets.
func (e *encoder) due(fields event.Fields) error {
	v, ok := fields[event.FieldDue]
	if !ok {
		return nil
	}
	if v == nil {
		if e.now != nil && e.now.Due != nil {
			e.out["due_at"] = nil
		}
		return nil
	}
	kind, _ := e.out["type"].(string)
	if _, changes := e.out["type"]; !changes && e.now != nil {
		kind = e.now.Type
	}
	if kind != "task" {
		return e.reject("only a task has a due date in Zendesk")
	}
	s, _ := v.(string)
	day, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return e.reject("due is not a date")
	}
	// Noon is the same day in most of the world.
	e.out["due_at"] = day.Add(12 * time.Hour).Format(time.RFC3339)
	return nil
}

// value is what a custom field takes; "" empties it.
func (e *encoder) value(def *definition, v any) (any, error) {
	if def.system == "partialcreditcard" {
		return nil, e.reject("%s cannot be written", def.name)
	}
	if v == nil {
		switch def.kind {
		case event.TypeBool:
			return false, nil
		case event.TypeOptions:
			return []string{}, nil
		}
		return "", nil
	}
	switch def.kind {
	case event.TypeBool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
	case event.TypeNumber:
		n, ok := v.(float64)
		if ok && def.system == "integer" && n != float64(int64(n)) {
			return nil, e.reject("%s takes whole numbers", def.name)
		}
		if ok {
			return n, nil
		}
	case event.TypeOptions:
		return e.tags(def, v)
	case event.TypeOption:
		if s, ok := v.(string); ok {
			return e.tag(def, s)
		}
	case event.TypeDate:
		if s, ok := v.(string); ok {
			if _, err := time.Parse(time.DateOnly, s); err == nil {
				return s, nil
			}
		}
	default:
		if s, ok := v.(string); ok {
			return defuse.Line(lines(s)), nil
		}
	}
	return nil, e.reject("%s is %T, which does not fit its type %s", def.name, v, def.kind)
}

// tag is what stands for an option: Zendesk ignores one that the field does not have.
func (e *encoder) tag(def *definition, name string) (string, error) {
	value, ok := def.value(name)
	if !ok {
		return "", e.reject("%s has no option %q", def.name, name)
	}
	return value, nil
}

func (e *encoder) tags(def *definition, v any) (any, error) {
	all, ok := v.([]any)
	if !ok {
		return nil, e.reject("%s is %T, not a list", def.name, v)
	}
	out := []string{}
	for _, x := range all {
		name, _ := x.(string)
		value, err := e.tag(def, name)
		if err != nil {
			return nil, err
		}
		out = append(out, value)
	}
	return out, nil
}

// person is somebody of this Zendesk: by e-mail address, by id, else by a name that
// is one person's only.
func (e *encoder) person(ctx context.Context, member string, v any) error {
	if v == nil && member == "assignee_id" {
		e.out[member] = nil
		return nil
	}
	m, _ := v.(map[string]any)
	for _, key := range []string{"email", "id"} {
		query, _ := m[key].(string)
		if query == "" {
			continue
		}
		found, err := e.t.FindUser(ctx, query)
		if err != nil {
			return err
		}
		if len(found) == 1 {
			e.out[member] = number(found[0].ID)
			return nil
		}
	}
	name, _ := m["name"].(string)
	if name != "" {
		all, err := e.t.dir.search(ctx, name)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(slices.Clone(all), func(u user) bool { return u.Name != name || u.ID <= 0 })
		if len(all) == 1 {
			e.out[member] = all[0].ID
			return nil
		}
	}
	return &adapters.Error{
		Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf("nobody in Zendesk is %q", name),
		Hint: "map people in the filter, or make the person a user of Zendesk",
	}
}
