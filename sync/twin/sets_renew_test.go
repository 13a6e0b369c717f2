package twin_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley/sync/event"
	"parley/sync/twin"
)

// forgetful is a side whose node may be restored from a backup: what it knows of the
// pair goes back, and both nodes say all of it in a new epoch. An epoch may begin anew
// on one side alone too.
type forgetful struct {
	name string
	peer *forgetful
	row  twin.Row
	ours []any
	kept []byte // the row of the backup; nil: there is none, and nothing is known
	seq  event.Seq
	heal bool
	// events and outcomes are on their way to this side, each in order.
	events   []saying
	outcomes []event.Outcome
}

type saying struct {
	at, seen event.Position
	first    bool
	set      []any
}

func (s *forgetful) look(t *rapid.T, peer *forgetful) bool {
	fields := event.Fields{field: slices.Clone(s.ours)}
	if s.row.Out != nil || !s.heal && differs(s.row, fields, false) == nil {
		return false
	}
	e := saying{seen: s.row.Seen, first: s.heal, set: slices.Clone(s.ours)}
	cause := event.CauseEdit
	if s.heal {
		cause = event.CauseHeal
	}
	s.seq++
	e.at = event.Position{Epoch: s.row.Epoch, Seq: s.seq}
	s.row.Append(s.seq, twin.HashAll(fields), e.first, time.Unix(0, 0))
	s.row.Carry(fields, fields, twin.Carried{Seq: s.seq, Cause: cause, Exact: true}, time.Unix(0, 0))
	s.row.SendSets(s.seq, e.first, fields, fields)
	s.heal = false
	peer.events = append(peer.events, e)
	t.Logf("%s says %v, first %v, seen %v: %v; sets %+v", s.name, e.at, e.first, e.seen, e.set, s.row.Sets)
	return true
}

func (s *forgetful) apply(t *rapid.T, peer *forgetful) bool {
	if len(s.events) == 0 {
		return false
	}
	e := s.events[0]
	s.events = s.events[1:]
	seen := event.Seq(0)
	if e.seen.Epoch == s.row.Epoch {
		seen = e.seen.Seq
	}
	if e.first {
		s.row.Forget(seen)
	}
	out := s.row.Merge(twin.Incoming{
		Wanted: event.Fields{field: e.set}, Ours: event.Fields{field: s.ours}, Seen: seen, Types: setTypes(),
	}, twin.Policy{Winner: "a", Us: "a", Them: "b"})
	if set, ok := out.Write[field]; ok {
		s.ours = set.([]any)
	}
	echo(&s.row, event.Fields{field: s.row.Holds(field, e.set, seen)}, seen)
	s.row.ReceiveSets(out.Said, seen)
	s.row.Seen = e.at
	t.Logf("%s applies %v: %v; sets %+v", s.name, e.at, s.ours, s.row.Sets)
	peer.outcomes = append(peer.outcomes, event.Outcome{Epoch: e.at.Epoch, Seq: e.at.Seq, Verdict: event.Applied})
	return true
}

func (s *forgetful) settle() bool {
	if len(s.outcomes) == 0 {
		return false
	}
	s.row.Settle(s.outcomes[0])
	s.outcomes = s.outcomes[1:]
	return true
}

// renew begins a new epoch of both streams, after one side may have been restored.
func (s *forgetful) renew(t *rapid.T, epoch uint64, restore bool) {
	if restore {
		s.row = twin.Row{}
		if s.kept != nil {
			if err := s.row.UnmarshalBinary(s.kept); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.peer.events, s.outcomes, s.heal, s.seq = nil, nil, true, 0
	s.row.Void(epoch)
	t.Logf("%s begins epoch %d, restored %v: sets %+v", s.name, epoch, restore, s.row.Sets)
}

func (s *forgetful) backup(t *rapid.T) {
	raw, err := s.row.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	s.kept = raw
}

// act is one thing that happens to the pair, but for restores.
func act(t *rapid.T, s, peer *forgetful, what int, added *int, removed map[any]bool) {
	switch what {
	case 0:
		s.ours = append(slices.Clone(s.ours), label(*added))
		*added++
		t.Logf("%s has %v", s.name, s.ours)
	case 1:
		if len(s.ours) > 0 {
			i := rapid.IntRange(0, len(s.ours)-1).Draw(t, "entry")
			removed[s.ours[i]] = true
			s.ours = slices.Delete(slices.Clone(s.ours), i, i+1)
			t.Logf("%s has %v", s.name, s.ours)
		}
	case 2:
		s.look(t, peer)
	case 3:
		s.apply(t, peer)
	case 4:
		s.settle()
	}
}

func rest(t *rapid.T, a, b *forgetful) {
	for rounds, moved := 0, true; moved; rounds++ {
		if rounds > 50 {
			t.Fatalf("the sides do not come to rest: %v and %v", a.ours, b.ours)
		}
		moved = a.look(t, b)
		moved = b.look(t, a) || moved
		for a.apply(t, b) || b.apply(t, a) || a.settle() || b.settle() {
			moved = true
		}
	}
	if diff := cmp.Diff(texts(a.ours), texts(b.ours)); diff != "" {
		t.Fatalf("the sides end apart (-a +b):\n%s", diff)
	}
}

// TestSets_AfterARestoreBothSidesEndAlikeAndLoseNothing: what nobody took out is on
// both sides after any restore, and what is taken out once both nodes have told each
// other all of their sets stays out.
func TestSets_AfterARestoreBothSidesEndAlikeAndLoseNothing(t *testing.T) {
	t.Parallel()
	for range 25 {
		rapid.Check(t, restoredLives)
	}
}

func restoredLives(t *rapid.T) {
	a, b := &forgetful{name: "a", ours: []any{}}, &forgetful{name: "b", ours: []any{}}
	a.peer, b.peer, a.row.Epoch, b.row.Epoch = b, a, 1, 1
	added, removed, epoch := 0, map[any]bool{}, uint64(1)
	sides := func() (*forgetful, *forgetful) {
		if rapid.Bool().Draw(t, "b") {
			return b, a
		}
		return a, b
	}
	for range rapid.IntRange(1, 25).Draw(t, "turns") {
		s, peer := sides()
		switch what := rapid.IntRange(0, 7).Draw(t, "what"); what {
		case 5:
			s.backup(t)
		case 6:
			epoch++
			s.renew(t, epoch, true)
			peer.renew(t, epoch, rapid.Bool().Draw(t, "both"))
		case 7:
			epoch++
			s.renew(t, epoch, false)
		default:
			act(t, s, peer, what, &added, removed)
		}
	}
	for s, peer := a, b; s.heal || peer.heal || len(s.events)+len(peer.events) > 0; s, peer = peer, s {
		s.look(t, peer)
		peer.apply(t, s)
		peer.settle()
	}
	// From here on both have told each other all: what is taken out stays out.
	start := union(a.ours, b.ours)
	later := map[any]bool{}
	for range rapid.IntRange(0, 10).Draw(t, "turns after") {
		s, peer := sides()
		act(t, s, peer, rapid.IntRange(0, 4).Draw(t, "what"), &added, later)
	}
	rest(t, a, b)
	for i := range added {
		l := label(i)
		switch in := slices.Contains(a.ours, any(l)); {
		case !in && !removed[l] && !later[l]:
			t.Fatalf("%s was taken out by nobody, and is gone: %v", l, a.ours)
		case in && later[l]:
			t.Fatalf("%s was taken out, and is there: %v (both had %v)", l, a.ours, start)
		}
	}
}

func union(a, b []any) []any {
	out := slices.Clone(a)
	for _, v := range b {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}
