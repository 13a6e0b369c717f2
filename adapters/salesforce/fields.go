package salesforce

import (
	"context"
	"slices"
	"strings"
	"time"

	"parley/adapters/internal/defuse"
	"parley/adapters/internal/recall"
	"parley/adapters/richtext"
	"parley/sync/event"
)

// fieldsOf reads the fields of a case, its description apart.
func (t *Tracker) fieldsOf(ctx context.Context, x record, cat *catalog, people map[string]person) (event.Fields, error) {
	who := func(field string) any {
		if id := x.text(field); id != "" {
			return people[id].event().Value()
		}
		return nil
	}
	row := rowOf(x)
	out := event.Fields{
		event.FieldKey: row.Number, event.FieldURL: t.webURL(row.ID),
		event.FieldCreated: moment(row.Created.Time), event.FieldUpdated: moment(row.Modified.Time),
		event.FieldAssignee: who("OwnerId"), event.FieldReporter: who("ContactId"), event.FieldCreator: who("CreatedById"),
		event.FieldProject: cat.project(x.text("RecordTypeId")), event.FieldParent: nil,
	}
	for name, def := range cat.fields {
		out[name] = def.read(x[def.Name])
	}
	if id := x.text("ParentId"); id != "" {
		number, err := t.numberOf(ctx, id)
		if err != nil {
			return nil, err
		}
		out[event.FieldParent] = map[string]any{"id": id, "key": number}
	}
	return out, nil
}

// numberOf is what people call a case; its id if it is hidden.
func (t *Tracker) numberOf(ctx context.Context, id string) (string, error) {
	return recall.Of(&t.dir.memory, "case "+id, func() (string, error) {
		found, err := rows[caseRow](ctx, t.api, "read the parent", "queryAll", "SELECT "+caseFields+" FROM Case WHERE Id = "+quote(id))
		if err != nil || len(found) == 0 {
			return id, err
		}
		return found[0].Number, nil
	})
}

// read is a field's value as its type has it.
func (d *definition) read(v any) any {
	s, _ := v.(string)
	switch d.kind {
	case event.TypeBool:
		b, _ := v.(bool)
		return b
	case event.TypeNumber:
		if n, ok := v.(float64); ok {
			return n
		}
		return nil
	case event.TypeDate:
		if _, err := time.Parse(time.DateOnly, s); err != nil {
			return nil
		}
		return s
	case event.TypeTime:
		if at := parseTime(s); !at.IsZero() {
			return moment(at)
		}
		return nil
	case event.TypeOptions:
		return d.set(s)
	case event.TypeOption:
		if s == "" {
			return nil
		}
		return d.label(s)
	case event.TypeRich:
		if d.HTML {
			return emptyNil(lines(richtext.HTMLToMarkdown(s)))
		}
		return emptyNil(toMarkdown(s))
	}
	if d.kind == event.TypeText {
		s = defuse.MeantFormula(s)
	}
	return emptyNil(lines(s))
}

// set reads several values of a list, which stand in one text.
func (d *definition) set(s string) any {
	var names []string
	for value := range strings.SplitSeq(s, ";") {
		if value != "" {
			names = append(names, d.label(value))
		}
	}
	slices.Sort(names)
	var out []any
	for _, n := range slices.Compact(names) {
		out = append(out, n)
	}
	if out == nil {
		return nil
	}
	return out
}

func emptyNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}
