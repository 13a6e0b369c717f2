package azuredevops

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"parley/adapters"
	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

// Azure DevOps' own limits, in characters.
const (
	maxTitle = 255
	maxTag   = 400
)

// encoder turns fields into the operations of a patch.
type encoder struct {
	t  *Tracker
	op string
	// now is the item as it is; nil for a create.
	now *item
	// project and kind are what the item is in and of after the patch.
	project, kind string
	out           []operation
	// taken are the places of the relations to take away.
	taken []int
	// tied says that the operations hold for the item's revision only.
	tied bool
}

func (e *encoder) reject(format string, args ...any) error {
	return &adapters.Error{Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf(format, args...)}
}

// set writes one field; nil empties it, if there is something to empty.
func (e *encoder) set(ref string, v any) {
	switch {
	case v != nil && v != "":
		e.out = append(e.out, operation{Op: "add", Path: "/fields/" + ref, Value: v})
	case e.now != nil && e.now.has(ref):
		e.tied = true
		e.out = append(e.out, operation{Op: "remove", Path: "/fields/" + ref})
	}
}

// encode handles all fields but project, type and status.
func (e *encoder) encode(ctx context.Context, step event.Step) error {
	fields := step.Fields
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var err error
		switch name {
		case event.FieldProject, event.FieldType, event.FieldStatus:
		case event.FieldDescription:
			err = e.description(ctx, fields[name])
		case event.FieldParent:
			err = e.parent(fields[name])
		case event.FieldLinks:
			err = e.links(step)
		case event.FieldLabels:
			err = e.labels(fields[name])
		default:
			err = e.field(ctx, name, fields[name])
		}
		if err != nil {
			return err
		}
	}
	e.take()
	return nil
}

// take puts what takes relations away before what makes them: a work item has one parent.
// A place holds only for the revision that the patch tests, and until one before it goes.
func (e *encoder) take() {
	slices.Sort(e.taken)
	for _, n := range e.taken {
		e.tied = true
		e.out = slices.Insert(e.out, 0, operation{Op: "remove", Path: "/relations/" + strconv.Itoa(n)})
	}
}

func (e *encoder) field(ctx context.Context, name string, v any) error {
	def, err := e.t.dir.byName(ctx, name)
	if err != nil {
		return err
	}
	if def == nil || def.fixed {
		return e.reject("Azure DevOps has no field %q that can be written", name)
	}
	uses, err := e.t.dir.uses(ctx, e.project, e.kind)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(uses, func(f fieldUse) bool { return f.Ref == def.ref }) {
		if v == nil {
			return nil
		}
		return e.reject("a %s has no field %q", e.kind, name)
	}
	if def.ref == refTitle {
		if err := e.title(v); err != nil {
			return err
		}
	}
	encoded, err := e.value(ctx, def, v)
	if err == nil {
		e.set(def.ref, encoded)
	}
	return err
}

func (e *encoder) title(v any) error {
	s, ok := v.(string)
	switch {
	case !ok || strings.TrimSpace(s) == "":
		return e.reject("the summary is empty, which Azure DevOps does not take")
	case utf8.RuneCountInString(defuse.Line(s)) > maxTitle:
		return e.reject("the summary has %d characters, Azure DevOps takes %d", utf8.RuneCountInString(defuse.Line(s)), maxTitle)
	}
	return nil
}

func (e *encoder) value(ctx context.Context, def *definition, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch def.kind {
	case event.TypeUser:
		return e.person(ctx, v)
	case event.TypeBool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, e.reject("%s is %T, not yes or no", def.name, v)
	case event.TypeNumber, event.TypeDuration:
		n, ok := v.(float64)
		switch {
		case !ok || math.IsNaN(n) || math.IsInf(n, 0):
			return nil, e.reject("%s is %T, not a number", def.name, v)
		case def.seconds:
			return n / 3600, nil
		case def.base == "integer" && n != math.Trunc(n):
			return nil, e.reject("%s takes whole numbers only", def.name)
		}
		return n, nil
	}
	s, ok := v.(string)
	if !ok {
		return nil, e.reject("%s is %T, not text", def.name, v)
	}
	return e.textual(def, s)
}

