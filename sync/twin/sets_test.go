package twin_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley/sync/event"
	"parley/sync/twin"
)

const field = "labels"

func setTypes() map[string]event.Field { return map[string]event.Field{field: {Type: event.TypeSet}} }

// side is one tracker's set with what its node knows of the pair. Filters take
// the set over as it is, both ways.
type side struct {
	row  twin.Row
	ours []any
	seq  event.Seq
	seen event.Seq
	// events and outcomes are on their way to this side, each in order.
	events   []change
	outcomes []event.Outcome
}

type change struct {
	seq, seen event.Seq
	set       []any
}

// look is the way out: one event at a time, if the peer does not hold what we have.
func (s *side) look(peer *side) bool {
	fields := event.Fields{field: slices.Clone(s.ours)}
	if s.row.Out != nil || differs(s.row, fields, false) == nil {
		return false
	}
	s.seq++
	s.row.Append(s.seq, twin.HashAll(fields), false, time.Unix(0, 0))
	s.row.Carry(fields, fields, twin.Carried{Seq: s.seq, Cause: event.CauseEdit, Exact: true}, time.Unix(0, 0))
	s.row.SendSets(s.seq, false, fields, fields)
	peer.events = append(peer.events, change{s.seq, s.seen, slices.Clone(s.ours)})
	return true
}

// apply is the way in of the oldest event.
func (s *side) apply(peer *side) bool {
	if len(s.events) == 0 {
		return false
	}
	e := s.events[0]
	s.events = s.events[1:]
	out := s.row.Merge(twin.Incoming{
		Wanted: event.Fields{field: e.set}, Ours: event.Fields{field: s.ours},
		Cause: event.CauseEdit, Seen: e.seen, Types: setTypes(),
	}, twin.Policy{Winner: "a", Us: "a", Them: "b"})
	if set, ok := out.Write[field]; ok {
		s.ours = set.([]any)
	}
	holds := s.row.Holds(field, e.set, e.seen)
	echo(&s.row, event.Fields{field: holds}, e.seen)
	s.row.ReceiveSets(out.Said, e.seen)
	s.seen = e.seq
	peer.outcomes = append(peer.outcomes, event.Outcome{Seq: e.seq, Verdict: event.Applied})
	return true
}

func (s *side) settle() bool {
	if len(s.outcomes) == 0 {
		return false
	}
	s.row.Settle(s.outcomes[0])
	s.outcomes = s.outcomes[1:]
	return true
}

// TestSets_BothSidesAdditionsAndRemovalsStand: whatever the order in which
// events and outcomes arrive, both sides end with what anybody added and nobody
// took out.
func TestSets_BothSidesAdditionsAndRemovalsStand(t *testing.T) {
	t.Parallel()
	for range 25 { // what goes wrong takes an unlikely order
		rapid.Check(t, lives)
	}
}

