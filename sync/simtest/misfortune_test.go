package simtest

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/store"
	"parley/sync/twin"
	"parley/sync/work"
)

// Worlds of A and B in which something befalls the trackers themselves, or both
// nodes at once. Each has a shape of its own: it would drown what else happens.
const (
	refused  shape = "refused"  // a tracker refuses its node for a while
	shifted  shape = "shifted"  // a tracker's clock jumps by a day
	reused   shape = "reused"   // people delete tickets, and their ids are given out again
	together shape = "together" // both nodes are restored from backups, one right after the other
)

// TestSimulation_ARefusalIsNoDelete: what an account may not do for a while waits,
// goes on when it may again, and ends no twin.
func TestSimulation_ARefusalIsNoDelete(t *testing.T) {
	t.Parallel()
	runSeeds(t, refused, 40)
}

// TestSimulation_ATrackersClockMayJump: nothing is missed and nothing ends apart.
// Whose edit ends on top is not asked, since the clock says so.
func TestSimulation_ATrackersClockMayJump(t *testing.T) {
	t.Parallel()
	runSeeds(t, shifted, 40)
}

// TestSimulation_AnIDGivenOutAgainIsAnotherTicket: a deletion ends one pair, and
// nothing of it gets into the ticket that has its id.
func TestSimulation_AnIDGivenOutAgainIsAnotherTicket(t *testing.T) {
	t.Parallel()
	runSeeds(t, reused, 40)
}

// TestSimulation_NodesRestoredTogetherAgreeAgain: neither can prove anything to the
// other. What stands in the trackers is found, and nothing made twice.
func TestSimulation_NodesRestoredTogetherAgreeAgain(t *testing.T) {
	t.Parallel()
	runSeeds(t, together, 40)
}

// misfortune befalls a tracker now and then.
func (w *world) misfortune(t *tracker) {
	switch {
	case t.refuses != nil:
		// Long enough for what was not found to be looked for again.
		if w.pass(time.Duration(w.rng.IntN(4000)) * time.Millisecond); w.rng.IntN(60) == 0 && t.noticed {
			w.trace("%s refuses nothing any more", t.name)
			t.refuses = nil
		}
	case w.chance(w.limits.refuse):
		t.refuses, t.noticed = w.refusal(), len(w.refusal()) < 4
		w.trace("%s refuses %v", t.name, t.refuses)
	}
	if w.chance(w.limits.shift) {
		t.skew = time.Duration(w.rng.IntN(3)-1) * 24 * time.Hour
		w.trace("the clock of tracker %s is %v ahead", t.name, t.skew)
	}
	if len(t.list) > 0 && w.chance(w.limits.erase) {
		t.erase(t.list[w.rng.IntN(len(t.list))])
	}
}

// refusal is what the trackers of this world refuse: all, as with a password that
// has expired, or a right that the account has lost.
func (w *world) refusal() []string {
	return [][]string{
		{"changes", "read", "write", "find", "open", "schema"}, {"write"}, {"read", "find", "open"},
	}[w.seed%3]
}

// relent ends what befell the trackers. Where nothing was let through at all, the
// next poll tells that this is over: what waited for it goes on then, and not when
// its hour comes.
func (w *world) relent(ctx context.Context) error {
	if w.shape != refused {
		return nil
	}
	for _, n := range w.nodes {
		if err := n.poll(ctx); err != nil {
			return err
		}
		n.tracker.refuses = nil
	}
	if w.unforgiven != nil || len(w.refusal()) < 4 {
		return nil
	}
	w.unforgiven = []string{}
	// A way that was broken is tried at most five minutes later.
	for range 60 {
		if _, err := w.round(ctx); err != nil {
			return err
		}
		w.pass(12 * time.Second)
	}
	for _, n := range w.nodes {
		for _, e := range n.ends {
			e.checkForgiven(w)
		}
	}
	return nil
}

