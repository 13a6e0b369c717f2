package zendesk

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

// fieldsOf reads the fields of a ticket, its description apart.
func (t *Tracker) fieldsOf(ctx context.Context, x *ticket, cat *catalog, people map[int64]user) (event.Fields, error) {
	brands, err := t.dir.brands(ctx)
	if err != nil {
		return nil, err
	}
	groups, err := t.dir.groups(ctx)
	if err != nil {
		return nil, err
	}
	person := func(id int64) any {
		if u, ok := people[id]; ok && id > 0 {
			return u.event().Value()
		}
		return nil
	}
	out := event.Fields{
		event.FieldKey: x.key(), event.FieldURL: t.webURL(x.key()),
		event.FieldCreated: x.Created.UTC().Format(time.RFC3339), event.FieldUpdated: x.Updated.UTC().Format(time.RFC3339),
		event.FieldSummary: emptyNil(defuse.MeantFormula(lines(x.Subject))), event.FieldStatus: cat.status(x).name,
		event.FieldType: emptyNil(cat.kinds.label(x.Type)), event.FieldPriority: emptyNil(cat.priority.label(x.Priority)),
		event.FieldProject: nameOf(brands, x.Brand), fieldGroup: nameOf(groups, x.Group),
		event.FieldAssignee: person(x.Assignee), event.FieldReporter: person(x.Requester), event.FieldCreator: person(x.Submitter),
		event.FieldLabels: setOf(cat.labels(x.Tags)), event.FieldDue: nil, event.FieldParent: nil,
	}
	if x.Due != nil && !x.Due.IsZero() {
		out[event.FieldDue] = x.Due.UTC().Format(time.DateOnly)
	}
	if x.Problem > 0 {
		id := strconv.FormatInt(x.Problem, 10)
		out[event.FieldParent] = map[string]any{"id": id, "key": id}
	}
	var links []event.Link
	for _, id := range x.FollowUps {
		other := strconv.FormatInt(id, 10)
		links = append(links, event.Link{Type: "followed up by", ID: other, Key: other})
	}
	out[event.FieldLinks] = event.LinksValue(links)
	for i := range cat.custom {
		def := &cat.custom[i]
		out[def.name] = def.read(x.custom(def.id))
	}
	return out, nil
}

// labels are the tags that stand for no field's value.
func (c *catalog) labels(tags []string) []string {
	var out []string
	for _, tag := range tags {
		if _, owned := c.owned[tag]; !owned && tag != tagMerged {
			out = append(out, tag)
		}
	}
	return out
}

// read is a custom field's value as its type has it. Numbers come as text or as
// numbers, checkboxes that nobody touched as nothing.
func (d *definition) read(v any) any {
	switch d.kind {
	case event.TypeBool:
		b, isBool := v.(bool)
		return isBool && b || v == "true"
	case event.TypeNumber:
		switch n := v.(type) {
		case float64:
			return n
		case string:
			if f, err := strconv.ParseFloat(n, 64); err == nil {
				return f
			}
		}
		return nil
	case event.TypeDate:
		s, _ := v.(string)
		day, _, _ := strings.Cut(s, "T")
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return nil
		}
		return day
	case event.TypeOptions:
		all, _ := v.([]any)
		var names []string
		for _, e := range all {
			if s, ok := e.(string); ok && s != "" {
				names = append(names, d.label(s))
			}
		}
		return setOf(names)
	}
	s, ok := v.(string)
	if !ok && v != nil {
		raw, err := json.Marshal(v)
		if err != nil {
			return nil
		}
		s = string(raw)
	}
	if d.kind == event.TypeOption && s != "" {
		return d.label(s)
	}
	return emptyNil(defuse.MeantFormula(lines(s)))
}

func setOf(all []string) any {
	if len(all) == 0 {
		return nil
	}
	all = slices.Clone(all)
	slices.Sort(all)
	var out []any
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
