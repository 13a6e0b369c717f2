package flow_test

import (
	"testing"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// TestApply_NothingWaitsADayBecauseTheClockWasSetBack: what was put off by a clock that
// was a day ahead, be it that the process died in the midst of a write or that the
// tracker did not answer, goes on as soon as anything does.
func TestApply_NothingWaitsADayBecauseTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	for _, kind := range []event.StepKind{event.StepCreate, event.StepComment, event.StepAttach} {
		for _, how := range []string{"dies", "fails"} {
			t.Run(string(kind)+" "+how, func(t *testing.T) {
				t.Parallel()
				w, a, b := pair(t)
				troubled := false
				b.desk.on = func(call string, step event.Step) error {
					if call != "write done" || step.Kind != kind || troubled {
						return nil
					}
					troubled = true
					if how == "dies" {
						b.store.FailCommit(1)
						return nil
					}
					return trouble(adapters.ErrDoubt, call)
				}
				ref := a.desk.open("one")
				a.desk.comment(ref, "hello", false)
				a.desk.attach(ref, "file", "content")
				for range 10 {
					a.poll()
					a.alone()
					if b.dies(); troubled {
						break
					}
					w.pass(5 * time.Second)
				}
				if b.rows('i')+b.rows('j') == 0 {
					t.Fatal("nothing waits")
				}
				w.at = w.at.Add(-24 * time.Hour)
				b.crash()
				w.settle()
				if got := b.rows('i') + b.rows('j'); got != 0 {
					t.Errorf("%d events and files still wait", got)
				}
				if k := b.one(); len(k.Comments) != 1 || len(k.Attachments) != 1 {
					t.Errorf("comments %q, files %q; want one of each", bodies(k), files(k))
				}
			})
		}
	}
}
