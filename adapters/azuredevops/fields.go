package azuredevops

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

// fieldsOf reads the fields of an item that have a type here.
func (t *Tracker) fieldsOf(ctx context.Context, i *item) (event.Fields, error) {
	all, err := t.dir.fields(ctx)
	if err != nil {
		return nil, err
	}
	out := event.Fields{event.FieldKey: i.key(), event.FieldURL: t.webURL(i), event.FieldParent: nil, event.FieldLinks: nil}
	uses, err := t.dir.uses(ctx, i.text(refProject), i.text(refType))
	if err != nil {
		return nil, err
	}
	for n := range all {
		def := &all[n]
		if !i.has(def.ref) && !slices.ContainsFunc(uses, func(f fieldUse) bool { return f.Ref == def.ref }) {
			continue // the type has no such field
		}
		if out[def.name], err = t.value(def, i.Fields[def.ref]); err != nil {
			return nil, err
		}
	}
	ref, err := t.dir.description(ctx, i.text(refProject), i.text(refType))
	if err != nil {
		return nil, err
	}
	out[event.FieldDescription] = emptyNil(toMarkdown(i.text(ref), i.Formats[ref]))
	for n := range all {
		if def := &all[n]; def.kind == event.TypeRich && i.has(def.ref) {
			out[def.name] = emptyNil(toMarkdown(i.text(def.ref), i.Formats[def.ref]))
		}
	}
	if parent := i.parent(); parent >= 0 {
		id := i.Relations[parent].last()
		out[event.FieldParent] = map[string]any{"id": id, "key": id}
	}
	out[event.FieldChildren] = i.children()
	out[event.FieldLinks] = event.LinksValue(i.links())
	return out, nil
}

// parent is the place of the relation to the parent; -1 if there is none.
func (i *item) parent() int {
	return slices.IndexFunc(i.Relations, func(r relation) bool { return r.Rel == relParent && isID(r.last()) })
}

// children are the items below this one.
func (i *item) children() []any {
	keys := map[string]string{}
	for n := range i.Relations {
		if r := &i.Relations[n]; r.Rel == relChild && isID(r.last()) {
			keys[r.last()] = r.last()
		}
	}
	return event.RefsValue(keys)
}

// links are the relations to other work items that have a name everywhere.
func (i *item) links() []event.Link {
	var out []event.Link
	for n := range i.Relations {
		if l, ok := i.Relations[n].link(); ok {
			out = append(out, l)
		}
	}
	return out
}

func (r *relation) link() (event.Link, bool) {
	id := r.last()
	name := relations()[r.Rel]
	return event.Link{Type: name, ID: id, Key: id}, name != "" && isID(id)
}

// relations are the kinds of links and what they are called everywhere. Forward leads to
// what comes after ("Link types reference"). A parent is a field, and a child is its own
// parent's; the remote kinds lead to other organisations.
func relations() map[string]string {
	return map[string]string{
		"System.LinkTypes.Related":            event.RelatesTo,
		"System.LinkTypes.Duplicate-Forward":  event.IsDuplicatedBy,
		"System.LinkTypes.Duplicate-Reverse":  event.Duplicates,
		"System.LinkTypes.Dependency-Forward": event.Precedes,
		"System.LinkTypes.Dependency-Reverse": event.Follows,
	}
}

func relationNames() []string { return slices.Sorted(maps.Values(relations())) }

func (t *Tracker) webURL(i *item) string {
	u := *t.web
	u.Path = strings.TrimSuffix(u.Path, "/") + "/" + i.text(refProject) + "/_workitems/edit/" + i.key()
	u.RawPath = strings.TrimSuffix(t.web.EscapedPath(), "/") + "/" + url.PathEscape(i.text(refProject)) + "/_workitems/edit/" + i.key()
	return u.String()
}

// value reads one field as its type has it; long texts as HTML.
func (t *Tracker) value(def *definition, raw json.RawMessage) (any, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, wrongField(def.ref)
	}
	switch def.kind {
	case event.TypeUser:
		var who identity
		if err := json.Unmarshal(raw, &who); err != nil {
			return nil, wrongField(def.ref)
		}
		if who.ID == "" && who.Name == "" {
			return nil, nil
		}
		return who.event().Value(), nil
	case event.TypeNumber, event.TypeDuration, event.TypeBool:
		if n, ok := v.(float64); ok && def.seconds {
			return math.Round(n * 3600), nil
		}
		if _, text := v.(string); text {
			return nil, nil
		}
		return v, nil
	case event.TypeOption:
		if n, ok := v.(float64); ok {
			return decimal(n), nil
		}
	}
	s, ok := v.(string)
	if !ok {
		return nil, wrongField(def.ref)
	}
	return t.textual(def, s)
}

func (t *Tracker) textual(def *definition, s string) (any, error) {
	if s == "" {
		return nil, nil
	}
	switch def.kind {
	case event.TypeTime, event.TypeDate:
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return nil, wrongField(def.ref)
		}
		if def.kind == event.TypeDate {
			return at.UTC().Format(time.DateOnly), nil
		}
		return at.UTC().Format(time.RFC3339), nil
	case event.TypeSet:
		return setOf(slices.DeleteFunc(splitTags(s), isMarkerTag)), nil
	case event.TypeRich:
		return emptyNil(toMarkdown(s, "")), nil
	case event.TypeText:
		s = defuse.MeantFormula(lines(s))
	}
	return emptyNil(lines(s)), nil
}

func setOf(all []string) any {
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	out := make([]any, 0, len(all))
	for _, s := range slices.Compact(all) {
		out = append(out, s)
	}
	return out
}

func emptyNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}
