package adaptertest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"parley/sync/event"
)

func changesPromises() []promise {
	return []promise{
		{"EmptyCursorStartsNow", changesStartNow},
		{"CreateEditCommentAndFileAreSeen", changesSeeEverything},
		{"NoneLeftOutUnderConcurrentEdits", changesUnderLoad},
		{"SecondEditInTheSameSecondIsSeen", changesSameSecond},
		{"SmallPagesReachTheEnd", changesSmallPages},
		{"CursorStaysValid", changesOldCursor},
		{"ClockSetBackHidesNothing", changesClockSetBack},
	}
}

// follower polls as the product does, and checks what every answer must be.
type follower struct {
	e      *env
	cursor event.Cursor
	limit  int
}

func (f *follower) poll() []event.Change {
	f.e.Helper()
	changes, next, err := f.e.tracker.Changes(f.e.Context(), f.cursor, f.limit)
	f.e.must(err)
	if len(changes) > f.limit {
		f.e.Errorf("Changes gave %d for a limit of %d", len(changes), f.limit)
	}
	if next == "" {
		f.e.Fatal("Changes answered the empty cursor, which would start over")
	}
	if len(changes) == f.limit && next == f.cursor {
		f.e.Fatalf("Changes gave a full page of %d and the same cursor: it would never end", f.limit)
	}
	for i, c := range changes {
		checkTime(f.e.T, "Change.Updated", c.Updated)
		if c.Ref.ID == "" || c.Ref.Created == 0 || c.Key == "" || (c.Version == "" && !c.Deleted) {
			f.e.Errorf("a change lacks ref, key or version: %+v", c)
		}
		if i > 0 && c.Updated.Before(changes[i-1].Updated) {
			f.e.Errorf("changes are not oldest first: %v after %v", c.Updated, changes[i-1].Updated)
		}
	}
	f.cursor = next
	return changes
}

const maxRounds = 2000

// drain polls until there is no more, and returns the tickets seen.
func (f *follower) drain() []event.Ref {
	f.e.Helper()
	var seen []event.Ref
	for range maxRounds {
		changes := f.poll()
		for _, c := range changes {
			seen = append(seen, c.Ref)
		}
		if len(changes) < f.limit {
			return seen
		}
	}
	f.e.Fatalf("after %d pages Changes still has more", maxRounds)
	return nil
}

// sees waits until a ticket is among the changes.
func (f *follower) sees(ref event.Ref, what string) {
	f.e.Helper()
	f.e.eventually(what, func() bool { return slices.Contains(f.drain(), ref) })
}

func changesStartNow(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	old := e.create(unique("old"))
	e.eventually("the empty cursor to leave out a ticket of before", func() bool {
		changes, _, err := e.tracker.Changes(e.Context(), "", 100)
		e.must(err)
		return !slices.ContainsFunc(changes, func(c event.Change) bool { return c.Ref == old })
	})
}

func changesSeeEverything(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	f := &follower{e: e, cursor: e.start(), limit: 50}
	ref := e.byHand(e.fields(unique("seen"), "text"))
	f.sees(ref, "a ticket that a person made")
	e.must(s.Hand.Edit(e.Context(), ref.ID, event.Fields{event.FieldSummary: unique("seen again")}))
	f.sees(ref, "a person's edit")
	e.must(s.Hand.Comment(e.Context(), ref.ID, "a reply", false))
	f.sees(ref, "a person's comment")
	if !s.PublicComments {
		e.must(s.Hand.Comment(e.Context(), ref.ID, "an aside", true))
		f.sees(ref, "a person's internal comment")
	}
	if !s.NoFiles {
		e.must(s.Hand.Attach(e.Context(), ref.ID, "note.txt", []byte("note")))
		f.sees(ref, "a person's file")
	}
	ours := e.create(unique("ours"))
	f.sees(ours, "a ticket that the adapter made")
	e.write(event.Step{Kind: event.StepUpdate, Ref: ours, Fields: event.Fields{event.FieldSummary: unique("ours again")}})
	f.sees(ours, "the adapter's edit")
}

// changesUnderLoad edits tickets several times a second while it polls. What
// counts is the product's view: after the last edit a change is reported, and
// the read that follows shows that edit.
func changesUnderLoad(t *testing.T, s *Subject) {
	const tickets, edits = 4, 5
	e := newEnv(t, s)
	f := &follower{e: e, cursor: e.start(), limit: 3}
	final, known := map[event.Ref]string{}, map[event.Ref]string{}
	var people sync.WaitGroup
	failures := make(chan error, tickets)
	for i := range tickets {
		ref := e.byHand(e.fields(unique(fmt.Sprintf("load %d", i)), "text"))
		words := unique(fmt.Sprintf("load %d", i))
		final[ref] = fmt.Sprintf("%s edit %d", words, edits)
		people.Go(func() {
			for n := range edits {
				summary := fmt.Sprintf("%s edit %d", words, n+1)
				if err := s.Hand.Edit(e.Context(), ref.ID, event.Fields{event.FieldSummary: summary}); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	e.eventually("the last edit of every ticket to be reported", func() bool {
		for _, c := range f.poll() {
			if _, ok := final[c.Ref]; ok {
				known[c.Ref], _ = e.read(c.Ref).Fields[event.FieldSummary].(string)
			}
		}
		for ref, want := range final {
			if known[ref] != want {
				return false
			}
		}
		return true
	})
	people.Wait()
	close(failures)
	for err := range failures {
		t.Errorf("edit by hand: %v", err)
	}
}

func changesSameSecond(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	f := &follower{e: e, cursor: e.start(), limit: 50}
	ref := e.byHand(e.fields(unique("same second"), "text"))
	for i := range 4 {
		// Each edit is seen before the next is made: a cursor that moved past
		// the second hides the next one.
		e.must(s.Hand.Edit(e.Context(), ref.ID, event.Fields{event.FieldSummary: unique(fmt.Sprintf("same second %d", i))}))
		f.sees(ref, fmt.Sprintf("edit %d of a ticket, right after the one before", i))
	}
}

func changesSmallPages(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	f := &follower{e: e, cursor: e.start(), limit: 2}
	want := map[event.Ref]bool{}
	for i := range 5 {
		want[e.create(unique(fmt.Sprintf("page %d", i)))] = true
	}
	e.eventually("every ticket, two a page", func() bool {
		for _, ref := range f.drain() {
			delete(want, ref)
		}
		return len(want) == 0
	})
}

// changesClockSetBack makes the cursor while the tracker says that it is a day later.
func changesClockSetBack(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	e.proxy.set(everything, dayAhead)
	f := &follower{e: e, cursor: e.start(), limit: 50}
	f.drain()
	e.proxy.heal()
	e.reopen()
	f.sees(e.byHand(e.fields(unique("set back"), "text")), "a ticket made after the tracker's clock was set back")
}

func changesOldCursor(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	first := e.start()
	ref := e.create(unique("old cursor"))
	f := &follower{e: e, cursor: first, limit: 50}
	f.sees(ref, "a ticket")
	for range 3 {
		f.drain()
	}
	again := &follower{e: e, cursor: first, limit: 50}
	if !slices.Contains(again.drain(), ref) {
		t.Error("an old cursor, used again, leaves out what it once gave")
	}
	e.reopen()
	again = &follower{e: e, cursor: first, limit: 50}
	if !slices.Contains(again.drain(), ref) {
		t.Error("after a restart an old cursor leaves out what it once gave")
	}
}
