package reference_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/filters"
	"parley/filters/reference"
	"parley/sync/event"
)

var page = filepath.Join("..", "..", "docs", "filters", "reference.md")

func TestReference_IsTheOneMadeFromTheProgram(t *testing.T) {
	t.Parallel()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(page, []byte(reference.Page()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), reference.Page()); diff != "" {
		t.Errorf("docs/filters/reference.md is stale; UPDATE=1 go test ./filters/reference writes it (-is +made):\n%s", diff)
	}
}

// Everything of the language has a row with an example, and nothing else has.
func TestReference_LeavesNothingOut(t *testing.T) {
	t.Parallel()
	words := filters.Vocabulary()
	functions := map[string]string{}
	for _, g := range reference.Groups() {
		for _, f := range g.Functions {
			functions[f.Name] = f.Example
			if len(f.Forms) == 0 || !strings.HasPrefix(f.Forms[0], f.Name+"(") {
				t.Errorf("%s has the forms %q", f.Name, f.Forms)
			}
		}
	}
	compare(t, "functions", functions, filters.Builtins())
	statements := map[string]string{}
	for _, s := range reference.Statements() {
		statements[s.Name] = s.Example
	}
	compare(t, "statements", statements, words.Statements)
	compare(t, "variables", named(reference.Variables()), words.Variables)
	compare(t, "operators", named(reference.Operators()), words.Operators)
	fields := slices.Concat(slices.Collect(maps.Keys(words.Fields)), words.Collections, []string{"fields"})
	compare(t, "fields", named(reference.Fields()), fields)
}

func named(list []reference.Word) map[string]string {
	out := map[string]string{}
	for _, w := range list {
		for _, name := range strings.Fields(w.Names) {
			out[name] = w.Example
		}
	}
	return out
}

func compare(t *testing.T, what string, have map[string]string, want []string) {
	t.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(have)), want); diff != "" {
		t.Errorf("%s (-documented +there are):\n%s", what, diff)
	}
	for name, example := range have {
		if example == "" {
			t.Errorf("%s %s has no example", what, name)
		}
	}
}

// An example that does not use what it stands for shows nothing.
func TestReference_EachFunctionsExampleCallsIt(t *testing.T) {
	t.Parallel()
	for _, g := range reference.Groups() {
		for _, f := range g.Functions {
			if !strings.Contains(f.Example, f.Name+"(") {
				t.Errorf("the example of %s does not call it: %s", f.Name, f.Example)
			}
		}
	}
}

func TestReference_EachExampleGivesWhatItSays(t *testing.T) {
	t.Parallel()
	check := func(name string, incoming, first bool, script, want string) {
		t.Helper()
		if got := result(t, incoming, first, script); got != want {
			t.Errorf("%s\n%s\ngives  %s\nstated %s", name, script, got, want)
		}
	}
	for _, s := range reference.Statements() {
		check(s.Name, s.Incoming, s.First, s.Example, s.Gives)
	}
	expression := func(name string, incoming bool, example, gives string) {
		t.Helper()
		if incoming {
			check(name, true, strings.HasPrefix(example, "connect"), example, gives)
			return
		}
		check(name, false, false, "replica.fields[\"Result\"] = "+example, gives)
	}
	for _, list := range [][]reference.Word{reference.Variables(), reference.Fields(), reference.Operators()} {
		for _, w := range list {
			expression(w.Names, w.Incoming, w.Example, w.Gives)
		}
	}
	for _, g := range reference.Groups() {
		for _, f := range g.Functions {
			expression(f.Name, f.Incoming, f.Example, f.Gives)
		}
	}
}

