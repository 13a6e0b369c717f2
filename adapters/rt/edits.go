package rt

import (
	"context"
	"path"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

// History implements adapters.Historian.
func (t *Tracker) History(ctx context.Context, ref event.Ref, since time.Time) ([]adapters.Edit, error) {
	op := "read the history of ticket " + ref.ID
	body, lock, err := t.same(ctx, op, ref)
	if err != nil {
		return nil, err
	}
	self, err := t.whoami(ctx, op)
	if err != nil {
		return nil, err
	}
	known, err := t.queueInfo(ctx, op, false)
	if err != nil {
		return nil, err
	}
	history, err := t.history(ctx, op, ref.ID, lock)
	if err != nil {
		return nil, err
	}
	people, links := map[text]any{}, linkEdits(history, linksOf(body))
	var out []adapters.Edit
	for _, tx := range history {
		at := readTime(tx.Created)
		if at.Before(since.Truncate(time.Second)) {
			continue
		}
		field, old, current := t.edit(tx, known)
		if both, ok := links[tx.ID]; ok {
			field, old, current = event.FieldLinks, both[0], both[1]
		}
		if field == event.FieldAssignee || field == event.FieldReporter {
			if old, err = t.person(ctx, op, tx.OldValue, people); err != nil {
				return nil, err
			}
			if current, err = t.person(ctx, op, tx.NewValue, people); err != nil {
				return nil, err
			}
		}
		if field == "" {
			continue
		}
		author := user(tx.Creator)
		out = append(out, adapters.Edit{
			At: at, Author: author, Own: self != "" && author.ID == self, Field: field, Old: old, New: current,
		})
	}
	return out, nil
}

// edit reads a transaction as a change of a field; "" if it is none. RT writes
// one for each value of a custom field.
func (t *Tracker) edit(tx transaction, known map[string]queueFields) (field string, old, current any) {
	plain := func(s text) any { return nilIfEmpty(string(s)) }
	read := plain
	switch string(tx.Type) + " " + string(tx.Field) {
	case "Set Subject":
		field, read = event.FieldSummary, meantLine
	case "Status Status":
		field = event.FieldStatus
	case "Set Priority":
		field, read = event.FieldPriority, func(s text) any { return t.readPriority(string(s)) }
	case "Set Due":
		field, read = event.FieldDue, func(s text) any { return timeValue(sqlRead(s)) }
	case "Set TimeEstimated":
		field, read = event.FieldEstimate, minutes
	case "Set Queue":
		field, read = event.FieldProject, func(s text) any { return nilIfEmpty(firstOf(known[string(s)].name, string(s))) }
	case "Set Owner":
		field = event.FieldAssignee
	case "AddWatcher Requestor", "DelWatcher Requestor":
		field = event.FieldReporter
	case "AddLink MemberOf", "DeleteLink MemberOf":
		field, read = event.FieldParent, linked
	default:
		if tx.Type != "CustomField" {
			return "", nil, nil
		}
		name, def := fieldByID(known, tx.Field)
		field = t.fieldName(name)
		if def.kind == event.TypeText {
			read = meantLine
		}
	}
	return field, read(tx.OldValue), read(tx.NewValue)
}

// meantLine reads a text of one line.
func meantLine(s text) any { return nilIfEmpty(defuse.MeantFormula(string(s))) }

func fieldByID(known map[string]queueFields, id text) (string, fieldDef) {
	for _, q := range known {
		for name, def := range q.fields {
			if def.id == id {
				return name, def
			}
		}
	}
	return "#" + string(id), fieldDef{}
}

// linked reads the address of a ticket in RT's links.
func linked(s text) any {
	if id := linkedID(s); id != "" {
		return map[string]any{"id": id, "key": id}
	}
	return nil
}

// linkedID is the ticket's number in such an address, "" if it is that of something else.
func linkedID(s text) string {
	if id := path.Base(string(s)); number64(text(id)) > 0 && strings.Contains(string(s), "/ticket/") {
		return id
	}
	return ""
}

func sqlRead(s text) time.Time {
	at, err := time.Parse("2006-01-02 15:04:05", string(s))
	if err != nil || at.Unix() <= 0 {
		return time.Time{}
	}
	return at.UTC()
}

// person is a user by number, asked for once a call.
func (t *Tracker) person(ctx context.Context, op string, id text, known map[text]any) (any, error) {
	if id == "" || id == "0" {
		return nil, nil
	}
	if p, ok := known[id]; ok {
		return p, nil
	}
	found, err := t.FindUser(ctx, string(id))
	if err != nil {
		return nil, err
	}
	known[id] = nil
	if len(found) == 1 {
		known[id] = found[0].Value()
	}
	return known[id], nil
}
