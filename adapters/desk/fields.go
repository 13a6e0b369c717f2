package desk

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"parley/sync/event"
)

const (
	maxSummary = 300
	maxText    = 256 << 10
	maxShort   = 4096
	maxSet     = 100
)

// definition is one field as the desk keeps it. Users and parents are kept as
// ids; everything else as event describes it.
type definition struct {
	event.Field
	name     string
	children map[string][]string
}

// definitions are all fields that can be set, in the order of the form.
func (o *Options) definitions() []definition {
	field := func(name string, t event.Type, options ...string) definition {
		return definition{name: name, Field: event.Field{Type: t, Options: options, Writable: true}}
	}
	summary := field(event.FieldSummary, event.TypeText)
	summary.Required, summary.MaxLength = true, maxSummary
	status := field(event.FieldStatus, event.TypeOption, statuses()...)
	status.Closed = []string{statusResolved, statusClosed}
	defs := []definition{
		field(event.FieldProject, event.TypeOption, o.Projects...),
		field(event.FieldType, event.TypeOption, o.Types...),
		summary,
		field(event.FieldDescription, event.TypeRich),
		status,
		field(event.FieldPriority, event.TypeOption, o.Priorities...),
		field(event.FieldAssignee, event.TypeUser),
		field(event.FieldReporter, event.TypeUser),
		field(event.FieldLabels, event.TypeSet),
		field(event.FieldDue, event.TypeDate),
		field(event.FieldParent, event.TypeRef),
		field(event.FieldLinks, event.TypeLinks, relationNames()...),
	}
	for _, f := range o.Fields {
		d := field(event.CustomPrefix+f.Name, f.Type, f.Options...)
		d.children = f.Children
		defs = append(defs, d)
	}
	return defs
}

// readOnly are the fields that the desk sets itself.
func readOnly() map[string]event.Type {
	return map[string]event.Type{
		event.FieldKey: event.TypeText, event.FieldURL: event.TypeText,
		event.FieldCreator: event.TypeUser,
		event.FieldCreated: event.TypeTime, event.FieldUpdated: event.TypeTime, event.FieldChildren: event.TypeRefs,
	}
}

// clean checks values and brings them into the form that is kept.
func (s *state) clean(fields event.Fields) (event.Fields, error) {
	out := make(event.Fields, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		def, ok := s.defs[name]
		if !ok {
			return nil, invalidf("there is no field %q to set", name)
		}
		v, err := s.cleanValue(def, fields[name])
		if err != nil {
			return nil, invalidf("%s: %v", name, err)
		}
		if v == nil && (def.Required || name == event.FieldStatus || name == event.FieldProject || name == event.FieldType) {
			return nil, invalidf("%s cannot be empty", name)
		}
		out[name] = v
	}
	return out, nil
}

func (s *state) cleanValue(def definition, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch def.Type {
	case event.TypeText, event.TypeRich:
		return cleanText(def, v)
	case event.TypeOption:
		return cleanOption(def.Options, v)
	case event.TypeCascade:
		return cleanCascade(def, v)
	case event.TypeUser:
		return s.cleanUser(v)
	case event.TypeRef:
		return s.cleanParent(v)
	case event.TypeSet:
		return cleanSet(v)
	case event.TypeDate:
		return cleanDate(v)
	case event.TypeNumber:
		n, ok := v.(float64)
		return want(n, ok, "a number")
	case event.TypeBool:
		b, ok := v.(bool)
		return want(b, ok, "true or false")
	default:
		return nil, fmt.Errorf("fields of type %s cannot be set", def.Type)
	}
}

func want(v any, ok bool, what string) (any, error) {
	if !ok {
		return nil, fmt.Errorf("must be %s", what)
	}
	return v, nil
}

// newlines makes every line end a single \n: browsers send \r\n.
func newlines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

func cleanText(def definition, v any) (any, error) {
	s, ok := v.(string)
	if !ok || !utf8.ValidString(s) {
		return nil, fmt.Errorf("must be text")
	}
	s = newlines(s)
	limit := maxShort
	if def.Type == event.TypeRich {
		limit = maxText
	} else {
		s = strings.TrimSpace(strings.ReplaceAll(s, "\n", " "))
	}
	if def.MaxLength > 0 {
		limit = def.MaxLength
	}
	if utf8.RuneCountInString(s) > limit {
		return nil, fmt.Errorf("is longer than %d characters", limit)
	}
	if s == "" {
		return nil, nil
	}
	return s, nil
}

func cleanOption(options []string, v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("must be one of %s", strings.Join(options, ", "))
	}
	if s == "" {
		return nil, nil
	}
	if !slices.Contains(options, s) {
		return nil, fmt.Errorf("%q is not one of %s", s, strings.Join(options, ", "))
	}
	return s, nil
}

func cleanCascade(def definition, v any) (any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("must be a value and its child")
	}
	value, err := cleanOption(def.Options, m["value"])
	if err != nil || value == nil {
		return nil, err
	}
	out := map[string]any{"value": value}
	name, _ := value.(string)
	if m["child"] == nil || m["child"] == "" {
		return out, nil
	}
	if out["child"], err = cleanOption(def.children[name], m["child"]); err != nil {
		return nil, err
	}
	return out, nil
}

// cleanUser takes an id, or an object that holds one.
func (s *state) cleanUser(v any) (any, error) {
	id, ok := idOf(v)
	if id == "" && ok {
		return nil, nil
	}
	if _, known := s.options.person(id); !known {
		return nil, fmt.Errorf("%q is nobody here", id)
	}
	return id, nil
}

func (s *state) cleanParent(v any) (any, error) {
	id, ok := idOf(v)
	if id == "" && ok {
		return nil, nil
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if t := s.tickets[n]; err != nil || t == nil || t.deleted {
		return nil, fmt.Errorf("there is no ticket %q", id)
	}
	return id, nil
}

func idOf(v any) (string, bool) {
	if m, ok := v.(map[string]any); ok {
		v = m["id"]
	}
	s, ok := v.(string)
	return s, ok
}

func cleanSet(v any) (any, error) {
	list, ok := v.([]any)
	if !ok || len(list) > maxSet {
		return nil, fmt.Errorf("must be a list of at most %d words", maxSet)
	}
	words := make([]string, 0, len(list))
	for _, x := range list {
		w, ok := x.(string)
		if !ok || len(w) > maxShort {
			return nil, fmt.Errorf("must be a list of words")
		}
		if w = strings.Join(strings.Fields(w), " "); w != "" {
			words = append(words, w)
		}
	}
	slices.Sort(words)
	words = slices.Compact(words)
	if len(words) == 0 {
		return nil, nil
	}
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = w
	}
	return out, nil
}

func cleanDate(v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("must be a date like 2026-01-31")
	}
	if s == "" {
		return nil, nil
	}
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return nil, fmt.Errorf("must be a date like 2026-01-31")
	}
	return s, nil
}

// same tells whether two kept values are equal.
func same(a, b any) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && string(x) == string(y)
}
