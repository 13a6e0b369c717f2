package twin_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley/sync/event"
	"parley/sync/twin"
)

func base() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func optionTypes() map[string]event.Field {
	return map[string]event.Field{"status": {Type: event.TypeOption}}
}

// edited is a row of a pair that agreed on old, whose ticket got value since,
// which our event 1 carried at a time; the same value again is no edit.
func edited(old, value string, at time.Time) twin.Row {
	row := twin.Row{Local: map[string]twin.Base{"status": {Hash: event.HashValue(old)}}}
	row.Carry(event.Fields{"status": value}, event.Fields{"status": nil}, twin.Carried{Seq: 1, Cause: event.CauseEdit, Exact: false}, at)
	return row
}

func crossing(theirs, old, ours string, theirsAt time.Time) twin.Incoming {
	return twin.Incoming{
		Wanted: event.Fields{"status": theirs}, Same: event.Fields{"status": old}, Ours: event.Fields{"status": ours},
		TheirsAt: theirsAt, Cause: event.CauseEdit, Types: optionTypes(),
	}
}

// TestMerge_BothSidesDecideAlike: two events that cross leave one value on both
// sides, the one that the agreed policy names.
func TestMerge_BothSidesDecideAlike(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		status := rapid.SampledFrom([]string{"Open", "Waiting", "Done"})
		old, x, y := status.Draw(t, "old"), status.Draw(t, "at a"), status.Draw(t, "at b")
		winner := rapid.SampledFrom([]string{"a", "b", twin.Newest}).Draw(t, "winner")
		times := rapid.Custom(func(t *rapid.T) time.Time {
			return base().Add(time.Duration(rapid.Int64Range(0, 2500).Draw(t, "ms")) * time.Millisecond)
		})
		atA, atB := times.Draw(t, "time at a"), times.Draw(t, "time at b")
		a, b := edited(old, x, atA), edited(old, y, atB)
		end := func(row twin.Row, in twin.Incoming, us, them string) string {
			in.OursAt = base().Add(time.Hour) // the ticket changed later, in another field
			out := row.Merge(in, twin.Policy{Winner: winner, Us: us, Them: them})
			if written, ok := out.Write["status"]; ok {
				return written.(string)
			}
			return in.Ours["status"].(string)
		}
		// An event names only what differs from what the peer has.
		endA, endB := x, y
		if y != old {
			endA = end(a, crossing(y, old, x, atB), "a", "b")
		}
		if x != old {
			endB = end(b, crossing(x, old, y, atA), "b", "a")
		}
		if endA != endB {
			t.Fatalf("a ends with %s, b with %s", endA, endB)
		}
		want := x
		switch {
		case x == old, winner == "b", winner == twin.Newest && atB.Unix() > atA.Unix():
			want = y
		}
		if y == old {
			want = x
		}
		if endA != want {
			t.Fatalf("both end with %s, the policy %s wants %s", endA, winner, want)
		}
	})
}

func TestMerge_EqualValuesNeverConflict(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		kind         event.Type
		theirs, ours any
	}{
		{"options", event.TypeOption, "Done", "Done"},
		{"text with other line ends", event.TypeText, "a\r\nb", "a\nb"},
		{"text with blanks at the ends", event.TypeRich, " a\n", "a"},
		{"nothing and the empty text", event.TypeText, "", nil},
		{"nothing and the empty set", event.TypeSet, []any{}, nil},
		{"sets in another order", event.TypeSet, []any{"a", "b"}, []any{"b", "a"}},
		{"people by id", event.TypeUser, map[string]any{"id": "1", "name": "Ana"}, map[string]any{"id": "1", "name": "A. Na"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// Everybody changed the field: without the rule it would be a conflict.
			row := twin.Row{Local: map[string]twin.Base{"f": {Hash: event.HashValue("before"), Seq: 9}}}
			out := row.Merge(twin.Incoming{
				Wanted: event.Fields{"f": tt.theirs}, Ours: event.Fields{"f": tt.ours},
				Cause: event.CauseEdit, Types: map[string]event.Field{"f": {Type: tt.kind}},
			}, twin.Policy{Winner: "us", Us: "us", Them: "them"})
			if len(out.Conflicts)+len(out.Kept)+len(out.Write) > 0 {
				t.Errorf("conflicts %v, kept %v, written %v", out.Conflicts, out.Kept, out.Write)
			}
		})
	}
}