func (e *encoder) textual(def *definition, s string) (any, error) {
	switch def.kind {
	case event.TypeText:
		return defuse.Line(s), nil
	case event.TypeRich:
		return fromMarkdown(s, e.format(def.ref)), nil
	case event.TypeTime:
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return nil, e.reject("%s is not a time", def.name)
		}
		return at.UTC().Format(time.RFC3339), nil
	case event.TypeDate:
		if _, err := time.Parse(time.DateOnly, s); err != nil {
			return nil, e.reject("%s is not a date", def.name)
		}
		return s + "T00:00:00Z", nil
	case event.TypeOption:
		if len(def.options) > 0 && !slices.Contains(def.options, s) {
			return nil, e.reject("%s takes %q, not %q", def.name, def.options, s)
		}
		if def.base == "integer" || def.base == "double" || def.base == "picklistInteger" || def.base == "picklistDouble" {
			n, err := strconv.ParseFloat(s, 64)
			if err != nil {
				return nil, e.reject("%s is %q, not a number", def.name, s)
			}
			return n, nil
		}
	}
	return s, nil
}

// format is how the item keeps a long text.
func (e *encoder) format(ref string) string {
	if e.now == nil {
		return ""
	}
	return e.now.Formats[ref]
}

func (e *encoder) description(ctx context.Context, v any) error {
	ref, err := e.t.dir.description(ctx, e.project, e.kind)
	if err != nil {
		return err
	}
	s, ok := v.(string)
	if !ok && v != nil {
		return e.reject("the description is %T, not text", v)
	}
	if s == "" {
		e.set(ref, nil)
		return nil
	}
	e.set(ref, fromMarkdown(point(s, e.now, e.format(ref)), e.format(ref)))
	return nil
}

// labels replaces all tags but our own: an add would leave those that were taken away.
func (e *encoder) labels(v any) error {
	all, ok := v.([]any)
	if !ok && v != nil {
		return e.reject("labels are %T, not a list", v)
	}
	var tags []string
	for _, x := range all {
		tag, ok := x.(string)
		switch {
		case !ok || strings.TrimSpace(tag) == "":
			return e.reject("a label is empty or no text")
		case strings.ContainsAny(tag, ",;") || utf8.RuneCountInString(tag) > maxTag || isMarkerTag(tag):
			return e.reject("the label %q is none that Azure DevOps takes: it has a comma or semicolon, or is too long", tag)
		}
		tags = append(tags, strings.TrimSpace(tag))
	}
	if e.now == nil {
		e.set(refTags, strings.Join(tags, "; "))
		return nil
	}
	e.tied = true
	for _, tag := range e.now.tags() {
		if isMarkerTag(tag) {
			tags = append(tags, tag)
		}
	}
	if len(tags) == 0 {
		e.set(refTags, nil)
		return nil
	}
	e.out = append(e.out, operation{Op: "replace", Path: "/fields/" + refTags, Value: strings.Join(tags, "; ")})
	return nil
}

// parent replaces the relation to the parent.
func (e *encoder) parent(v any) error {
	id := ""
	if v != nil {
		m, _ := v.(map[string]any)
		if id, _ = m["id"].(string); !isID(id) {
			return e.reject("the parent is no work item of this Azure DevOps")
		}
	}
	if e.now != nil {
		if n := e.now.parent(); n >= 0 {
			if e.now.Relations[n].last() == id {
				return nil
			}
			e.taken = append(e.taken, n)
		}
	}
	if id != "" {
		e.relate(relParent, id)
	}
	return nil
}

func (e *encoder) relate(kind, id string) {
	e.out = append(e.out, operation{Op: "add", Path: "/relations/-", Value: map[string]any{
		"rel": kind, "url": e.t.web.JoinPath("_apis", "wit", "workItems", id).String(),
	}})
}

