package zendesk

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

// FindUser implements adapters.People.
func (t *Tracker) FindUser(ctx context.Context, query string) ([]event.User, error) {
	if isID(query) {
		found, err := t.dir.people(ctx, number(query))
		if err != nil || found[number(query)].Name == "" {
			return nil, err
		}
		u := found[number(query)]
		return []event.User{u.event()}, nil
	}
	if !strings.Contains(query, "@") {
		return nil, nil // people have neither logins nor other ids
	}
	all, err := t.dir.search(ctx, query)
	if err != nil {
		return nil, err
	}
	var out []event.User
	for i := range all {
		if u := &all[i]; u.ID > 0 && strings.EqualFold(u.Email, query) {
			out = append(out, u.event())
		}
	}
	return out, nil
}

// Tells implements adapters.Partial.
func (t *Tracker) Tells(field string) bool {
	return field != event.FieldLabels && field != event.FieldDue && !strings.HasPrefix(field, event.CustomPrefix)
}

// History implements adapters.Historian from the audits. Tags, which it spells in
// several ways, and fields with several values are left out.
func (t *Tracker) History(ctx context.Context, ref event.Ref, since time.Time) ([]adapters.Edit, error) {
	op := "read the history of ticket " + ref.ID
	me, err := t.account(ctx)
	if err != nil {
		return nil, err
	}
	x, err := t.ticket(ctx, op, ref)
	if err != nil {
		return nil, err
	}
	cat, err := t.dir.catalog(ctx)
	if err != nil {
		return nil, err
	}
	audits, err := t.api.audits(ctx, op, x.key())
	if err != nil {
		return nil, t.believeGone(ctx, op, err)
	}
	audits = slices.DeleteFunc(audits, func(a audit) bool { return a.Created.Before(since.Truncate(time.Second)) })
	people, err := t.dir.people(ctx, peopleIn(audits)...)
	if err != nil {
		return nil, err
	}
	teller := teller{cat: cat, people: people}
	if teller.brands, err = t.dir.brands(ctx); err != nil {
		return nil, err
	}
	if teller.groups, err = t.dir.groups(ctx); err != nil {
		return nil, err
	}
	var out []adapters.Edit
	for i := range audits {
		author := people[audits[i].Author]
		for _, e := range audits[i].Events {
			if e.Type != "Change" {
				continue
			}
			if name, read := teller.field(e.name()); read != nil {
				out = append(out, adapters.Edit{
					At: audits[i].Created.UTC(), Author: author.event(), Own: audits[i].Author == me.ID,
					Field: name, Old: read(e.Previous), New: read(e.Value),
				})
			}
		}
	}
	return out, nil
}

// name is the field that an event is about; custom fields are named by their ids.
func (e *auditEvent) name() string {
	var s string
	if json.Unmarshal(e.Field, &s) == nil {
		return s
	}
	return string(e.Field)
}

func peopleIn(audits []audit) []int64 {
	var out []int64
	for i := range audits {
		out = append(out, audits[i].Author)
		for _, e := range audits[i].Events {
			if n := e.name(); n == "assignee_id" || n == "requester_id" {
				out = append(out, idIn(e.Value), idIn(e.Previous))
			}
		}
	}
	return out
}

// idIn reads an id, which audits write as text or as a number.
func idIn(v any) int64 {
	switch v := v.(type) {
	case string:
		return number(v)
	case float64:
		return int64(v)
	}
	return 0
}

// teller spells what audits say as a ticket does.
type teller struct {
	cat            *catalog
	people         map[int64]user
	brands, groups []named
}

// field is a field by its name in audits, and how its values read; nil for what is no
// field here or is spelled otherwise.
func (t *teller) field(name string) (string, func(any) any) {
	text := func(v any) string {
		s, _ := v.(string)
		return s
	}
	switch name {
	case "subject":
		return event.FieldSummary, func(v any) any { return emptyNil(defuse.MeantFormula(lines(text(v)))) }
	case "priority":
		return event.FieldPriority, func(v any) any { return emptyNil(t.cat.priority.label(text(v))) }
	case "type":
		return event.FieldType, func(v any) any { return emptyNil(t.cat.kinds.label(text(v))) }
	case "status":
		if t.cat.hasCustom() {
			return "", nil // the status that people see is told by another event
		}
		return event.FieldStatus, func(v any) any { return t.cat.statusBy(0, text(v)).name }
	case "custom_status_id":
		return event.FieldStatus, func(v any) any { return t.cat.statusBy(idIn(v), "").name }
	case "assignee_id":
		return event.FieldAssignee, t.person
	case "requester_id":
		return event.FieldReporter, t.person
	case "brand_id":
		return event.FieldProject, func(v any) any { return nameOf(t.brands, idIn(v)) }
	case "group_id":
		return fieldGroup, func(v any) any { return nameOf(t.groups, idIn(v)) }
	}
	for i := range t.cat.custom {
		def := &t.cat.custom[i]
		if strconv.FormatInt(def.id, 10) == name && def.kind != event.TypeOptions {
			return def.name, func(v any) any {
				if def.kind == event.TypeBool {
					return v == true || v == "1" || v == "true"
				}
				return def.read(v)
			}
		}
	}
	return "", nil
}

func (t *teller) person(v any) any {
	if u, ok := t.people[idIn(v)]; ok && u.ID > 0 {
		return u.event().Value()
	}
	return nil
}

func (c *catalog) hasCustom() bool {
	return slices.ContainsFunc(c.statuses, func(s status) bool { return s.custom != 0 })
}