func TestMerge_OnlyAConcurrentEditStandsAgainstThePeers(t *testing.T) {
	t.Parallel()
	us := twin.Policy{Winner: "us", Us: "us", Them: "them"}
	them := twin.Policy{Winner: "them", Us: "us", Them: "them"}
	seen := crossing("Done", "Open", "Waiting", base())
	seen.Seen = 1
	caused := func(c event.Cause) twin.Incoming {
		in := crossing("Done", "Open", "Waiting", base())
		in.Cause = c
		return in
	}
	same := crossing("Open", "Open", "Waiting", base())
	unnamed := crossing("Done", "Open", "Waiting", base())
	unnamed.Same = event.Fields{}
	first := crossing("Done", "Open", "Waiting", base())
	first.Ours = nil
	for _, tt := range []struct {
		name   string
		row    twin.Row
		in     twin.Incoming
		policy twin.Policy
		write  bool
		kept   bool
	}{
		{"ours wins by the policy", edited("Open", "Waiting", base()), crossing("Done", "Open", "Waiting", base()), us, false, true},
		{"theirs wins by the policy", edited("Open", "Waiting", base()), crossing("Done", "Open", "Waiting", base()), them, true, false},
		{"the peer knew of ours when it changed the field", edited("Open", "Waiting", base()), seen, us, true, false},
		{"we did not change it", edited("Waiting", "Waiting", base()), crossing("Done", "Open", "Waiting", base()), us, true, false},
		{"a field never sent nor written is nobody's", twin.Row{}, crossing("Done", "Open", "Waiting", base()), us, true, false},
		{"an edit that has not left yet counts", edited("Open", "Open", base()), crossing("Done", "Open", "Waiting", base()), us, false, true},
		{"a filter never beats an edit", edited("Open", "Waiting", base()), caused(event.CauseFilter), them, false, true},
		{"a heal never beats an edit", edited("Open", "Waiting", base()), caused(event.CauseHeal), them, false, true},
		{"what a person decided beats all", edited("Open", "Waiting", base()), caused(event.CauseResolve), us, true, false},
		{"what the peer did not change is left alone", edited("Open", "Waiting", base()), same, them, false, false},
		{"what cannot be compared counts as changed", edited("Open", "Waiting", base()), unnamed, them, true, false},
		{"a ticket to be created takes all", twin.Row{}, first, us, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := tt.row.Merge(tt.in, tt.policy)
			if _, write := out.Write["status"]; write != tt.write {
				t.Errorf("written: %v, want %v", out.Write, tt.write)
			}
			if got := len(out.Kept) == 1; got != tt.kept {
				t.Errorf("kept: %v, want %v", out.Kept, tt.kept)
			}
			if before, had := out.Before["status"]; tt.write && tt.in.Ours != nil && (!had || before != "Waiting") {
				t.Errorf("before: %v", out.Before)
			}
		})
	}
}

func TestCompare_TellsWhatATrackerDidFromWhatAPersonDid(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name              string
		kind              event.Type
		before, want, got any
		fit               twin.Fit
	}{
		{"as wanted", event.TypeText, "a", "b", "b", twin.Kept},
		{"as wanted, other line ends", event.TypeText, "a", "b\nc", "b\r\nc ", twin.Kept},
		{"emptied as wanted", event.TypeText, "a", nil, "", twin.Kept},
		{"as before", event.TypeOption, "Open", "Done", "Open", twin.Ignored},
		{"another case", event.TypeOption, "Open", "done", "Done", twin.Normalised},
		{"other marks of the text format", event.TypeRich, "", "**bold** text", "*bold* text", twin.Normalised},
		{"cut", event.TypeText, "", "a long summary that is cut", "a long summary that", twin.Normalised},
		{"cut to what may be anything", event.TypeText, "", "a long summary", "a", twin.Foreign},
		{"rounded", event.TypeNumber, 1.0, 10.004, 10.0, twin.Normalised},
		{"another number", event.TypeNumber, 1.0, 10.0, 12.0, twin.Foreign},
		{"another text", event.TypeText, "a", "b", "c", twin.Foreign},
		{"emptied by somebody", event.TypeText, "a", "b", "", twin.Foreign},
		{"another option", event.TypeOption, "Open", "Done", "Waiting", twin.Foreign},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := twin.Compare(tt.kind, tt.before, tt.want, tt.got); got != tt.fit {
				t.Errorf("got %s, want %s", got, tt.fit)
			}
		})
	}
}

