package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"parley/node/audit"
)

// Recorder keeps a record, and returns it as it was kept. Without it on the disk nothing
// is done.
type Recorder func(audit.Record) (audit.Record, error)

// deed says what an operation does, for the record.
type deed byte

const (
	// reads shows names, counts and states: no record is kept.
	reads deed = iota + 1
	// shows content of tickets: it is recorded that it was asked for.
	shows
	// changes something: what was asked for is recorded before, and how it ended after.
	changes
)

// deeds are all operations; one that is missing is taken to change something.
func deeds() map[string]deed {
	return map[string]deed{
		"status": reads, "key": reads, "probe": reads, "schema": reads, "connections": reads, "scope-count": reads,
		"load": reads, "tickets": reads, "queue": reads, "conflicts": reads, "connect-state": reads,
		"templates": reads, "template-diff": reads, "filter-history": reads, "filter-diff": reads, "export": reads,
		"audit": reads, "audit-head": reads,

		"scope-explain": shows, "explain": shows, "history": shows, "queue-entry": shows, "conflict": shows,
		"preview": shows, "record": shows, "match": shows, "try": shows,

		"claim": changes, "reload": changes, "invite": changes, "accept": changes, "remove-connection": changes,
		"pause": changes, "resume": changes, "verify": changes, "start-load": changes, "abort-load": changes,
		"pause-load": changes, "resume-load": changes, "sync": changes, "unsync": changes, "undo": changes,
		"retry": changes, "skip": changes, "approve": changes, "resolve": changes, "connect": changes, "resync": changes,
		"apply": changes, "publish": changes, "backup": changes, "audit-prune": changes,
	}
}

type whoKey struct{}

// person is who asks, and where they came in.
type person struct{ who, from string }

// withPerson notes who asks.
func withPerson(ctx context.Context, who, from string) context.Context {
	return context.WithValue(ctx, whoKey{}, person{who, from})
}

func askedBy(ctx context.Context) person {
	if p, ok := ctx.Value(whoKey{}).(person); ok {
		return p
	}
	return person{"unknown", "unknown"}
}

// Asker is who asks for what a context is about, as the machine knows them; "" if nobody does.
func Asker(ctx context.Context) string {
	p, _ := ctx.Value(whoKey{}).(person)
	return p.who
}

// recorded does what was asked, with the records that it needs.
func recorded[O any](ctx context.Context, record Recorder, id string, in any, do func(context.Context) (O, error)) (O, error) {
	var none O
	kind := deeds()[id]
	if kind == reads {
		return do(ctx)
	}
	p := askedBy(ctx)
	r := audit.Record{Who: p.who, From: p.from, Action: id, Outcome: audit.Shown}
	subject(&r, in)
	if kind != shows {
		r.Outcome = audit.Asked
	}
	begun, err := record(r)
	if err != nil {
		return none, &Error{Kind: KindInternal, Message: "what is done cannot be put on record, so it is not done", Hint: "the node's log says why", Err: err}
	}
	if kind == shows {
		return do(ctx)
	}
	ctx, notes := audit.WithNotes(ctx)
	out, err := do(ctx)
	end := audit.Record{Who: p.who, From: p.from, Action: id, Of: begun.Number, Outcome: audit.Done, Connection: r.Connection, Ticket: r.Ticket, Changed: notes.All()}
	if err != nil {
		end.Outcome = audit.Refused + ": " + string(problemOf(err).Kind)
	}
	if _, failed := record(end); failed != nil {
		return none, errors.Join(err, fmt.Errorf("it may have been done; how it ended is not on record: %w", failed))
	}
	return out, err
}

// told are the keys of a request that a record repeats. Codes of invitations, filters'
// sources and values of fields are none.
func told() []string {
	return []string{
		"name", "id", "entry", "event", "keys", "query", "by", "fields", "field", "take", "direction", "reason", "until", "author", "version",
		"template", "expect", "digest", "conflict", "validSeconds", "limit", "rate", "all", "force", "wider", "apply", "prune", "heal", "deep",
		"old", "dryRun", "before", "blank",
	}
}

// subject fills in what a request is about.
func subject(r *audit.Record, in any) {
	v := reflect.Indirect(reflect.ValueOf(in))
	r.Said = map[string]string{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("path")+field.Tag.Get("query"), ",")
		switch {
		case field.Name == "Body":
			raw, err := json.Marshal(v.Field(i).Interface())
			body := map[string]json.RawMessage{}
			if err != nil || json.Unmarshal(raw, &body) != nil {
				continue
			}
			for key, value := range body {
				about(r, key, spelt(value))
			}
		case name == "name":
			r.Connection = v.Field(i).String()
		case name != "":
			about(r, name, fmt.Sprint(v.Field(i).Interface()))
		}
	}
	if r.Action == "invite" || r.Action == "accept" {
		r.Connection = r.Said["name"]
		delete(r.Said, "name")
	}
}

// about notes one thing that was asked with.
func about(r *audit.Record, name, value string) {
	switch {
	case value == "":
	case name == "connection":
		r.Connection = value
	case name == "key":
		r.Ticket = value
	case slices.Contains(told(), name):
		r.Said[name] = value
	}
}

// spelt is a value of a request in a few words: a text as it is, of a list its first
// entries and how many there are.
func spelt(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		const most = 10
		more := ""
		if len(list) > most {
			more = fmt.Sprintf(" and %d more", len(list)-most)
		}
		return strings.Join(list[:min(len(list), most)], ", ") + more
	}
	return string(raw)
}
