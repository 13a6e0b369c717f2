package adaptertest

import (
	"testing"

	"parley/adapters"
	"parley/sync/event"
)

func listPromises() []promise {
	return []promise{
		{"PagesThroughAllWhileTicketsMove", listAll},
		{"QueryThatIsNotUnderstoodIsRefused", listBadQuery},
	}
}

func listAll(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	want := map[event.Ref]bool{}
	var refs []event.Ref
	for range 4 {
		refs = append(refs, e.create(unique("listed")))
		want[refs[len(refs)-1]] = true
	}
	e.eventually("the last ticket to be listed", func() bool { return e.listOnce()[refs[3]] })
	var page event.Cursor
	var before int64
	for n := range maxRounds {
		changes, next, err := e.tracker.List(t.Context(), s.Query, page, 3)
		e.must(err)
		if len(changes) > 3 {
			t.Fatalf("List gave %d for a limit of 3", len(changes))
		}
		for _, c := range changes {
			if c.Key == "" || c.Ref.Created < before {
				t.Errorf("List is not oldest first, or a key is missing: %+v after %d", c, before)
			}
			before = c.Ref.Created
			delete(want, c.Ref)
		}
		if n == 0 {
			// Rows move while the list is read: an edit must push none off it.
			for _, ref := range refs[:2] {
				e.write(event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldSummary: unique("moved")}})
			}
		}
		if next == "" {
			if len(want) > 0 {
				t.Errorf("List left out %v", want)
			}
			return
		}
		page = next
	}
	t.Fatalf("after %d pages List still has more", maxRounds)
}

func (e *env) listOnce() map[event.Ref]bool {
	e.Helper()
	seen := map[event.Ref]bool{}
	var page event.Cursor
	for range maxRounds {
		changes, next, err := e.tracker.List(e.Context(), e.subject.Query, page, 100)
		e.must(err)
		for _, c := range changes {
			seen[c.Ref] = true
		}
		if next == "" {
			return seen
		}
		page = next
	}
	e.Fatalf("after %d pages List still has more", maxRounds)
	return nil
}

func listBadQuery(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	query := s.BadQuery
	if query == "" {
		query = "this adapter has no query language"
	}
	changes, _, err := e.tracker.List(t.Context(), query, "", 10)
	wantClass(t, "a query that is not understood", err, adapters.ErrConfiguration, adapters.ErrRejected)
	if len(changes) > 0 {
		t.Errorf("a query that is not understood lists %d tickets", len(changes))
	}
}
