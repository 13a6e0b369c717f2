package filters_test

import (
	"errors"
	"testing"

	"parley/filters"
	"parley/sync/event"
)

// TestChildren_AreReadWhereTheTrackerTellsThemAndNowhereSet: who writes them is told what
// to write instead, and who cannot have them learns it before a ticket does.
func TestChildren_AreReadWhereTheTrackerTellsThemAndNowhereSet(t *testing.T) {
	t.Parallel()
	told := filters.Env{Schema: event.Schema{Fields: map[string]event.Field{
		"summary": {Type: event.TypeText, Writable: true}, "labels": {Type: event.TypeSet, Writable: true}, "children": {Type: event.TypeRefs},
	}}}
	untold := filters.Env{Schema: event.Schema{Fields: map[string]event.Field{"summary": {Type: event.TypeText, Writable: true}}}}
	f, err := filters.CompileOutgoing(`replica.labels = map(issue.children, .key)`+"\n"+`replica.summary = any(issue.children, .id == "9") ? "has it" : text("{} below", len(issue.children))`, told)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		children []any
		want     string
	}{{event.RefsValue(map[string]string{"9": "A-9", "10": "A-10"}), "has it"}, {event.RefsValue(map[string]string{"10": "A-10"}), "1 below"}, {event.RefsValue(nil), "0 below"}} {
		got, err := f.Run(t.Context(), filters.OutInput{Issue: filters.Ours{Fields: event.Fields{"children": c.children}}})
		if err != nil || got.Replica.Fields["summary"] != c.want {
			t.Errorf("%v: %v, %v, want %q", c.children, got.Replica.Fields, err, c.want)
		}
	}
	for src, c := range map[string]struct {
		env  filters.Env
		code filters.Code
		in   bool
	}{
		`replica.summary = text("{}", len(issue.children))`:  {untold, filters.CodeNotAvailable, false},
		`replica.children = issue.children`:                  {told, filters.CodeTarget, false},
		`issue.children = nil`:                               {told, filters.CodeTarget, true},
		`issue.children += "A-1"`:                            {told, filters.CodeTarget, true},
		`issue.summary = text("{}", len(replica.children))`:  {told, filters.CodeOffHere, true},
		`issue.summary = text("{}", len(previous.children))`: {told, filters.CodeOffHere, true},
	} {
		var err error
		if c.in {
			_, err = filters.CompileIncoming(src, c.env)
		} else {
			_, err = filters.CompileOutgoing(src, c.env)
		}
		var list filters.Problems
		if !errors.As(err, &list) || len(list) != 1 || list[0].Code != c.code {
			t.Errorf("%s: %v, want %s", src, err, c.code)
		}
	}
}
