package github

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
	"parley/adapters/internal/recall"
	"parley/sync/event"
)

// GitHub's own limits, in characters.
const (
	maxTitle = 256
	maxBody  = 65536
	maxLabel = 50
)

// edit is a write taken apart into what GitHub has requests for.
type edit struct {
	t  *Tracker
	op string
	// of is the issue as it is; nil for a create.
	of *issue
	// patch goes with the issue itself.
	patch map[string]any
	// labels and people as they shall be, where that is said.
	labels, people       []string
	setLabels, setPeople bool
	// values of the organisation's fields, and those to empty.
	values  []any
	cleared []string
	// parent is the issue to put this one below; "" below none.
	parent    string
	setParent bool
	// dependencies to make, then to take away.
	dependencies []dependency
	text         string
	setText      bool
}

func (e *edit) reject(format string, args ...any) error {
	return &adapters.Error{Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf(format, args...)}
}

// encode reads all fields of a step.
func (e *edit) encode(ctx context.Context, step event.Step) error {
	fields := step.Fields
	if err := e.mayTriage(ctx, fields); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if err := e.field(ctx, name, fields[name]); err != nil {
			return err
		}
	}
	if err := e.state(fields); err != nil {
		return err
	}
	return e.links(ctx, step)
}

// triaged are the fields that GitHub drops silently from those who may not set them.
func triaged(name string) bool {
	switch name {
	case event.FieldLabels, event.FieldAssignee, event.FieldType:
		return true
	}
	return strings.HasPrefix(name, event.CustomPrefix)
}

func (e *edit) mayTriage(ctx context.Context, fields event.Fields) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !triaged(name) || e.of == nil && fields[name] == nil {
			continue
		}
		r, err := recall.Of(&e.t.dir.memory, "repository", func() (repository, error) { return e.t.check(ctx) })
		if err != nil {
			return err
		}
		if !may(&r) {
			return &adapters.Error{
				Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf("the account may not set %s: GitHub would drop it silently", name),
				Hint: "give the account the role Write in the repository, or leave the field out in the filter",
			}
		}
		return nil
	}
	return nil
}

func (e *edit) field(ctx context.Context, name string, v any) error {
	var err error
	switch name {
	case event.FieldStatus, event.FieldResolution:
		return nil // see state
	case event.FieldLinks:
		return nil // see links
	case event.FieldSummary:
		e.patch["title"], err = e.title(v)
	case event.FieldDescription:
		e.text, err = e.string(name, v)
		e.setText = true
	case event.FieldProject:
		if s, _ := v.(string); !strings.EqualFold(s, e.t.api.owner+"/"+e.t.api.repo) {
			return e.reject("an issue cannot be written to another repository than %s/%s", e.t.api.owner, e.t.api.repo)
		}
	case event.FieldType:
		return e.kind(ctx, v)
	case event.FieldLabels:
		e.labels, err = e.set(name, v)
		e.setLabels = true
	case event.FieldAssignee:
		return e.assignee(ctx, v)
	case fieldAssignees:
		return e.assignees(ctx, v)
	case fieldMilestone:
		return e.milestone(ctx, v)
	case event.FieldParent:
		return e.above(v)
	default:
		return e.custom(ctx, name, v)
	}
	return err
}

// string is a text; nil is an empty one.
func (e *edit) string(name string, v any) (string, error) {
	s, ok := v.(string)
	if v != nil && !ok {
		return "", e.reject("%s is %T, not text", name, v)
	}
	return s, nil
}

func (e *edit) title(v any) (any, error) {
	s, _ := v.(string)
	s = defuse.Line(s)
	switch n := utf8.RuneCountInString(s); {
	case strings.TrimSpace(s) == "":
		return nil, e.reject("the summary is empty, which GitHub does not take")
	case n > maxTitle:
		return nil, e.reject("the summary has %d characters, GitHub takes %d", n, maxTitle)
	case strings.ContainsAny(s, "\r\n"):
		return nil, e.reject("the summary has several lines, which GitHub does not take")
	}
	return s, nil
}

// body is a text with its marker, as it is written.
func (e *edit) body(md string, m event.Marker) (string, error) {
	s := e.t.set.withMarker(md, m)
	if n := utf8.RuneCountInString(s); n > maxBody {
		return "", e.reject("the text has %d characters with its marker, GitHub takes %d", n, maxBody)
	}
	return s, nil
}

