package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"parley/node/access"
	"parley/node/audit"
)

// Guard says who may do what, and keeps the record of it.
type Guard interface {
	// May tells whether a person may do something, with a connection if it is about
	// one. The error is an *access.Denied.
	May(p Person, operation, connection string) error
	// OnRecord keeps a record, and returns it as it was kept. Without it on the disk
	// nothing is done.
	OnRecord(r audit.Record) (audit.Record, error)
}

type whoKey struct{}

// Person is who asks, as the machine knows them.
type Person struct {
	// Name is the account's; "" if the machine has none of that number.
	Name string
	// UID is the account's number, if Known. Who is not known came in by a socket that
	// only the node's own user and root can open.
	UID   int
	Known bool
	// From is where they came in.
	From string
}

// String is the person for the record.
func (p Person) String() string {
	switch {
	case !p.Known:
		return "the node's user or root"
	case p.Name == "":
		return "uid " + strconv.Itoa(p.UID)
	}
	return p.Name + " (uid " + strconv.Itoa(p.UID) + ")"
}

// withPerson notes who asks.
func withPerson(ctx context.Context, p Person) context.Context {
	return context.WithValue(ctx, whoKey{}, p)
}

// Asker is who asks for what a context is about.
func Asker(ctx context.Context) Person {
	p, ok := ctx.Value(whoKey{}).(Person)
	if !ok {
		return Person{Known: true, UID: nobody, From: "nowhere"}
	}
	return p
}

// nobody is a user that there is not.
const nobody = -1

// guarded does what was asked, if whoever asks may, with the records that it needs.
func guarded[O any](ctx context.Context, guard Guard, id string, in any, do func(context.Context) (O, error)) (O, error) {
	var none O
	p := Asker(ctx)
	r := audit.Record{Who: p.String(), From: p.From, Action: id}
	subject(&r, in)
	rule, _ := access.Of(id)
	if err := guard.May(p, id, reached(r)); err != nil {
		r.Outcome = audit.Refused + ": " + KindDenied
		_, failed := guard.OnRecord(r)
		return none, errors.Join(&Error{Kind: KindDenied, Message: r.Who + " may not do that", Hint: "an admin gives roles under access.people of parley.yaml", Err: err}, failed)
	}
	switch rule.Deed {
	case access.Reads:
		return do(ctx)
	case access.Shows:
		r.Outcome = audit.Shown
	default:
		r.Outcome = audit.Asked
	}
	begun, err := guard.OnRecord(r)
	if err != nil {
		return none, &Error{Kind: KindInternal, Message: "what is done cannot be put on record, so it is not done", Hint: "the node's log says why", Err: err}
	}
	if rule.Deed == access.Shows {
		return do(ctx)
	}
	ctx, notes := audit.WithNotes(ctx)
	out, err := do(ctx)
	end := audit.Record{Who: r.Who, From: p.From, Action: id, Of: begun.Number, Outcome: audit.Done, Connection: r.Connection, Ticket: r.Ticket, Changed: notes.All()}
	if err != nil {
		end.Outcome = audit.Refused + ": " + string(problemOf(err).Kind)
	}
	if _, failed := guard.OnRecord(end); failed != nil {
		return none, errors.Join(err, fmt.Errorf("it may have been done; how it ended is not on record: %w", failed))
	}
	return out, err
}

// reached is the connection that a request is bounded to; "" if it names something by an
// id, which may be of any.
func reached(r audit.Record) string {
	for _, id := range []string{"id", "entry", "event"} {
		if r.Said[id] != "" {
			return ""
		}
	}
	return r.Connection
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
