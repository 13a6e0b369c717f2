package rt

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

func itoa(n int) string { return strconv.Itoa(n) }

// standard reads the fields that every ticket has, but for the description.
func (t *Tracker) standard(b *ticketBody) event.Fields {
	f := event.Fields{
		event.FieldKey:      string(b.ID),
		event.FieldURL:      webURL(t.web, string(b.ID)),
		event.FieldProject:  string(b.Queue.Name),
		event.FieldSummary:  defuse.MeantFormula(string(b.Subject)),
		event.FieldStatus:   string(b.Status),
		event.FieldPriority: t.readPriority(string(b.Priority)),
		event.FieldAssignee: userValue(b.Owner),
		event.FieldReporter: nil,
		event.FieldCreator:  userValue(b.Creator),
		event.FieldCreated:  timeValue(readTime(b.Created)),
		event.FieldUpdated:  timeValue(readTime(b.LastUpdated)),
		event.FieldDue:      timeValue(readTime(b.Due)),
		event.FieldEstimate: minutes(b.TimeEstimated),
		event.FieldSpent:    minutes(b.TimeWorked),
		event.FieldParent:   parentOf(b),
		event.FieldChildren: childrenOf(b),
		event.FieldLinks:    event.LinksValue(linksOf(b)),
	}
	if len(b.Requestor) > 0 {
		f[event.FieldReporter] = userValue(b.Requestor[0])
	}
	return f
}

// parentOf is the ticket that this one is a member of: the first, if several.
func parentOf(b *ticketBody) any {
	first := 0
	for _, l := range b.Links {
		id, err := strconv.Atoi(string(l.ID))
		if l.Ref == "parent" && l.Type == "ticket" && err == nil && (first == 0 || id < first) {
			first = id
		}
	}
	if first == 0 {
		return nil
	}
	return map[string]any{"id": itoa(first), "key": itoa(first)}
}

// childrenOf are the tickets that are members of this one.
func childrenOf(b *ticketBody) []any {
	keys := map[string]string{}
	for _, l := range b.Links {
		if id := string(l.ID); l.Ref == "child" && l.Type == "ticket" && id != "" {
			keys[id] = id
		}
	}
	return event.RefsValue(keys)
}

// nobody is RT's user for "no owner".
const nobody = "Nobody"

func user(o object) event.User {
	login := firstOf(string(o.Name), string(o.ID))
	return event.User{ID: login, Name: firstOf(string(o.RealName), login), Email: string(o.EmailAddress)}
}

func userValue(o object) any {
	if u := user(o); u.ID != "" && u.ID != nobody {
		return u.Value()
	}
	return nil
}

func timeValue(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

func minutes(s text) any {
	n, err := strconv.ParseFloat(string(s), 64)
	if err != nil || n == 0 {
		return nil
	}
	return n * 60
}

func (t *Tracker) priorityNames() []string {
	var names []string
	for _, p := range t.set.priorities {
		names = append(names, p.name)
	}
	return names
}

// readPriority names a number as RT does: the highest level not above it.
func (t *Tracker) readPriority(s string) any {
	n, err := strconv.Atoi(s)
	if err != nil {
		return nil
	}
	if len(t.set.priorities) == 0 {
		return float64(n)
	}
	name := t.set.priorities[0].name
	for _, p := range t.set.priorities {
		if n >= p.from {
			name = p.name
		}
	}
	return name
}

// custom adds the custom fields.
func (t *Tracker) custom(ctx context.Context, op string, b *ticketBody, f event.Fields) error {
	known, err := t.queueInfo(ctx, op, false)
	if err != nil {
		return err
	}
	if t.set.labelsField != "" {
		f[event.FieldLabels] = []any{}
	}
	for _, c := range b.CustomFields {
		name := t.fieldName(string(c.Name))
		if name == "" {
			continue
		}
		def, ok := definitionOf(known, string(b.Queue.ID), string(c.Name))
		if !ok {
			// Not a field of the queue, or one that holds files.
			continue
		}
		f[name] = customValueOf(def, c.texts())
	}
	return nil
}

// customValueOf reads values as what the field is.
func customValueOf(def fieldDef, values []string) any {
	switch def.kind {
	case event.TypeSet, event.TypeOptions:
		slices.Sort(values)
		out := []any{}
		for _, v := range slices.Compact(values) {
			out = append(out, v)
		}
		return out
	}
	if len(values) == 0 {
		return nil
	}
	switch def.kind {
	case event.TypeNumber:
		if n, err := strconv.ParseFloat(strings.TrimSpace(values[0]), 64); err == nil {
			return n
		}
	case event.TypeTime:
		if at, err := time.Parse(time.RFC3339, values[0]); err == nil {
			if at.Unix() == 0 {
				return nil
			}
			return timeValue(at)
		}
	case event.TypeDate:
		if values[0] == "1970-01-01" {
			return nil
		}
	case event.TypeText:
		return defuse.MeantFormula(strings.Join(values, "\n"))
	}
	return strings.Join(values, "\n")
}