// links makes the relations that lack, and takes away those decided to. One that is there
// already is refused: what lacks is true of one revision only.
func (e *encoder) links(step event.Step) error {
	var have []relation
	var links []event.Link
	if e.now != nil {
		have, links = e.now.Relations, e.now.links()
	}
	add, remove := step.LinkChanges(links)
	for _, l := range add {
		kind := ""
		for rel, name := range relations() {
			if name == l.Type {
				kind = rel
			}
		}
		switch {
		case kind == "":
			return e.reject("Azure DevOps has no relation %q, but %q", l.Type, relationNames())
		case !isID(l.ID) || e.now != nil && l.ID == e.now.key():
			return e.reject("a link leads to %q, which is no other work item of this Azure DevOps", l.ID)
		}
		e.relate(kind, l.ID)
	}
	for n := range have {
		if l, ok := have[n].link(); ok && slices.ContainsFunc(remove, l.Same) {
			e.taken = append(e.taken, n)
		}
	}
	e.tied = e.tied || len(add) > 0
	return nil
}

// person is somebody of this organisation: by e-mail address, by id, else by a name
// that is one person's only.
func (e *encoder) person(ctx context.Context, v any) (any, error) {
	m, _ := v.(map[string]any)
	for _, key := range []string{"email", "id"} {
		query, _ := m[key].(string)
		if query == "" {
			continue
		}
		found, err := e.t.find(ctx, query)
		if err != nil {
			return nil, err
		}
		if len(found) == 1 {
			return found[0].value(), nil
		}
	}
	name, _ := m["name"].(string)
	if name != "" {
		all, err := e.t.dir.people(ctx, name)
		if err != nil {
			return nil, err
		}
		var same []identity
		for n := range all {
			if who := all[n].identity(); who.Name == name {
				same = append(same, who)
			}
		}
		if len(same) == 1 {
			return same[0].value(), nil
		}
	}
	return nil, &adapters.Error{
		Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf("nobody in Azure DevOps is %q", name), Hint: "map people in the filter",
	}
}

// value is a person as a patch names one.
func (i identity) value() map[string]any {
	out := map[string]any{"id": i.ID, "displayName": i.Name, "uniqueName": i.UniqueName}
	if i.Descriptor != "" {
		out["descriptor"] = i.Descriptor
	}
	return out
}

// place handles project, type and status, which depend on each other.
func (e *encoder) place(ctx context.Context, fields event.Fields) error {
	if v, ok := fields[event.FieldProject]; ok {
		name, _ := v.(string)
		switch {
		case strings.EqualFold(name, e.project):
		case !e.t.ours(name):
			return e.reject("project %q is not among the adapter's projects", name)
		default:
			e.project = name
			e.set(refProject, name)
			for _, ref := range []string{refArea, refIteration} {
				e.set(ref, name) // what it was in is not there
			}
		}
	}
	if v, ok := fields[event.FieldType]; ok && v != e.kind {
		name, _ := v.(string)
		if name == "" {
			return e.reject("the type cannot be empty")
		}
		e.kind = name
		e.set(refType, name)
	}
	kind, err := e.t.dir.typeOf(ctx, e.project, e.kind)
	if err != nil {
		return err
	}
	if kind == nil {
		return e.reject("project %q has no work items of type %q", e.project, e.kind)
	}
	return e.status(kind, fields)
}

func (e *encoder) status(kind *workItemType, fields event.Fields) error {
	v, ok := fields[event.FieldStatus]
	if !ok {
		return nil
	}
	want, _ := v.(string)
	state := e.now.text(refState)
	if want == state {
		return nil
	}
	next := kind.next(state)
	if e.kind == e.now.text(refType) && len(kind.Transitions) > 0 && !slices.Contains(next, want) {
		return &adapters.Error{
			Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf("status %q is not allowed after %q; allowed are %q", want, state, next),
			Hint: "map the status in the filter, or allow the transition in the process of Azure DevOps",
		}
	}
	if want == "" {
		return e.reject("the status cannot be empty")
	}
	e.set(refState, want)
	return nil
}

// withoutClass keeps the words of an error whose class does not hold for the whole step.
func withoutClass(err error) error {
	var known *adapters.Error
	if errors.As(err, &known) && known.Err != nil {
		return known.Err
	}
	return errors.New("the work item changes all the time")
}