func TestOnlySets_LeavesOutTheRest(t *testing.T) {
	t.Parallel()
	types := map[string]event.Field{"labels": {Type: event.TypeSet}, "people": {Type: event.TypeUsers}, "status": {Type: event.TypeOption}}
	got := twin.OnlySets(event.Fields{"labels": []any{"a"}, "people": nil, "status": "Open", "unknown": []any{}}, types)
	if diff := cmp.Diff(event.Fields{"labels": []any{"a"}, "people": nil}, got); diff != "" {
		t.Errorf("sets (-want +got):\n%s", diff)
	}
}

func TestSame_ComparesAsHashesDo(t *testing.T) {
	t.Parallel()
	values := []any{
		nil, "", "a", "1", 1.0, 1, 0.0, true, false, []any(nil),
		[]any{},
		[]any{"a"},
		[]any{"a", nil},
		[]any{"b", "a"},
		[]string{"a"},
		map[string]any(nil),
		map[string]any{},
		map[string]any{"id": "1"},
		map[string]any{"id": "1", "n": []any{1.5}},
		event.Fields{"id": "1"},
	}
	for _, a := range values {
		for _, b := range values {
			if got, want := twin.Same(a, b), event.HashValue(a) == event.HashValue(b); got != want {
				t.Errorf("Same(%#v, %#v) = %v, hashes say %v", a, b, got, want)
			}
		}
	}
}

// TestMerge_WhatWasForgottenIsNotOverwrittenByLess: without a base nobody knows who
// changed a field; then a value stands against none, and the policy decides
// between two.
func TestMerge_WhatWasForgottenIsNotOverwrittenByLess(t *testing.T) {
	t.Parallel()
	early, late := time.Unix(1000, 0), time.Unix(2000, 0)
	for _, tt := range []struct {
		name             string
		ours, theirs     any
		oursAt, theirsAt time.Time
		forgot           bool
		write            bool
	}{
		{"ours against none", "High", nil, early, late, true, false},
		{"none against theirs", nil, "High", late, early, true, true},
		{"theirs is newer", "Low", "High", early, late, true, true},
		{"ours is newer", "Low", "High", late, early, true, false},
		{"nothing was forgotten", "Low", "High", late, early, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			row := twin.Row{}
			out := row.Merge(twin.Incoming{
				Wanted: event.Fields{"priority": tt.theirs}, Ours: event.Fields{"priority": tt.ours}, OursAt: tt.oursAt, TheirsAt: tt.theirsAt,
				Cause: event.CauseHeal, Forgot: tt.forgot, Types: map[string]event.Field{"priority": {Type: event.TypeOption}},
			}, twin.Policy{Winner: twin.Newest, Us: "a", Them: "b"})
			if _, written := out.Write["priority"]; written != tt.write {
				t.Errorf("written: %v, want %v", written, tt.write)
			}
		})
	}
}

// TestMerge_WeakChangesGiveWayOnBothSides: what a filter or a heal says never beats
// an edit, whichever side decides.
func TestMerge_WeakChangesGiveWayOnBothSides(t *testing.T) {
	t.Parallel()
	at := time.Unix(1000, 0)
	said := event.Fields{"status": "Open"}
	for _, tt := range []struct {
		ours, theirs event.Cause
		stands       bool
	}{
		{event.CauseEdit, event.CauseHeal, true},
		{event.CauseHeal, event.CauseEdit, false},
		{event.CauseFilter, event.CauseEdit, false},
		{event.CauseEdit, event.CauseFilter, true},
	} {
		for _, winner := range []string{"a", "b", twin.Newest} {
			row := twin.Row{}
			row.Carry(said, said, twin.Carried{Seq: 3, Cause: tt.ours}, at)
			if got := row.SaidStands("status", tt.theirs, at.Add(time.Hour), 0, twin.Policy{Winner: winner, Us: "a", Them: "b"}); got != tt.stands {
				t.Errorf("our %s against their %s with %s first: stands %v, want %v", tt.ours, tt.theirs, winner, got, tt.stands)
			}
		}
	}
}

