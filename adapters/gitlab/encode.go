package gitlab

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
	"parley/sync/event"
)

// GitLab's own limits, in characters.
const (
	maxTitle = 255
	maxBody  = 1_000_000
)

// edit is a write on its way to what GitLab takes.
type edit struct {
	t  *Tracker
	op string
	// of is the issue as it is; nil for a create.
	of        *issue
	patch     map[string]any
	labels    []string
	setLabels bool
	text      string
	setText   bool
}

func (e *edit) reject(format string, args ...any) error {
	return &adapters.Error{Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf(format, args...)}
}

func (e *edit) encode(ctx context.Context, fields event.Fields) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if err := e.field(ctx, name, fields[name]); err != nil {
			return err
		}
	}
	return nil
}

func (e *edit) field(ctx context.Context, name string, v any) error {
	var err error
	switch name {
	case event.FieldSummary:
		e.patch["title"], err = e.title(v)
	case event.FieldDescription:
		e.text, err = e.string(name, v)
		e.setText = true
	case event.FieldStatus:
		return e.state(v)
	case event.FieldProject:
		p, err := e.t.dir.project(ctx)
		if err != nil {
			return err
		}
		if v != p.Path {
			return e.reject("an issue cannot be written to another project than %s", p.Path)
		}
	case event.FieldType:
		return e.kind(v)
	case event.FieldLabels:
		e.labels, err = e.set(name, v)
		e.setLabels = true
	case event.FieldLinks, event.FieldParent:
		return nil // each is a request of its own
	case event.FieldAssignee:
		return e.assignee(ctx, v)
	case event.FieldDue:
		s, err := e.string(name, v)
		if _, wrong := time.Parse(time.DateOnly, s); err != nil || s != "" && wrong != nil {
			return e.reject("%s is not a date", name)
		}
		e.patch["due_date"] = s
	case fieldMilestone:
		return e.milestone(ctx, v)
	case fieldConfidential:
		b, ok := v.(bool)
		if !ok {
			return e.reject("%s is %T, not yes or no", name, v)
		}
		e.patch["confidential"] = b
	default:
		return e.reject("GitLab has no field %q that can be written", name)
	}
	return err
}

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
		return nil, e.reject("the summary is empty, which GitLab does not take")
	case n > maxTitle:
		return nil, e.reject("the summary has %d characters, GitLab takes %d", n, maxTitle)
	case strings.ContainsAny(s, "\r\n"):
		return nil, e.reject("the summary has several lines, which GitLab does not take")
	}
	return s, nil
}

func (e *edit) body(md string, m event.Marker) (string, error) {
	s := withMarker(md, m)
	if n := utf8.RuneCountInString(s); n > maxBody {
		return "", e.reject("the text has %d characters with its marker, GitLab takes %d", n, maxBody)
	}
	return s, nil
}

func (e *edit) state(v any) error {
	now := stateOpen
	if e.of != nil {
		now = e.of.State
	}
	want, _ := v.(string)
	switch {
	case want != stateOpen && want != stateClosed:
		return &adapters.Error{
			Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf("there is no status %q: GitLab has opened and closed", v),
			Hint: "map the status in the filter",
		}
	case want == now:
	case want == stateClosed:
		e.patch["state_event"] = "close"
	default:
		e.patch["state_event"] = "reopen"
	}
	return nil
}

// kinds are the types of issues that the API makes.
func kinds() []string { return []string{"issue", "incident", "task"} }

func (e *edit) kind(v any) error {
	name, _ := v.(string)
	if !slices.Contains(kinds(), name) && (e.of == nil || e.of.Type != name) {
		return e.reject("there is no issue type %q: the API has %q", v, kinds())
	}
	if e.of == nil || e.of.Type != name {
		e.patch["issue_type"] = name
	}
	return nil
}

func (e *edit) set(name string, v any) ([]string, error) {
	if v == nil {
		return nil, nil
	}
	all, ok := v.([]any)
	if !ok {
		return nil, e.reject("%s is %T, not a list", name, v)
	}
	var out []string
	for _, x := range all {
		s, ok := x.(string)
		if !ok || strings.TrimSpace(s) == "" || strings.Contains(s, ",") {
			return nil, e.reject("%s holds what GitLab does not take as a name", name)
		}
		out = append(out, s)
	}
	return out, nil
}

func (e *edit) milestone(ctx context.Context, v any) error {
	title, err := e.string(fieldMilestone, v)
	if err != nil {
		return err
	}
	if title == "" {
		e.patch["milestone_id"] = int64(0)
		return nil
	}
	m, err := e.t.dir.milestone(ctx, title)
	if err != nil {
		return err
	}
	if m == nil {
		return e.reject("there is no milestone %q", title)
	}
	e.patch["milestone_id"] = m.ID
	return nil
}
