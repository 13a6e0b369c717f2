package salesforce

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"parley/adapters"
	"parley/adapters/internal/defuse"
	"parley/adapters/richtext"
	"parley/sync/event"
)

// encoder turns fields into what a create or an update takes.
type encoder struct {
	t   *Tracker
	op  string
	cat *catalog
	// mark is what is to stand behind the description; "" where a field holds it.
	mark event.Marker
	// create says that the case is not there yet.
	create bool
	out    map[string]any
}

func (e *encoder) reject(format string, args ...any) error {
	return &adapters.Error{Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf(format, args...)}
}

func (e *encoder) encode(ctx context.Context, fields event.Fields) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if err := e.field(ctx, name, fields[name]); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) field(ctx context.Context, name string, v any) error {
	switch name {
	case event.FieldProject:
		return e.project(v)
	case event.FieldAssignee:
		return e.person(ctx, "OwnerId", v)
	case event.FieldReporter:
		return e.person(ctx, "ContactId", v)
	case event.FieldParent:
		return e.parent(v)
	}
	def, ok := e.cat.fields[name]
	if !ok {
		return e.reject("cases have no field %q that can be written", name)
	}
	if !e.writable(def) {
		return &adapters.Error{
			Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf("the account may not write the field %s (%s)", name, def.Name),
			Hint: "let the account edit it (field-level security), in its permission set",
		}
	}
	value, err := e.value(def, v)
	if err != nil {
		return err
	}
	e.out[def.Name] = value
	return nil
}

func (e *encoder) writable(def *definition) bool {
	return e.create && def.Createable || !e.create && def.Updateable
}

// project is the record type: without one, cases have that of the account's profile.
func (e *encoder) project(v any) error {
	name, _ := v.(string)
	for _, t := range e.cat.projects() {
		if t.Name != name {
			continue
		}
		if !t.Master {
			e.out["RecordTypeId"] = t.ID
		}
		return nil
	}
	return e.reject("%s has no option %q", event.FieldProject, name)
}

func (e *encoder) parent(v any) error {
	if v == nil {
		e.out["ParentId"] = nil
		return nil
	}
	m, _ := v.(map[string]any)
	id, _ := m["id"].(string)
	if !isID(id, idCase) {
		return e.reject("the parent is no case of this org")
	}
	e.out["ParentId"] = id
	return nil
}

// value is what a field takes; nil empties it.
func (e *encoder) value(def *definition, v any) (any, error) {
	if v == nil {
		return e.nothing(def)
	}
	switch def.kind {
	case event.TypeBool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
	case event.TypeNumber:
		n, ok := v.(float64)
		if ok && def.Type == "int" && n != float64(int64(n)) {
			return nil, e.reject("%s takes whole numbers", def.name)
		}
		if ok {
			return n, nil
		}
	case event.TypeDate:
		if s, ok := v.(string); ok {
			if _, err := time.Parse(time.DateOnly, s); err == nil {
				return s, nil
			}
		}
	case event.TypeTime:
		if s, ok := v.(string); ok {
			if at, err := time.Parse(time.RFC3339, s); err == nil {
				return moment(at), nil
			}
		}
	case event.TypeOption:
		if s, ok := v.(string); ok {
			return e.option(def, s)
		}
	case event.TypeOptions:
		if all, ok := v.([]any); ok {
			return e.options(def, all)
		}
	default:
		if s, ok := v.(string); ok {
			return e.text(def, s)
		}
	}
	return nil, e.reject("%s is %T, which does not fit its type %s", def.name, v, def.kind)
}

func (e *encoder) nothing(def *definition) (any, error) {
	switch {
	case def.name == event.FieldSummary:
		return nil, e.reject("the summary is empty")
	case def.name == event.FieldStatus:
		return nil, e.reject("a case has a status always")
	case def.kind == event.TypeBool:
		return false, nil
	case def.Name == "Description" && e.mark != "":
		return withMarker("", e.mark), nil
	}
	return nil, nil //nolint:nilnil // null empties a field
}

// option is what stands for a label: Salesforce takes any text for a list that is not
// restricted.
func (e *encoder) option(def *definition, label string) (string, error) {
	value, ok := def.value(label)
	if !ok {
		return "", &adapters.Error{
			Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf("%s has no option %q", def.name, label),
			Hint: "map the value in the filter to one that the schema names",
		}
	}
	return value, nil
}

func (e *encoder) options(def *definition, all []any) (any, error) {
	var values []string
	for _, x := range all {
		label, _ := x.(string)
		value, err := e.option(def, label)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	if values == nil {
		return nil, nil //nolint:nilnil // null empties a field
	}
	return strings.Join(values, ";"), nil
}

// text is checked for its length: what is too long Salesforce refuses in some fields
// and cuts in others.
func (e *encoder) text(def *definition, s string) (any, error) {
	s = lines(s)
	multi := def.Type == "textarea"
	switch {
	case def.name == event.FieldSummary && strings.TrimSpace(s) == "":
		return nil, e.reject("the summary is empty")
	case !multi && strings.Contains(s, "\n"):
		return nil, e.reject("%s has several lines, which the field does not take", def.name)
	case def.HTML:
		s = richtext.MarkdownToHTML(s)
	case def.Name == "Description":
		s = withMarker(s, e.mark)
	case def.kind == event.TypeText:
		s = defuse.Line(s)
	}
	if n := utf8.RuneCountInString(s); def.Length > 0 && n > def.Length {
		return nil, e.reject("%s has %d characters, the field takes %d", def.name, n, def.Length)
	}
	return s, nil
}

// person is somebody of this org: by e-mail address, by id, else by a name that is one
// person's only. A case is owned by a user or a queue, and comes from a contact.
func (e *encoder) person(ctx context.Context, field string, v any) error {
	if v == nil && field == "ContactId" {
		e.out[field] = nil
		return nil
	}
	if v == nil {
		return e.reject("a case has an owner always: map nobody to a queue")
	}
	m, _ := v.(map[string]any)
	email, _ := m["email"].(string)
	id, _ := m["id"].(string)
	name, _ := m["name"].(string)
	for _, soql := range lookUps(field, email, id, name) {
		found, err := e.t.dir.search(ctx, soql)
		if err != nil {
			return err
		}
		if len(found) == 1 && found[0].ID != "" {
			e.out[field] = found[0].ID
			return nil
		}
	}
	return &adapters.Error{
		Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf("nobody in Salesforce is %q", orDefault(name, email)),
		Hint: "map people in the filter: an assignee to a user or a queue, a reporter to a contact",
	}
}

// lookUps are the queries for a person, the surest first.
func lookUps(field, email, id, name string) []string {
	from := []string{"SELECT Id, Name, Email, Username, IsActive FROM User WHERE IsActive = true AND ", "SELECT Id, Name FROM Group WHERE Type = 'Queue' AND "}
	prefixes := []string{idUser, idQueue}
	if field == "ContactId" {
		from, prefixes = []string{"SELECT Id, Name, Email FROM Contact WHERE "}, []string{idContact}
	}
	var out []string
	if email != "" {
		out = append(out, from[0]+"Email = "+quote(email))
	}
	for i, prefix := range prefixes {
		if isID(id, prefix) {
			out = append(out, from[i]+"Id = "+quote(id))
		}
	}
	for i := range from {
		if name != "" {
			out = append(out, from[i]+"Name = "+quote(name))
		}
	}
	return out
}
