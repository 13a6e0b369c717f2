package examples_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"path"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/filters"
	"parley/filters/examples"
	"parley/filters/filtertest"
	"parley/sync/event"
)

func compile(t *testing.T, e examples.Example) filtertest.Pair {
	t.Helper()
	env := e.Env()
	env.Schema = schemaFor(t, e)
	env.Key = []byte("test")
	out, err := filters.CompileOutgoing(e.Outgoing, env)
	if err != nil {
		t.Fatalf("%s outgoing:\n%v", e.Name, err)
	}
	in, err := filters.CompileIncoming(e.Incoming, env)
	if err != nil {
		t.Fatalf("%s incoming:\n%v", e.Name, err)
	}
	if _, err := filters.CompileScope(e.Scope, env); err != nil {
		t.Fatalf("%s scope:\n%v", e.Name, err)
	}
	for _, w := range append(out.Warnings(), in.Warnings()...) {
		t.Errorf("%s: %v", e.Name, w)
	}
	return filtertest.Pair{Outgoing: out, Incoming: in}
}

// schemaFor is what an example is checked against: it stands beside its tests.
func schemaFor(t *testing.T, e examples.Example) (schema event.Schema) {
	t.Helper()
	raw, err := fs.ReadFile(e.Files, path.Join("tests", filtertest.SchemaFile))
	if err == nil {
		err = json.Unmarshal(raw, &schema)
	}
	if err != nil {
		t.Fatalf("%s: %v", e.Name, err)
	}
	return schema
}

func list(t *testing.T) []examples.Example {
	t.Helper()
	return listed(t, examples.List)
}

// plain are those of which any two fit together.
func plain(t *testing.T) []examples.Example {
	t.Helper()
	return listed(t, examples.Plain)
}

func listed(t *testing.T, how func() ([]examples.Example, error)) []examples.Example {
	t.Helper()
	all, err := how()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestExamples_PassTheirOwnTests(t *testing.T) {
	t.Parallel()
	for _, e := range list(t) {
		pair := compile(t, e)
		files, err := fs.Glob(e.Files, "tests/*.yaml")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no tests (%v)", e.Name, err)
		}
		for _, file := range files {
			cases, err := filtertest.Load(e.Files, file)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range cases {
				t.Run(path.Join(e.Name, c.Name), func(t *testing.T) {
					t.Parallel()
					for _, difference := range pair.Run(t.Context(), c) {
						t.Error(difference)
					}
				})
			}
		}
	}
}

// Any two examples speak the same language: each status and priority of one
// arrives at the other as one of its own, and comes back as something that
// settles.
func TestExamples_AnyTwoUnderstandEachOther(t *testing.T) {
	t.Parallel()
	statuses := map[string][]string{
		"desk": {"Open", "In progress", "Waiting", "Resolved", "Closed"}, "redmine": {"New", "In Progress", "Resolved", "Feedback", "Closed", "Rejected"},
		"rt": {"new", "open", "stalled", "resolved", "rejected"},
	}
	all := plain(t)
	for _, from := range all {
		for _, to := range all {
			a, b := compile(t, from), compile(t, to)
			for _, status := range statuses[from.Tracker] {
				there := cross(t, a, b, status)
				back := cross(t, b, a, there)
				again := cross(t, b, a, cross(t, a, b, back))
				if there == "" || back == "" || again != back {
					t.Errorf("%s of %s is %q at %s, %q back, then %q", status, from.Name, there, to.Name, back, again)
				}
			}
		}
	}
}