// checkForgiven: nothing waits for the permission that is back.
func (e *end) checkForgiven(w *world) {
	v := verdict{w.unforgiven}
	_ = e.node.path.Works(e.con, func(_ event.Ref, row work.Row) bool {
		if row.Code == event.CodeDenied {
			v.addf("%s: the look at %s still waits for a permission that is back", e.node.name, row.Key)
		}
		return true
	})
	_ = e.node.store.View(func(r store.Reader) error {
		return r.Scan(store.Prefix('i', e.id), nil, func(_, value []byte) (bool, error) {
			var row inbox.Row
			if err := row.UnmarshalBinary(value); err != nil {
				return false, err
			}
			if row.Code == event.CodeDenied {
				v.addf("%s: event %d is %s, and still waits for a permission that is back: attempt %d since %v, until %v", e.node.name, row.Seq, row.State, row.Attempt, row.Since, row.Until)
			}
			return true, nil
		})
	})
	w.unforgiven = v.violations
}

// restoring tells whether one of the nodes was restored and the other's turn has come.
func (w *world) restoring() bool {
	return w.shape == together && w.restores == 1 && w.rng.IntN(6) == 0
}

// admitsRestore tells whether a restore is made by `parley restore`, which leaves a
// mark, or by somebody who put an older disk back without a word. If both nodes went
// back without a word, to moments that fit each other, nobody could tell.
func (w *world) admitsRestore() bool {
	return w.shape == together && (w.restores > 0 || w.seed%2 == 0)
}

// sweepAll lets every node look at all its tickets in step, as it does once a day: a
// deletion is told by no list of changes.
func (w *world) sweepAll(ctx context.Context) error {
	if w.shape != reused {
		return nil
	}
	for _, n := range w.nodes {
		for _, e := range n.ends {
			for ended := false; !ended; {
				err := n.protect(func() error {
					swept, err := n.path.Sweep(ctx, e.con, func(context.Context) error { return nil })
					ended = !swept.Ended.IsZero()
					return err
				})
				if err != nil {
					return err
				}
			}
		}
	}
	return w.settle(ctx)
}

// setBack is how far an adapter looks back when its tracker's clock was set back.
const setBack = time.Hour

// nextID is the id of a deleted ticket, if there is one, or one that nobody had. The
// tracker never gives the same id to two tickets made in one second.
func (t *tracker) nextID() string {
	for i, k := range t.freed {
		if k.Ref.Created != t.now().Unix() {
			t.freed = slices.Delete(t.freed, i, i+1)
			return k.Ref.ID
		}
	}
	t.ids++
	return strconv.Itoa(t.ids)
}

// erase deletes a ticket, as a person does.
func (t *tracker) erase(k *ticket) {
	t.trace("%s: %s is deleted", t.name, k.Key)
	t.list = slices.DeleteFunc(t.list, func(other *ticket) bool { return other == k })
	t.freed = append(t.freed, k)
}

// checkErased: a pair ends where one of its tickets was deleted and nowhere else, and
// every ticket that is there has a twin of its own.
func (w *world) checkErased(v *verdict, from, to *end) {
	pairs := 0
	for _, e := range []*end{from, to} {
		for _, k := range e.node.tracker.list {
			row := e.rowOf(k)
			if row == nil {
				v.addf("%s of %s has no twin", k.Key, e.node.name)
				continue
			}
			other := e.twinOf(k)
			switch theirs := other != nil && e.peer.rowOf(other) != nil && e.peer.rowOf(other).State == twin.Live; {
			case (row.State == twin.Live) != (other != nil):
				v.addf("%s of %s is %s, its twin is there: %v", k.Key, e.node.name, row.State, other != nil)
			case other != nil && !theirs:
				v.addf("%s of %s is live, its twin %s is not", k.Key, e.node.name, other.Key)
			case other != nil && e == from:
				pairs++
				w.checkPair(v, from, to, k, other)
			}
		}
	}
	for _, e := range []*end{from, to} {
		e.checkAgreed(v, pairs)
	}
}
