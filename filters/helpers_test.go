package filters_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"parley/filters"
	"parley/sync/event"
)

// at is when every run of the tests happens.
var at = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func value(id, name, email string) map[string]any {
	return event.User{ID: id, Name: name, Email: email}.Value()
}

func sampleEnv() filters.Env {
	return filters.Env{
		Schema: event.Schema{Comments: true, Assignable: true, Impersonate: true, Internal: true, Attachments: true, Fields: map[string]event.Field{
			"summary": {Type: event.TypeText, Writable: true}, "description": {Type: event.TypeRich, Writable: true},
			"status":     {Type: event.TypeOption, Options: []string{"Open", "In Progress", "Done"}, Writable: true},
			"resolution": {Type: event.TypeOption, Options: []string{"Fixed", "Done"}, Writable: true},
			"priority":   {Type: event.TypeOption, Options: []string{"Low", "High"}, Writable: true},
			"assignee":   {Type: event.TypeUser, Writable: true}, "reporter": {Type: event.TypeUser},
			"labels": {Type: event.TypeSet, Writable: true}, "due": {Type: event.TypeDate, Writable: true},
			"links":           {Type: event.TypeLinks, Writable: true},
			"estimate":        {Type: event.TypeDuration, Writable: true},
			"fields.Region":   {Type: event.TypeCascade, Options: []string{"EU", "US"}, Writable: true},
			"fields.Severity": {Type: event.TypeOption, Options: []string{"S1", "S2", "S3"}, Writable: true},
			"fields.Points":   {Type: event.TypeNumber, Writable: true},
			"fields.Billable": {Type: event.TypeBool, Writable: true},
			"fields.Needed":   {Type: event.TypeTime, Writable: true},
			"fields.Day":      {Type: event.TypeDate, Writable: true},
			"fields.Reviewer": {Type: event.TypeUser, Writable: true},
			"fields.Systems":  {Type: event.TypeOptions, Options: []string{"A", "B", "a", "b", "c"}, Writable: true},
			"fields.Locked":   {Type: event.TypeText},
		}},
		Vars: map[string]any{"project": "SUP", "label": "globex", "limit": 3, "on": true, "desks": []string{"a", "b"}},
		Tables: map[string]filters.Table{
			"status":  {Pairs: []filters.Pair{{Ours: "Open", Wire: "open"}, {Ours: "In Progress", Wire: "open"}, {Ours: "Done", Wire: "closed"}}},
			"partly":  {Pairs: []filters.Pair{{Ours: "Low", Wire: "1"}}},
			"urgency": {Pairs: []filters.Pair{{Ours: "Low", Wire: "1"}, {Ours: "Hihg", Wire: "2"}}},
			"keep":    {Policy: filters.TableKeep}, "empty": {Policy: filters.TableEmpty}, "pass": {Policy: filters.TablePass},
		},
		Hosts: []string{"acme.example"},
		Key:   []byte("key of this connection"),
		// Generous: tests run with -race on loaded machines.
		Limits: filters.Limits{Time: 20 * time.Second},
	}
}

func sampleIssue() filters.Ours {
	return filters.Ours{
		Key: "SUP-1", URL: "https://acme.example/SUP-1",
		Fields: event.Fields{
			"summary": "Printer on fire", "description": "Call +49 30 1234567 or mail ann@acme.example.",
			"status": "Open", "priority": "High", "assignee": value("7", "Ann", "ann@acme.example"),
			"reporter": nil, "labels": []any{"globex", "pub-fire"}, "due": "2026-02-01", "estimate": 5400.0,
			"links":   []any{map[string]any{"type": "blocks", "id": "12", "key": "SUP-12"}, map[string]any{"type": "clones", "id": "13"}},
			"created": "2026-01-30T08:00:00Z", "project": "SUP", "type": "Incident", "parent": map[string]any{"id": "4", "key": "SUP-0"},
			"fields.Region": map[string]any{"value": "EU", "child": "Berlin"}, "fields.Severity": "S2", "fields.Points": 8.0,
			"fields.Billable": true, "fields.Needed": "2026-02-01T10:30:00Z", "fields.Day": "2026-02-02",
			"fields.Reviewer": value("9", "Rev", "rev@acme.example"), "fields.Systems": []any{"A"},
		},
		Comments: []filters.Comment{
			comment("1", "public", "", false), comment("2", "internal", "", true),
			comment("3", "from globex", "globex", false), comment("4", "from initech", "initech", false),
		},
		Attachments: []filters.Attachment{
			file("11", "a.png", 100, ""), file("12", "big.zip", 20<<20, ""), file("13", "g.png", 5, "globex"), file("14", "i.png", 5, "initech"),
		},
	}
}