// A relation of one that the other has too arrives as that and comes back as what it
// was; of the others nothing is said, so that no ticket waits for a person.
func TestExamples_ALinkArrivesAsOneOfTheirsOrNotAtAll(t *testing.T) {
	t.Parallel()
	symmetric := []string{"blocks", "is blocked by"}
	relations := map[string][]string{
		"desk":    {"relates to", "blocks", "is blocked by", "duplicates", "is duplicated by", "precedes", "follows"},
		"redmine": {"relates to", "blocks", "is blocked by", "duplicates", "is duplicated by", "precedes", "follows", "clones", "is cloned by"},
		"rt":      {"refers to", "is referred to by", "blocks", "is blocked by"},
	}
	all := plain(t)
	for _, from := range all {
		for _, to := range all {
			a, b := compile(t, from), compile(t, to)
			for _, relation := range append([]string{"is older than"}, relations[from.Tracker]...) {
				there := crossLink(t, a, b, relation)
				if there != "" && !slices.Contains(relations[to.Tracker], there) {
					t.Errorf("%q of %s arrives at %s as %q, which is not there", relation, from.Name, to.Name, there)
				}
				if slices.Contains(symmetric, relation) && there != relation {
					t.Errorf("%q of %s arrives at %s as %q", relation, from.Name, to.Name, there)
				}
				if there == "" {
					continue
				}
				// "is referred to by" has no word of its own on the wire.
				if back := crossLink(t, b, a, there); back != relation && relation != "is referred to by" {
					t.Errorf("%q of %s is %q at %s and %q back", relation, from.Name, there, to.Name, back)
				}
			}
		}
	}
}

// crossLink sends a link through one side's outgoing and the other's incoming filter.
func crossLink(t *testing.T, a, b filtertest.Pair, relation string) string {
	t.Helper()
	fields := event.Fields{"status": nil, "priority": nil, "links": []any{map[string]any{"type": relation, "id": "1"}}}
	out, err := a.Outgoing.Run(t.Context(), filters.OutInput{Issue: filters.Ours{Key: "1", Fields: fields}})
	if err != nil {
		t.Fatal(err)
	}
	in, err := b.Incoming.Run(t.Context(), filters.InInput{Replica: out.Replica, Context: filters.Context{Lookups: everything{}}})
	if err != nil {
		t.Fatal(err)
	}
	got := event.LinksOf(in.Fields["links"])
	if len(got) == 0 {
		return ""
	}
	return got[0].Type
}

// everything is a tracker that has a twin of every ticket.
type everything struct{}

func (everything) User(context.Context, string) (*event.User, error) { return nil, nil }

func (everything) Assignable(context.Context, string, string) (bool, error) { return true, nil }

func (everything) TicketsBy(context.Context, string, string) ([]event.Ref, error) { return nil, nil }

func (everything) TwinOf(_ context.Context, theirs string) (*event.Ref, error) {
	return &event.Ref{ID: theirs}, nil
}

// cross sends a status through one side's outgoing and the other's incoming filter.
func cross(t *testing.T, a, b filtertest.Pair, status string) string {
	t.Helper()
	fields := event.Fields{"status": status, "summary": "s"}
	if sendsPriority(a) {
		fields["priority"] = "Normal"
	}
	out, err := a.Outgoing.Run(t.Context(), filters.OutInput{Issue: filters.Ours{Key: "1", Fields: fields}})
	if err != nil {
		t.Fatal(err)
	}
	in, err := b.Incoming.Run(t.Context(), filters.InInput{Replica: out.Replica, Context: filters.Context{Lookups: everything{}}})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := in.Fields["status"].(string)
	return got
}

func sendsPriority(p filtertest.Pair) bool {
	for _, name := range p.Outgoing.Targets() {
		if name == "priority" {
			return true
		}
	}
	return false
}

func TestExamples_AreListedAndFound(t *testing.T) {
	t.Parallel()
	var names []string
	for _, e := range plain(t) {
		names = append(names, e.Name)
		if got, err := examples.Get(e.Name); err != nil || got.Outgoing != e.Outgoing || e.About == "" {
			t.Errorf("%s: %v", e.Name, err)
		}
		for _, v := range e.Vars {
			if v.About == "" || v.Sample == nil {
				t.Errorf("%s: variable %s is not described", e.Name, v.Name)
			}
		}
	}
	if diff := cmp.Diff(names, []string{"desk-to-desk", "redmine", "rt"}); diff != "" {
		t.Errorf("examples (-got +want):\n%s", diff)
	}
	if _, err := examples.Get("nothing"); err == nil {
		t.Error("an example that is not there was found")
	}
}
