//go:build real

package rt_test

import (
	"errors"
	"net/http"
	"testing"

	"parley/adapters"
	"parley/adapters/rt"
	"parley/scripts/trackers"
	"parley/sync/event"
)

// TestTrap_ATicketThatIsHiddenIsNotGone: whatever takes a ticket out of the
// account's sight, it is there, and nobody may conclude that it was deleted.
func TestTrap_ATicketThatIsHiddenIsNotGone(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	ref := create(t, tracker, nil)
	// The account has no rights in this queue.
	root().must(t, http.MethodPut, "ticket/"+ref.ID, map[string]any{"Queue": "General"}, http.StatusOK)
	hidden(t, tracker, ref, "moved to a queue of others")
	root().must(t, http.MethodPut, "ticket/"+ref.ID, map[string]any{"Queue": "Sync"}, http.StatusOK)
	read(t, tracker, ref)
}

// TestTrap_ATicketIsHiddenWithoutItsRight: the same when an administrator takes
// the right away.
func TestTrap_ATicketIsHiddenWithoutItsRight(t *testing.T) {
	t.Parallel()
	in := instance{trackers.For(t, "rt", "rt-hidden")}
	tracker := openReal(t, in.base(t), map[string]string{"token": in.Env["BOT_TOKEN"]})
	ref := create(t, tracker, nil)
	read(t, tracker, ref)
	take := in.SQL(t.Context(), "DELETE FROM ACL WHERE RightName = 'ShowTicket'")
	if err := errors.Join(take, in.Kill(), in.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	hidden(t, tracker, ref, "without ShowTicket")
}

// hidden fails unless every call says that the account may not.
func hidden(t *testing.T, tracker *rt.Tracker, ref event.Ref, why string) {
	t.Helper()
	_, err := tracker.Read(t.Context(), ref)
	want(t, why+": Read", err)
	_, err = tracker.Locate(t.Context(), ref.ID)
	want(t, why+": Locate", err)
	_, err = tracker.Write(t.Context(), event.Step{
		Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldSummary: "still there"},
	}, nil)
	want(t, why+": a write", err)
}

func want(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, adapters.ErrDenied) || errors.Is(err, adapters.ErrGone) {
		t.Errorf("%s: %v, want ErrDenied", what, err)
	}
}
