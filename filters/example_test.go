package filters_test

import (
	"context"
	"fmt"
	"time"

	"parley/filters"
	"parley/sync/event"
)

// The replica starts empty: what no line names does not leave.
func ExampleOutgoing_Run() {
	f, err := filters.CompileOutgoing(`
replica.summary = issue.summary
replica.status  = lookup("status", issue.status)
`, filters.Env{Tables: map[string]filters.Table{"status": {Pairs: []filters.Pair{{Ours: "New", Wire: "Open"}}}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := f.Run(context.Background(), filters.OutInput{Issue: filters.Ours{Fields: event.Fields{
		"summary": "Printer on fire", "status": "New", "assignee": "alice", "fields.Cost": 4000.0,
	}}})
	fmt.Println(out.Replica.Fields, err)
	// Output:
	// map[status:Open summary:Printer on fire] <nil>
}

// Value, empty and not sent are three things: what the peer did not send leaves
// ours alone, what it sent empty empties it.
func ExampleIncoming_Run() {
	f, err := filters.CompileIncoming(`
issue.summary = replica.summary
issue.due     = replica.due
issue.status  = replica.status
`, filters.Env{})
	if err != nil {
		fmt.Println(err)
		return
	}
	in, err := f.Run(context.Background(), filters.InInput{Replica: filters.Replica{Fields: event.Fields{
		"summary": "Printer on fire", "due": nil,
	}}})
	fmt.Println(in.Fields, err)
	// Output:
	// map[due:<nil> summary:Printer on fire] <nil>
}

// A scope says which of our tickets belong on a connection.
func ExampleScope_Match() {
	scope, err := filters.CompileScope(`issue.project == vars.project and "public" in issue.labels`,
		filters.Env{Vars: map[string]any{"project": "SUP"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, labels := range [][]any{{"public", "printer"}, {"printer"}} {
		yes, err := scope.Match(context.Background(), filters.Ours{Fields: event.Fields{"project": "SUP", "labels": labels}},
			filters.Context{Vars: map[string]any{"project": "SUP"}})
		fmt.Println(labels, yes, err)
	}
	// Output:
	// [public printer] true <nil>
	// [printer] false <nil>
}

// The gate goes by what the tracker says of a comment, whatever the script made
// of it.
func ExampleEgress_Check() {
	internal := filters.Comment{Comment: event.Comment{ID: "1", Body: "they never learn", Internal: true}}
	ours := filters.Ours{Comments: []filters.Comment{internal}}
	disguised := internal
	disguised.Internal = false
	_, findings := filters.Egress{}.Check(filters.Replica{Comments: []filters.Comment{disguised}, CommentsSent: true}, filters.MetaOf(ours, false))
	for _, f := range findings {
		fmt.Println(f.Code, f.Item)
	}
	// Output:
	// internal 1
}

// What the incoming filter wants is held to what may enter.
func ExampleAccept_Check() {
	accept := filters.Accept{Projects: []string{"SUP"}, Fields: []string{"summary", "status"}}
	for _, f := range accept.Check(filters.InResult{Fields: event.Fields{"project": "FINANCE", "summary": "x", "priority": "High"}}, true) {
		fmt.Println(f.Code, f.Field)
	}
	// Output:
	// field priority
	// project project
}

// A peer that makes tickets without end is stopped after so many an hour.
func ExampleCounter() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var c filters.Counter
	for range 3 {
		fmt.Println(c.Allow(now, 2))
	}
	fmt.Println("an hour later:", c.Allow(now.Add(time.Hour), 2))
	// Output:
	// true
	// true
	// false
	// an hour later: true
}