func comment(id, body, from string, internal bool) filters.Comment {
	return filters.Comment{
		Comment: event.Comment{ID: id, Body: body, Internal: internal, Author: event.User{ID: "7", Name: "Ann", Email: "ann@acme.example"}, Created: at},
		From:    from,
	}
}

func file(id, name string, size int64, from string) filters.Attachment {
	return filters.Attachment{
		Attachment: event.Attachment{ID: id, Name: name, Size: size, MIME: "application/octet-stream", Created: at, Author: event.User{ID: "7", Name: "Ann"}},
		From:       from,
	}
}

func sampleContext() filters.Context {
	return filters.Context{
		Connection: filters.ConnectionInfo{Name: "globex", Peer: "Globex Corp", Tags: []string{"gold"}},
		Event:      filters.EventInfo{At: at, Kinds: []string{"edited"}},
		Lookups:    people{},
	}
}

// people knows Bob, one ticket and one twin.
type people struct{}

func (people) User(_ context.Context, query string) (*event.User, error) {
	switch query {
	case "bob@acme.example", "bob":
		return &event.User{ID: "8", Name: "Bob", Email: "bob@acme.example"}, nil
	case "down":
		return nil, errDown
	}
	return nil, nil
}

func (people) Assignable(_ context.Context, project, id string) (bool, error) {
	if project == "DOWN" {
		return false, errDown
	}
	return project == "SUP" && id == "8", nil
}

func (people) TicketsBy(_ context.Context, field, value string) ([]event.Ref, error) {
	switch value {
	case "one":
		return []event.Ref{{ID: field, Created: 1}}, nil
	case "two":
		return []event.Ref{{ID: "1", Created: 1}, {ID: "2", Created: 1}}, nil
	}
	return nil, nil
}

func (people) TwinOf(_ context.Context, theirs string) (*event.Ref, error) {
	if theirs == "here" {
		return &event.Ref{ID: "33", Created: 1}, nil
	}
	return nil, nil
}

var errDown = errors.New("tracker is down")

func outgoing(t testing.TB, src string, env filters.Env) *filters.Outgoing {
	t.Helper()
	f, err := filters.CompileOutgoing(src, env)
	if err != nil {
		t.Fatalf("compile:\n%v", err)
	}
	return f
}

func incoming(t testing.TB, src string, env filters.Env) *filters.Incoming {
	t.Helper()
	f, err := filters.CompileIncoming(src, env)
	if err != nil {
		t.Fatalf("compile:\n%v", err)
	}
	return f
}

// send runs an outgoing script on the sample ticket.
func send(t testing.TB, src string) filters.OutResult {
	t.Helper()
	out, err := outgoing(t, src, sampleEnv()).Run(t.Context(), filters.OutInput{Context: sampleContext(), Issue: sampleIssue(), Trace: true})
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	return out
}

// receive runs an incoming script on fields of the peer.
func receive(t testing.TB, src string, fields event.Fields) filters.InResult {
	t.Helper()
	issue := sampleIssue()
	in := filters.InInput{Context: sampleContext(), Issue: &issue, Replica: filters.Replica{Fields: fields}, Trace: true}
	out, err := incoming(t, src, sampleEnv()).Run(t.Context(), in)
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	return out
}

// problems are the mistakes of a script.
func problems(t testing.TB, err error) filters.Problems {
	t.Helper()
	var list filters.Problems
	if !errors.As(err, &list) {
		t.Fatalf("got %v (%T), want Problems", err, err)
	}
	return list
}