func (e *edit) set(name string, v any) ([]string, error) {
	if v == nil {
		return nil, nil
	}
	all, ok := v.([]any)
	if !ok {
		return nil, e.reject("%s is %T, not a list", name, v)
	}
	out := []string{}
	for _, x := range all {
		s, ok := x.(string)
		if !ok || strings.TrimSpace(s) == "" {
			return nil, e.reject("%s holds what is no name", name)
		}
		if name == event.FieldLabels && utf8.RuneCountInString(s) > maxLabel {
			return nil, e.reject("the label %q is longer than the %d characters that GitHub takes", s, maxLabel)
		}
		out = append(out, s)
	}
	return out, nil
}

func (e *edit) kind(ctx context.Context, v any) error {
	name, err := e.string(event.FieldType, v)
	if err != nil {
		return err
	}
	if name == "" {
		e.patch["type"] = nil
		return nil
	}
	all, err := e.t.dir.types(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(k issueType) bool { return k.Name == name }) {
		return e.reject("there is no issue type %q", name)
	}
	e.patch["type"] = name
	return nil
}

func (e *edit) milestone(ctx context.Context, v any) error {
	title, err := e.string(fieldMilestone, v)
	if err != nil {
		return err
	}
	if title == "" {
		e.patch["milestone"] = nil
		return nil
	}
	m, err := e.t.dir.milestone(ctx, title)
	if err != nil {
		return err
	}
	if m == nil {
		return e.reject("there is no milestone %q", title)
	}
	e.patch["milestone"] = m.Number
	return nil
}

// above reads the issue to put this one below.
func (e *edit) above(v any) error {
	e.setParent = true
	if v == nil {
		return nil
	}
	m, _ := v.(map[string]any)
	id, _ := m["id"].(string)
	if !isID(id) || e.of != nil && e.of.id() == id {
		return e.reject("the parent is no other issue of this repository")
	}
	e.parent = id
	return nil
}

// state reads status and resolution, which GitHub takes together.
func (e *edit) state(fields event.Fields) error {
	status, hasStatus := fields[event.FieldStatus]
	reason, hasReason := fields[event.FieldResolution]
	now := stateOpen
	if e.of != nil {
		now = e.of.State
	}
	want := now
	if hasStatus {
		if want, _ = status.(string); want != stateOpen && want != stateClosed {
			return &adapters.Error{
				Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf("there is no status %q: GitHub has open and closed", status),
				Hint: "map the status in the filter",
			}
		}
	}
	why, _ := reason.(string)
	switch {
	case reason != nil && !slices.Contains(reasons(), why):
		return e.reject("there is no reason %q to close an issue: GitHub has %q", reason, reasons())
	case reason != nil && want == stateOpen:
		return e.reject("an open issue has no resolution")
	}
	if want != now {
		e.patch["state"] = want
	}
	if hasReason && why != "" && (want != now || e.of == nil || why != e.of.Reason) {
		// Where the state stays, GitHub may ignore the reason: then it reads back so.
		e.patch["state"], e.patch["state_reason"] = want, why
	}
	return nil
}

func reasons() []string { return []string{"completed", "not_planned", "duplicate"} }

// custom is one of the organisation's fields.
func (e *edit) custom(ctx context.Context, name string, v any) error {
	def, err := e.t.dir.named(ctx, name)
	if err != nil {
		return err
	}
	if def == nil {
		return e.reject("GitHub has no field %q that can be written", name)
	}
	id := strconv.FormatInt(def.ID, 10)
	if list, ok := v.([]any); v == nil || v == "" || ok && len(list) == 0 {
		e.cleared = append(e.cleared, id)
		return nil
	}
	value, err := e.value(def, name, v)
	if err != nil {
		return err
	}
	e.values = append(e.values, map[string]any{"field_id": def.ID, "value": value})
	return nil
}

func (e *edit) value(def *fieldDef, name string, v any) (any, error) {
	switch def.kindOf() {
	case event.TypeNumber:
		if n, ok := v.(float64); ok {
			return n, nil
		}
		return nil, e.reject("%s is %T, not a number", name, v)
	case event.TypeOptions:
		all, err := e.set(name, v)
		for _, s := range all {
			if !slices.Contains(def.options(), s) {
				return nil, e.reject("%s has no option %q", name, s)
			}
		}
		return all, err
	}
	s, err := e.string(name, v)
	if err != nil {
		return nil, err
	}
	switch {
	case def.kindOf() == event.TypeOption && !slices.Contains(def.options(), s):
		return nil, e.reject("%s has no option %q", name, s)
	case def.kindOf() == event.TypeDate && !isDate(s):
		return nil, e.reject("%s is not a date", name)
	case def.kindOf() == event.TypeText:
		return defuse.Line(s), nil
	}
	return s, nil
}

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}
