package servicenow

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/adapters/internal/defuse"
	"parley/adapters/richtext"
	"parley/sync/event"
)

// fieldsOf reads the fields of a ticket that have a type here. A field that the account
// may not read is not among them.
func (t *Tracker) fieldsOf(ctx context.Context, r *record, people map[string]user) (event.Fields, error) {
	all, err := t.dir.fields(ctx)
	if err != nil {
		return nil, err
	}
	out := event.Fields{
		event.FieldKey: r.key(), event.FieldURL: t.webURL(r), event.FieldProject: t.set.table,
		event.FieldType:    orDefault(r.value("sys_class_name"), t.set.table),
		event.FieldCreated: r.created.Format(time.RFC3339), event.FieldUpdated: r.updated.Format(time.RFC3339),
		event.FieldDescription: nil, event.FieldSummary: nil, event.FieldStatus: nil,
	}
	for n := range all {
		def := &all[n]
		c, there := r.row[def.name]
		if !there {
			continue
		}
		if out[def.title], err = t.valueOf(ctx, def, c, people); err != nil {
			return nil, err
		}
	}
	out[event.FieldLinks] = linksOf(r, all)
	return out, nil
}

// linksOf are the other tickets that a ticket names, as its form has them: the label of
// the field is the relation.
func linksOf(r *record, all []definition) any {
	var out []event.Link
	for _, def := range all {
		other := r.row[def.name]
		switch def.name {
		case "parent", "parent_incident", "problem_id", "rfc", "caused_by":
			if def.title != event.FieldParent && other.Value != "" && other.Display != "" {
				out = append(out, event.Link{Type: def.label, ID: other.Value, Key: lines(other.Display)})
			}
		}
	}
	return event.LinksValue(out)
}

// webURL is a link that works in every user interface of ServiceNow.
func (t *Tracker) webURL(r *record) string {
	u := t.web.JoinPath("nav_to.do")
	u.RawQuery = url.Values{"uri": {t.set.table + ".do?sys_id=" + r.id()}}.Encode()
	return u.String()
}

// valueOf reads one field as its type has it.
func (t *Tracker) valueOf(ctx context.Context, def *definition, c cell, people map[string]user) (any, error) {
	if c.Value == "" {
		return nil, nil
	}
	switch def.kind {
	case event.TypeText:
		return emptyNil(defuse.MeantFormula(lines(c.Value))), nil
	case event.TypeRich:
		if def.html {
			return emptyNil(richtext.HTMLToMarkdown(c.Value)), nil
		}
		return emptyNil(plainToMarkdown(c.Value)), nil
	case event.TypeUser:
		return person(c.Value, c.Display, people), nil
	case event.TypeUsers:
		var out []any
		for part := range strings.SplitSeq(c.Value, ",") {
			if part != "" {
				out = append(out, person(part, "", people))
			}
		}
		return listOrNil(out), nil
	case event.TypeRef:
		return map[string]any{"id": c.Value, "key": c.Display}, nil
	case event.TypeOption:
		return t.optionOf(ctx, def, c)
	}
	return scalar(def, c.Value)
}

func (t *Tracker) optionOf(ctx context.Context, def *definition, c cell) (any, error) {
	if def.reference != "" {
		// A row that is hidden from the account has no name.
		return orDefault(lines(c.Display), c.Value), nil
	}
	all, err := t.dir.choices(ctx, def.name)
	return labelOf(all, c.Value), err
}

// scalar reads what stands for itself.
func scalar(def *definition, s string) (any, error) {
	switch def.kind {
	case event.TypeBool:
		return isTrue(s), nil
	case event.TypeNumber:
		n, err := strconv.ParseFloat(strings.ReplaceAll(s, ",", ""), 64)
		if err != nil {
			return nil, fmt.Errorf("read field %s: %w", def.name, errIncomplete)
		}
		return n, nil
	case event.TypeDate:
		if len(s) > len(time.DateOnly) {
			s = s[:len(time.DateOnly)]
		}
		if _, err := time.Parse(time.DateOnly, s); err != nil {
			return nil, fmt.Errorf("read field %s: %w", def.name, errIncomplete)
		}
		return s, nil
	case event.TypeTime, event.TypeDuration:
		at, err := parseStamp(s)
		if err != nil {
			return nil, fmt.Errorf("read field %s: %w", def.name, errIncomplete)
		}
		if def.kind == event.TypeDuration {
			return float64(at.Unix()), nil // counted from 1970
		}
		return at.Format(time.RFC3339), nil
	}
	return nil, fmt.Errorf("read field %s of type %s: %w", def.name, def.kind, errIncomplete)
}

// person is somebody by sys_id; of who is hidden only the name that the ticket shows is
// known.
func person(id, shown string, people map[string]user) map[string]any {
	if u, ok := people[id]; ok {
		return u.event().Value()
	}
	return event.User{ID: id, Name: orDefault(lines(shown), id)}.Value()
}

// plainToMarkdown reads a field that is no journal: tags mean nothing there, and what
// defused them is taken out.
func plainToMarkdown(s string) string {
	return richtext.PlainToMarkdown(spoilt.ReplaceAllString(lines(s), "[$1]"))
}

func listOrNil(all []any) any {
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return all
}

func emptyNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}
