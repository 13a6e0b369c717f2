package jira

import (
	"context"
	"slices"
	"time"

	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

// fieldsOf reads the fields of an issue that have a type here.
func (t *Tracker) fieldsOf(ctx context.Context, i *issue) (event.Fields, error) {
	all, err := t.dir.fields(ctx)
	if err != nil {
		return nil, err
	}
	out := event.Fields{
		event.FieldKey: i.Key, event.FieldURL: t.webURL(i.Key),
		event.FieldCreated: i.created.Format(time.RFC3339), event.FieldUpdated: i.updated.Format(time.RFC3339),
		event.FieldDescription: nil, event.FieldSummary: nil, event.FieldStatus: nil,
		event.FieldParent: nil, // an issue without one has no such field
	}
	for n := range all {
		def := &all[n]
		if _, there := i.Fields[def.id]; !there || def.name == event.FieldCreated || def.name == event.FieldUpdated {
			continue
		}
		if out[def.name], err = t.valueOf(i, def); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (t *Tracker) webURL(key string) string { return t.web.JoinPath("browse", key).String() }

// valueOf reads one field as its type has it.
func (t *Tracker) valueOf(i *issue, def *definition) (any, error) {
	switch def.kind {
	case event.TypeText:
		return textValue(i, def.id)
	case event.TypeRich:
		md, err := t.api.toMarkdown(i.Fields[def.id])
		return emptyNil(md), err
	case event.TypeOption, event.TypeCascade, event.TypeRef:
		return namedValue(i, def)
	case event.TypeNumber, event.TypeDuration:
		var n *float64
		if err := i.field(def.id, &n); err != nil || n == nil {
			return nil, err
		}
		return *n, nil
	case event.TypeDate:
		return textValue(i, def.id)
	case event.TypeTime:
		var at stamp
		if err := i.field(def.id, &at); err != nil || at.IsZero() {
			return nil, err
		}
		return at.Format(time.RFC3339), nil
	case event.TypeUser:
		var u *user
		err := i.field(def.id, &u)
		return u.value(), err
	case event.TypeUsers:
		var all []user
		err := i.field(def.id, &all)
		var out []any
		for n := range all {
			out = append(out, all[n].value())
		}
		return listOrNil(out), err
	case event.TypeLinks:
		return linksValue(i)
	case event.TypeRefs:
		var all []named
		err := i.field(def.id, &all)
		keys := map[string]string{}
		for _, n := range all {
			keys[n.ID] = n.Key
		}
		return event.RefsValue(keys), err
	}
	return setValue(i, def)
}

func textValue(i *issue, id string) (any, error) {
	var s string
	err := i.field(id, &s)
	return emptyNil(defuse.MeantFormula(lines(s))), err
}

func namedValue(i *issue, def *definition) (any, error) {
	var n *named
	if err := i.field(def.id, &n); err != nil || n == nil {
		return nil, err
	}
	switch {
	case def.kind == event.TypeRef:
		return map[string]any{"id": n.ID, "key": n.Key}, nil
	case def.kind == event.TypeCascade:
		v := map[string]any{"value": n.label()}
		if n.Child != nil {
			v["child"] = n.Child.label()
		}
		return v, nil
	case def.id == "project":
		return emptyNil(n.Key), nil
	}
	return emptyNil(n.label()), nil
}

// setValue reads labels, which are strings, and things with names.
func setValue(i *issue, def *definition) (any, error) {
	var all []string
	if def.schema.Items == "string" {
		if err := i.field(def.id, &all); err != nil {
			return nil, err
		}
	} else {
		var things []named
		if err := i.field(def.id, &things); err != nil {
			return nil, err
		}
		for n := range things {
			all = append(all, things[n].label())
		}
	}
	return setOf(all), nil
}

func setOf(all []string) any {
	slices.Sort(all)
	out := make([]any, 0, len(all))
	for _, s := range slices.Compact(all) {
		out = append(out, s)
	}
	return listOrNil(out)
}

func listOrNil(all []any) any {
	if len(all) == 0 {
		return nil
	}
	return all
}

func emptyNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}
