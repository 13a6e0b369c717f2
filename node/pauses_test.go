package node_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/node/admin"
)

// TestPause_EndsByItself, also if the node was not running then, and not before.
func TestPause_EndsByItself(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, "acme", "127.0.0.1:"+freePort(t)), newSite(t, "globex", "")
	a.run()
	b.run()
	join(t, a, b)
	paused := func() bool {
		c, err := a.node.Connections(t.Context())
		must(t, err)
		return c[0].PausedOut || c[0].PausedIn || !c[0].PausedUntil.IsZero() || c[0].Reason != ""
	}
	works := func(what string) {
		eventually(t, what, func() error {
			if paused() {
				return errors.New("it is paused")
			}
			return nil
		})
		a.create(what)
		eventually(t, what+": a ticket arrives", func() error { _, err := b.find(what); return err })
	}
	until := time.Now().Add(2 * time.Second)
	c, err := a.node.Pause(t.Context(), "peer", admin.PauseRequest{Direction: "out", Reason: "month end", Until: until})
	must(t, err)
	if !c.PausedOut || c.PausedIn || !c.PausedUntil.Equal(until) {
		t.Errorf("it says %+v", c)
	}
	works("first")
	if time.Now().Before(until) {
		t.Error("the pause ended too soon")
	}
	_, err = a.node.Pause(t.Context(), "peer", admin.PauseRequest{Until: time.Now().Add(2 * time.Second)})
	must(t, err)
	a.stop()
	a.run()
	works("second")
	_, err = a.node.Pause(t.Context(), "peer", admin.PauseRequest{Until: time.Now().Add(time.Hour)})
	must(t, err)
	_, err = a.node.Pause(t.Context(), "peer", admin.PauseRequest{})
	must(t, err)
	if c, err := a.node.Connections(t.Context()); err != nil || !c[0].PausedUntil.IsZero() {
		t.Errorf("a pause without an end has one: %+v, %v", c, err)
	}
	if _, err := a.node.Pause(t.Context(), "peer", admin.PauseRequest{Until: time.Now().Add(-time.Second)}); !isKind(err, admin.KindInvalid) {
		t.Errorf("a pause that is over: %v", err)
	}
}

func isKind(err error, kind string) bool {
	var e *admin.Error
	return errors.As(err, &e) && e.Kind == kind
}

// TestPause_NobodyLetsAConnectionBeginButAPerson: a pause with an end is no approval.
func TestPause_NobodyLetsAConnectionBeginButAPerson(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, "acme", "127.0.0.1:0"), newSite(t, "globex", "")
	a.run()
	b.run()
	code, err := a.node.Invite(t.Context(), admin.InviteRequest{Name: "peer"})
	must(t, err)
	_, err = b.node.Accept(t.Context(), admin.AcceptRequest{Code: code.Code, Name: "peer"})
	must(t, err)
	if _, err := b.node.Pause(t.Context(), "peer", admin.PauseRequest{Until: time.Now().Add(time.Hour)}); !isKind(err, admin.KindConflict) {
		t.Errorf("it says %v", err)
	}
}

// TestLoad_IsPausedAndGoesOn: nothing is handed over meanwhile, and nothing twice or left
// out after it.
func TestLoad_IsPausedAndGoesOn(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, "acme", "127.0.0.1:0"), newSite(t, "globex", "")
	const tickets = 12
	for i := range tickets {
		a.create(fmt.Sprint("old ", i))
	}
	// Trackers keep whole seconds: the connection is to be younger.
	began := time.Now().Truncate(time.Second)
	eventually(t, "a second is over", func() error {
		if time.Now().Truncate(time.Second).Equal(began) {
			return errors.New("not yet")
		}
		return nil
	})
	a.run()
	b.run()
	join(t, a, b)
	if _, err := a.node.PauseLoad(t.Context(), "peer"); !isKind(err, admin.KindConflict) {
		t.Errorf("no load was paused: %v", err)
	}
	_, err := a.node.StartLoad(t.Context(), "peer", admin.LoadRequest{Rate: 10})
	must(t, err)
	at := func(what string, fn func(admin.Load) bool) admin.Load {
		var l admin.Load
		eventually(t, what, func() (err error) {
			if l, err = a.node.Load(t.Context(), "peer"); err == nil && !fn(l) {
				err = fmt.Errorf("it says %+v", l)
			}
			return err
		})
		return l
	}
	at("some are taken in", func(l admin.Load) bool { return l.Done > 1 })
	l, err := a.node.PauseLoad(t.Context(), "peer")
	must(t, err)
	if l.State != "paused" || l.Total != tickets {
		t.Errorf("it says %+v", l)
	}
	if _, err := a.node.StartLoad(t.Context(), "peer", admin.LoadRequest{}); !isKind(err, admin.KindConflict) {
		t.Errorf("beside a paused load another was started: %v", err)
	}
	a.settled()
	before := at("what was handed over is done", func(l admin.Load) bool { return l.State == "paused" && l.Done < tickets })
	// A ticket made since passes by: the connection works.
	a.create("new")
	eventually(t, "the new one arrives", func() error { _, err := b.find("new"); return err })
	if l := at("it is paused still", func(admin.Load) bool { return true }); l.Done > before.Done+1 || l.State != "paused" {
		t.Errorf("while it is paused: %+v, before %+v", l, before)
	}
	_, err = a.node.ResumeLoad(t.Context(), "peer")
	must(t, err)
	at("it ends", func(l admin.Load) bool { return l.State == "done" && l.Done == tickets })
	var summaries []string
	for i := range tickets {
		summaries = append(summaries, fmt.Sprint("old ", i))
	}
	inStep(t, a, b, slices.Concat(summaries, []string{"new"})...)
	if _, err := a.node.ResumeLoad(t.Context(), "peer"); !isKind(err, admin.KindConflict) {
		t.Errorf("a load that is over was resumed: %v", err)
	}
}

// TestResume_IsNotLostOnAConnectionThatJustComesUp: whoever brings it up may have looked
// at it while it was paused.
func TestResume_IsNotLostOnAConnectionThatJustComesUp(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, "acme", "127.0.0.1:0"), newSite(t, "globex", "")
	a.run()
	b.run()
	code, err := a.node.Invite(t.Context(), admin.InviteRequest{Name: "peer"})
	must(t, err)
	_, err = b.node.Accept(t.Context(), admin.AcceptRequest{Code: code.Code, Name: "peer"})
	must(t, err)
	must(t, admin.Introduce(t.Context(), a.node, "peer", b.node, "peer"))
	bring := b.node.BringLater("peer")
	must(t, b.node.Unpause("peer"))
	bring(t.Context())
	_, err = a.node.Resume(t.Context(), "peer")
	must(t, err)
	a.create("Printer on fire")
	eventually(t, "the ticket arrives", func() error { _, err := b.find("Printer on fire"); return err })
}