// TestMerge_ADecisionStandsAgainstEditsMadeWithoutIt: also when ours was edited again
// since; and the peer's word that it decided counts only where it is to decide.
func TestMerge_ADecisionStandsAgainstEditsMadeWithoutIt(t *testing.T) {
	t.Parallel()
	at := base()
	row := edited("Open", "Waiting", at)
	row.Carry(event.Fields{"status": "Done"}, event.Fields{"status": nil}, twin.Carried{Seq: 2, Cause: event.CauseResolve, Exact: true}, at)
	row.Carry(event.Fields{"status": "Closed"}, event.Fields{"status": nil}, twin.Carried{Seq: 3, Cause: event.CauseEdit, Exact: true}, at)
	owner := twin.Policy{Winner: "us", Ask: true, Us: "us", Them: "them"}
	in := crossing("Reopened", "Open", "Closed", at)
	in.Seen = 1
	if out := row.Merge(in, owner); len(out.Disputed) != 0 || len(out.Kept) != 1 {
		t.Errorf("an edit made without the decision: disputed %v, kept %v", out.Disputed, out.Kept)
	}
	in.Seen = 2
	if out := row.Merge(in, owner); len(out.Disputed) != 1 {
		t.Errorf("an edit made in knowledge of it, beside a later one of ours: disputed %v", out.Disputed)
	}
	in.Cause = event.CauseResolve
	if out := row.Merge(in, owner); len(out.Disputed) != 1 || len(out.Write) != 0 {
		t.Errorf("who is not to decide decided: disputed %v, written %v", out.Disputed, out.Write)
	}
	if out := row.Merge(in, twin.Policy{Winner: "them", Ask: true, Us: "us", Them: "them"}); out.Write["status"] != "Reopened" {
		t.Errorf("a decision of those who are to decide: written %v", out.Write)
	}
}

// TestMerge_HealsThatCrossEndAlike: also where one says again what an edit had said
// that the other knows. To the other it is a heal, so it must be one here.
func TestMerge_HealsThatCrossEndAlike(t *testing.T) {
	t.Parallel()
	for _, earlier := range []string{"a", "b"} {
		healed := func(seq event.Seq, value string, first bool) twin.Row {
			at, row := base().Add(time.Hour), twin.Row{}
			if first {
				at = base()
			}
			said := event.Fields{"status": value}
			row.Carry(said, said, twin.Carried{Seq: seq, Cause: event.CauseEdit, Exact: true}, base().Add(-time.Hour))
			row.Carry(said, said, twin.Carried{Seq: 11, Cause: event.CauseHeal, Exact: true}, at)
			return row
		}
		a, b := healed(4, "High", earlier == "a"), healed(5, "Low", earlier == "b")
		end := func(row twin.Row, theirs, ours, us, them string) string {
			in := crossing(theirs, "", ours, base())
			if them != earlier {
				in.TheirsAt = base().Add(time.Hour)
			}
			in.Cause, in.Forgot, in.Seen = event.CauseHeal, true, 10
			if out := row.Merge(in, twin.Policy{Winner: twin.Newest, Us: us, Them: them}); len(out.Write) > 0 {
				return theirs
			}
			return ours
		}
		endA, endB := end(a, "Low", "High", "a", "b"), end(b, "High", "Low", "b", "a")
		want := map[string]string{"a": "Low", "b": "High"}[earlier]
		if endA != want || endB != want {
			t.Errorf("the heal of %s was made first: a ends with %s, b with %s, want %s", earlier, endA, endB, want)
		}
	}
}

// TestMerge_AnEditAfterOneThatStandsIsNotTheOlder: the peer lets the edit stand that
// has left here. What was done to it since is later, though the tracker's clock was
// set back a day in between: with the peer's value here the two would end apart.
func TestMerge_AnEditAfterOneThatStandsIsNotTheOlder(t *testing.T) {
	t.Parallel()
	policy := twin.Policy{Winner: twin.Newest, Us: "b", Them: "a"}
	for _, tt := range []struct {
		name string
		left time.Time // when the edit that has left was made
		want string    // written; "" is nothing
	}{
		{"which the peer lets stand", base().Add(24 * time.Hour), ""},
		{"which the peer does not let stand", base().Add(-24 * time.Hour), "Done"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			row := edited("Open", "Waiting", tt.left)
			in := crossing("Done", "Open", "Closed", base())
			in.OursAt = base().Add(-time.Minute)
			got, _ := row.Merge(in, policy).Write["status"].(string)
			if got != tt.want {
				t.Errorf("written: %q, want %q", got, tt.want)
			}
		})
	}
}