func lives(t *rapid.T) {
	a, b := &side{ours: []any{}}, &side{ours: []any{}} // as adapters have it: empty, not nil
	added, removed := 0, map[any]bool{}
	for range rapid.IntRange(1, 60).Draw(t, "turns") {
		s, peer := a, b
		if rapid.Bool().Draw(t, "b") {
			s, peer = b, a
		}
		switch rapid.IntRange(0, 4).Draw(t, "what") {
		case 0:
			s.ours = append(slices.Clone(s.ours), label(added))
			added++
		case 1:
			if len(s.ours) > 0 {
				i := rapid.IntRange(0, len(s.ours)-1).Draw(t, "entry")
				removed[s.ours[i]] = true
				s.ours = slices.Delete(slices.Clone(s.ours), i, i+1)
			}
		case 2:
			s.look(peer)
		case 3:
			s.apply(peer)
		case 4:
			s.settle()
		}
	}
	for rounds, moved := 0, true; moved; rounds++ {
		if rounds > 50 {
			t.Fatalf("the sides do not come to rest: %v and %v", a.ours, b.ours)
		}
		moved = a.look(b)
		moved = b.look(a) || moved
		for a.apply(b) || b.apply(a) || a.settle() || b.settle() {
			moved = true
		}
	}
	want := []string{}
	for i := range added {
		if l := label(i); !removed[l] {
			want = append(want, l)
		}
	}
	for name, s := range map[string]*side{"a": a, "b": b} {
		if diff := cmp.Diff(want, texts(s.ours)); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// label sorts as it counts: sets are sorted wherever they come from.
func label(i int) string { return fmt.Sprintf("l%03d", i) }

func texts(l []any) []string {
	out := []string{}
	for _, v := range l {
		out = append(out, v.(string))
	}
	slices.Sort(out)
	return out
}

func TestSets_ExactTakesOursAway(t *testing.T) {
	t.Parallel()
	row := twin.Row{}
	in := twin.Incoming{
		Wanted: event.Fields{field: []any{"theirs"}}, Ours: event.Fields{field: []any{"ours"}},
		Cause: event.CauseEdit, Types: setTypes(),
	}
	if diff := cmp.Diff(event.Fields{field: []any{"ours", "theirs"}}, row.Merge(in, twin.Policy{}).Write); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
	in.Exact = map[string]bool{field: true}
	if diff := cmp.Diff(event.Fields{field: []any{"theirs"}}, row.Merge(in, twin.Policy{}).Write); diff != "" {
		t.Errorf("exact (-want +got):\n%s", diff)
	}
}

func TestSets_ExplicitChangesTouchOnlyWhatTheyName(t *testing.T) {
	t.Parallel()
	row := twin.Row{}
	out := row.Merge(twin.Incoming{
		Added: map[string][]any{field: {"new", "kept"}}, Removed: map[string][]any{field: {"old", "unknown"}},
		Ours: event.Fields{field: []any{"kept", "old", "own"}}, Cause: event.CauseEdit, Types: setTypes(),
	}, twin.Policy{})
	if diff := cmp.Diff(event.Fields{field: []any{"kept", "new", "own"}}, out.Write); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
	if len(out.Said) != 0 {
		t.Errorf("taken for what the peer holds: %v", out.Said)
	}
}

func TestSets_WhatIsRememberedIsBounded(t *testing.T) {
	t.Parallel()
	row := twin.Row{}
	var ours []any
	for i := range 100 {
		ours = append(slices.Clone(ours), label(i))
		if i%3 == 0 {
			ours = ours[1:]
		}
		row.SendSets(event.Seq(i+1), false, event.Fields{field: ours}, event.Fields{field: ours})
	}
	if got := len(row.Sets[field].Told); got > 8 {
		t.Errorf("%d events are remembered, the bound is 8", got)
	}
	// A peer that has seen all of them holds what we have: nothing is taken out or added.
	out := row.Merge(twin.Incoming{
		Wanted: event.Fields{field: ours}, Ours: event.Fields{field: ours},
		Cause: event.CauseEdit, Seen: 100, Types: setTypes(),
	}, twin.Policy{})
	if len(out.Write) != 0 {
		t.Errorf("written: %v", out.Write)
	}
}

// TestSets_ThatThePeerForgotAreUnited: a peer that says all of a twin anew knows
// nothing of what was taken out; then nothing is taken out on either side.
func TestSets_ThatThePeerForgotAreUnited(t *testing.T) {
	t.Parallel()
	row := twin.Row{Sets: map[string]twin.Set{field: {
		Held: []any{"a", "b"}, Told: []twin.Told{{Seq: 3, Hold: []any{"c"}, Removed: []any{"a"}}},
	}}}
	row.Forget(0)
	out := row.Merge(twin.Incoming{
		Wanted: event.Fields{field: []any{"a"}}, Ours: event.Fields{field: []any{"b", "c"}},
		Types: map[string]event.Field{field: {Type: event.TypeSet}},
	}, twin.Policy{})
	if diff := cmp.Diff([]any{"a", "b", "c"}, out.Write[field]); diff != "" {
		t.Errorf("our set (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{"a", "c"}, row.Holds(field, []any{"a"}, 0)); diff != "" {
		t.Errorf("the peer's, with what we told it (-want +got):\n%s", diff)
	}
	row.SendSets(4, true, event.Fields{field: []any{"c"}}, event.Fields{field: []any{"c"}})
	for _, told := range row.Sets[field].Told {
		if len(told.Removed) > 0 {
			t.Errorf("an event that says all removes %v", told.Removed)
		}
	}
}

// TestSets_WhoHasNotHeardThatWeSaidAllTakesNothingOut: the peer took "a" out before
// it got our event that says all of the set, and unites the two when it does. So do
// we, or the sides end apart.
func TestSets_WhoHasNotHeardThatWeSaidAllTakesNothingOut(t *testing.T) {
	t.Parallel()
	for seen, want := range map[event.Seq][]any{8: {"a", "b"}, 9: {"b"}} {
		row := twin.Row{Sets: map[string]twin.Set{field: {Held: []any{"a"}}}}
		row.SendSets(9, true, event.Fields{field: []any{"a"}}, event.Fields{field: []any{"a"}})
		out := row.Merge(twin.Incoming{
			Wanted: event.Fields{field: []any{"b"}}, Ours: event.Fields{field: []any{"a"}}, Seen: seen,
			Types: map[string]event.Field{field: {Type: event.TypeSet}},
		}, twin.Policy{})
		if diff := cmp.Diff(want, out.Write[field]); diff != "" {
			t.Errorf("seen %d: our set (-want +got):\n%s", seen, diff)
		}
		if diff := cmp.Diff(want, row.Holds(field, []any{"b"}, seen)); diff != "" {
			t.Errorf("seen %d: the peer's, when it has all our events (-want +got):\n%s", seen, diff)
		}
	}
}

// TestSets_WhatThePeerHadBeforeWeSaidAllIsItsOwn: it may have forgotten who gave it "a",
// and unites its set with ours. What we took out before is not taken out of that.
func TestSets_WhatThePeerHadBeforeWeSaidAllIsItsOwn(t *testing.T) {
	t.Parallel()
	row := twin.Row{Sets: map[string]twin.Set{field: {Held: []any{"a"}}}}
	row.SendSets(6, true, event.Fields{field: []any{"b"}}, event.Fields{field: []any{"b"}})
	row.SendSets(7, false, event.Fields{field: []any{"c"}}, event.Fields{field: []any{"c"}})
	out := row.Merge(twin.Incoming{
		Wanted: event.Fields{field: []any{"a", "b"}}, Ours: event.Fields{field: []any{"c"}}, Seen: 6, Types: setTypes(),
	}, twin.Policy{})
	want := []any{"a", "c"}
	if diff := cmp.Diff(want, out.Write[field]); diff != "" {
		t.Errorf("our set (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, row.Holds(field, []any{"a", "b"}, 6)); diff != "" {
		t.Errorf("the peer's, when it has all our events (-want +got):\n%s", diff)
	}
}

// TestSets_WhatCameWhileWeSaidAllIsKnownToBoth: the peer said "theirs" before it had
// heard all of ours, and both sides have united the two. Who takes it out then takes
// it out of what both had.
func TestSets_WhatCameWhileWeSaidAllIsKnownToBoth(t *testing.T) {
	t.Parallel()
	row := twin.Row{}
	row.SendSets(1, true, event.Fields{field: []any{"ours"}}, event.Fields{field: []any{"ours"}})
	row.ReceiveSets(event.Fields{field: []any{"theirs"}}, 0)
	row.SendSets(2, false, event.Fields{field: []any{"new"}}, event.Fields{field: []any{"new"}})
	out := row.Merge(twin.Incoming{
		Wanted: event.Fields{field: []any{"theirs"}}, Ours: event.Fields{field: []any{"new"}}, Seen: 1, Types: setTypes(),
	}, twin.Policy{})
	if len(out.Write) > 0 {
		t.Errorf("what we took out is back: %v", out.Write)
	}
	if diff := cmp.Diff([]any{"new"}, row.Holds(field, []any{"theirs"}, 1)); diff != "" {
		t.Errorf("the peer's, when it has all our events (-want +got):\n%s", diff)
	}
}

// TestSets_WhatThePeerMayNotHaveHeardIsNotTakenOut: our event that brought "ours" is
// void, and the peer's next one knows nothing of it.
func TestSets_WhatThePeerMayNotHaveHeardIsNotTakenOut(t *testing.T) {
	t.Parallel()
	row := twin.Row{Epoch: 1}
	row.SendSets(1, false, event.Fields{field: []any{"ours"}}, event.Fields{field: []any{"ours"}})
	row.Void(2)
	out := row.Merge(twin.Incoming{
		Wanted: event.Fields{field: []any{"theirs"}}, Ours: event.Fields{field: []any{"ours"}}, Types: setTypes(),
	}, twin.Policy{})
	if diff := cmp.Diff(event.Fields{field: []any{"ours", "theirs"}}, out.Write); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
}
