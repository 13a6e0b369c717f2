package kindtest_test

import (
	"fmt"
	"testing"

	"parley/sync/event"
)

func TestAzureDevOps_AParentStaysInStepWithADesk(t *testing.T) {
	t.Parallel()
	parentsInStep(t, deskSide(t), azuredevopsSide(t, 0))
}

func TestDesk_AParentStaysInStepWithADesk(t *testing.T) {
	t.Parallel()
	parentsInStep(t, deskSide(t), deskSide(t))
}

// parentsInStep: a parent that is set, changed and taken away on either side is the twin
// of that one on the other.
func parentsInStep(t *testing.T, ours, theirs side) {
	t.Helper()
	k := newKin(t, ours, theirs, func(left, right *site) []*site { return []*site{right, left, right} })
	left, right, at := k.left, k.right, k.at
	// none is the ticket that a child without a parent names.
	const none = -1
	for _, step := range []struct {
		by, seen *site
		parent   int
	}{{right, left, 1}, {left, right, 2}, {right, left, none}, {left, right, 1}, {left, right, none}} {
		var value, want any
		if step.parent != none {
			value = map[string]any{"id": at(step.by, step.parent).ID}
			want = at(step.seen, step.parent).ID
		}
		step.by.do(event.Step{Kind: event.StepUpdate, Ref: at(step.by, 0), Fields: event.Fields{event.FieldParent: value}}, nil)
		child := at(step.seen, 0)
		eventually(t, fmt.Sprintf("the parent at %s is %d", step.seen.name, step.parent), func() error {
			ticket, err := step.seen.people.Read(t.Context(), child)
			if err != nil {
				return err
			}
			var got any
			if parent, ok := ticket.Fields[event.FieldParent].(map[string]any); ok {
				got = parent["id"]
			}
			if got != want {
				return fmt.Errorf("it is %v, want %v", got, want)
			}
			return nil
		})
		quiet(t, left, right)
	}
}