// result is what a script makes of the sample, as the page writes it.
func result(t *testing.T, incoming, first bool, script string) string {
	t.Helper()
	info := info()
	info.FirstSync = first
	if !incoming {
		f, err := filters.CompileOutgoing(script, env())
		if err != nil {
			return err.Error()
		}
		out, err := f.Run(t.Context(), filters.OutInput{Context: info, Issue: issue(), Previous: &filters.Replica{Fields: event.Fields{"summary": "Printer smokes"}}})
		if err != nil {
			return err.Error()
		}
		if v, ok := out.Replica.Fields["fields.Result"]; ok {
			return compact(t, v)
		}
		return stopped(t, out.Stop, out.Replica.Fields)
	}
	f, err := filters.CompileIncoming(script, env())
	if err != nil {
		return err.Error()
	}
	in := filters.InInput{Context: info, Replica: replica(), Previous: &filters.Replica{
		Fields: event.Fields{"summary": "Printer smokes", "status": "open", "labels": []any{"cold"}}, Comments: replica().Comments, CommentsSent: true,
	}}
	if ours := issue(); !first {
		in.Issue = &ours
	}
	out, err := f.Run(t.Context(), in)
	if err != nil {
		return err.Error()
	}
	text := stopped(t, out.Stop, out.Fields)
	for _, name := range slices.Sorted(maps.Keys(out.Sets)) {
		if add := out.Sets[name].Add; len(add) > 0 {
			text += " " + name + " + " + compact(t, add)
		}
		if remove := out.Sets[name].Remove; len(remove) > 0 {
			text += " " + name + " - " + compact(t, remove)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(out.Exact)) {
		text += " exactly " + name
	}
	if len(out.Via) > 0 {
		text += " status via " + compact(t, out.Via)
	}
	if out.CommentsSet {
		text += fmt.Sprintf(" %d comments", len(out.Comments))
	}
	if out.KeepRemovedComments {
		text += ", removed ones stay"
	}
	if out.Connect != nil {
		text += " connected with " + out.Connect.ID
	}
	return text
}

func stopped(t *testing.T, stop *filters.Stop, fields event.Fields) string {
	t.Helper()
	if stop != nil {
		return fmt.Sprintf("%s %q", stop.Kind, stop.Reason)
	}
	return compact(t, fields)
}

func compact(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

var at = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func env() filters.Env {
	writable := func(t event.Type, options ...string) event.Field {
		return event.Field{Type: t, Options: options, Writable: true}
	}
	return filters.Env{
		Schema: event.Schema{Comments: true, Assignable: true, Impersonate: true, Makes: []string{event.MakeVersions}, Internal: true, Attachments: true, Fields: map[string]event.Field{
			"summary": writable(event.TypeText), "description": writable(event.TypeRich), "labels": writable(event.TypeSet),
			"status": writable(event.TypeOption, "Open", "Done"), "priority": writable(event.TypeOption, "Low", "High"),
			"assignee": writable(event.TypeUser), "components": writable(event.TypeSet, "Web", "API"), "fixVersions": writable(event.TypeSet, "1.0", "2.0"),
			"children": {Type: event.TypeRefs}, "links": writable(event.TypeLinks), "fields.Severity": writable(event.TypeOption, "S1", "S2"), "fields.Region": writable(event.TypeCascade, "EU", "US"),
			"fields.Remote key": writable(event.TypeText), "fields.Told": writable(""),
		}},
		Vars:   map[string]any{"project": "SUP", "on": true},
		Tables: map[string]filters.Table{"status": {Pairs: []filters.Pair{{Ours: "Open", Wire: "open"}, {Ours: "Done", Wire: "closed"}}}},
		Hosts:  []string{"acme.example"},
		Key:    []byte("key of this connection"),
		Create: []string{event.MakeVersions},
		Limits: filters.Limits{Time: 20 * time.Second},
	}
}

func info() filters.Context {
	return filters.Context{
		Connection: filters.ConnectionInfo{Name: "globex", Peer: "Globex Corp"},
		Twin:       &filters.TwinInfo{Key: "GLX-1", Since: at},
		Event:      filters.EventInfo{At: at, Kinds: []string{"edited"}},
		Lookups:    lookups{},
		TwinID:     "GLX-1",
	}
}

func issue() filters.Ours {
	said := func(id, name, body, from string, internal bool) filters.Comment {
		return filters.Comment{From: from, Comment: event.Comment{ID: id, Body: body, Internal: internal, Author: event.User{ID: id, Name: name}, Created: at}}
	}
	file := func(id, name string, size int64) filters.Attachment {
		return filters.Attachment{Attachment: event.Attachment{ID: id, Name: name, Size: size, Created: at}}
	}
	return filters.Ours{
		Key: "SUP-7", URL: "https://acme.example/SUP-7",
		Fields: event.Fields{
			"summary": "Printer on fire", "description": "It *burns*.", "status": "Open", "project": "SUP", "type": "Incident", "priority": "High",
			"assignee": event.User{ID: "7", Name: "Ann", Email: "ann@acme.example"}.Value(), "labels": []any{"globex", "vip"},
			"created": "2026-01-30T08:00:00Z", "due": "2026-02-01", "estimate": 5400.0, "parent": map[string]any{"id": "4", "key": "SUP-1"}, "children": event.RefsValue(map[string]string{"9": "SUP-8"}),
			"links":           []any{event.Link{Type: "blocks", ID: "5", Key: "SUP-5"}.Value()},
			"fields.Severity": "S2", "fields.Region": map[string]any{"value": "EU", "child": "Berlin"},
		},
		Comments: []filters.Comment{
			said("1", "Ann", "It burns.", "", false), said("2", "Bob", "Is it out?", "", false),
			said("3", "Bob", "Call the brigade?", "", true), said("4", "Ira", "Ours too.", "initech", false),
		},
		Attachments: []filters.Attachment{file("11", "photo.png", 1<<10), file("12", "core.zip", 4<<20)},
	}
}

func replica() filters.Replica {
	return filters.Replica{
		Fields: event.Fields{
			"key": "GLX-1", "summary": "Printer still burns", "status": "open", "labels": []any{"hot"}, "parent": map[string]any{"id": "here", "key": "GLX-0"},
			"assignee": event.User{ID: "x", Name: "Gil"}.Value(),
		},
		Comments: []filters.Comment{{Comment: event.Comment{ID: "w1", Body: "Burns here too.", Author: event.User{ID: "x", Name: "Gil"}, Created: at}}}, CommentsSent: true,
	}
}

type lookups struct{}

func (lookups) User(_ context.Context, query string) (*event.User, error) {
	if query != "bob@acme.example" {
		return nil, nil
	}
	return &event.User{ID: "8", Name: "Bob", Email: query}, nil
}

func (lookups) Assignable(_ context.Context, _, id string) (bool, error) { return id == "8", nil }

func (lookups) TicketsBy(context.Context, string, string) ([]event.Ref, error) {
	return []event.Ref{{ID: "33", Created: 1}}, nil
}

func (lookups) TwinOf(context.Context, string) (*event.Ref, error) {
	return &event.Ref{ID: "33", Created: 1}, nil
}
