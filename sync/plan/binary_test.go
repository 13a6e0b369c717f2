package plan_test

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/sync/event"
	"parley/sync/plan"
	"parley/sync/twin"
)

func fullPlan() plan.Plan {
	at := time.Date(2026, 3, 1, 12, 0, 0, 17, time.UTC)
	ref := event.Ref{ID: "7", Created: -5}
	return plan.Plan{
		Epoch: 2, Seq: 9, Ref: ref,
		Before: event.Fields{"summary": "old", "labels": []any{"a"}},
		Said:   event.Fields{"summary": "new", "labels": []any{"b"}, "status": nil},
		Seen:   4, Read: at.Add(-time.Second), Kept: []string{"status"}, Disputed: []string{"status"}, Untold: []string{"status"}, Via: []string{"Testing"}, Declined: []event.ItemID{"x", "y"},
		Again: map[string]twin.Again{"summary": {Cause: event.CauseEdit, At: at, Known: true}},
		Files: []plan.File{{Item: "f", Name: "é.txt", MIME: "text/plain", Size: 1 << 40, SHA256: "00", Internal: true}},
		Steps: []plan.Step{
			{
				Write: event.Step{
					Kind: event.StepUpdate, Marker: "m", Ref: ref, Lock: "3", Since: -1,
					Fields: event.Fields{"summary": "new", "labels": []any{"b", "c"}, "status": "Open"},
					Was:    event.Fields{"links": []any{map[string]any{"type": "blocks", "id": "8"}}},
					Make:   []event.Making{{Kind: event.MakeVersions, Name: "2.0", Project: "SUP"}},
				},
				State: plan.Intended, Attempt: 2, At: at, NotBefore: at.Add(time.Second), Boot: 1 << 63,
			},
			{
				Write: event.Step{Kind: event.StepComment, Ref: ref, Comment: &event.CommentWrite{ID: "1", Body: "text", Internal: true, As: "ann"}},
				Item:  "i", Hash: 1<<64 - 1, State: plan.Done,
			},
			{
				Write: event.Step{Kind: event.StepAttach, Attachment: &event.AttachmentWrite{Name: "n", Size: 3, MIME: "m", SHA256: "s", Internal: true}},
				State: plan.Doubt,
			},
			{
				Write: event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{"status": "Done"}},
				State: plan.Dropped, Why: event.CodeWorkflow,
			},
		},
	}
}

func TestPlan_ComesBackFromItsBytes(t *testing.T) {
	t.Parallel()
	for _, want := range []plan.Plan{{}, fullPlan()} {
		raw, err := want.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var got plan.Plan
		if err := got.UnmarshalBinary(raw); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for n := range raw {
			if new(plan.Plan).UnmarshalBinary(raw[:n]) == nil {
				t.Errorf("a plan cut after %d of %d bytes is taken", n, len(raw))
			}
		}
	}
}

const firstLayout = "0102090137050106757064617465000137050101067374617475737304446f6e650000000000000000000000000008696e74656e64656401018080da9e9bbbadcc180008000004000000"

// TestPlan_OfTheFirstLayoutIsRead: a node that is updated has plans under way.
func TestPlan_OfTheFirstLayoutIsRead(t *testing.T) {
	t.Parallel()
	raw, err := hex.DecodeString(firstLayout)
	if err != nil {
		t.Fatal(err)
	}
	var got plan.Plan
	if err := got.UnmarshalBinary(raw); err != nil {
		t.Fatal(err)
	}
	want := plan.Plan{Epoch: 2, Seq: 9, Ref: event.Ref{ID: "7", Created: 5}, Seen: 4, Steps: []plan.Step{{
		Write: event.Step{Kind: event.StepUpdate, Ref: event.Ref{ID: "7", Created: 5}, Fields: event.Fields{"status": "Done"}},
		State: plan.Intended, Attempt: 1, At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Boot: 8,
	}}}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzPlan_AnyBytesAreAPlanOrAnError(f *testing.F) {
	full := fullPlan()
	raw, err := full.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var p plan.Plan
		if p.UnmarshalBinary(raw) != nil {
			return
		}
		if _, err := p.MarshalBinary(); err != nil {
			t.Errorf("a plan that was read cannot be written: %v", err)
		}
	})
}

// TestPlan_OfTheLayoutsBeforeIsRead: they did not know what the peer may not know, what
// an event repeats, what a step of links was decided on, what one removes, through what a status goes, in whose name a comment is written, and what is made first.
func TestPlan_OfTheLayoutsBeforeIsRead(t *testing.T) {
	t.Parallel()
	want := fullPlan()
	want.Untold, want.Again, want.Via = nil, nil, nil
	want.Steps[0].Write.Was, want.Steps[0].Write.Make = nil, nil
	for i := range want.Steps {
		if c := want.Steps[i].Write.Comment; c != nil {
			c.As = ""
		}
	}
	flags := len(want.Steps) // of Was, and as many of Remove, of As and of Make
	raw, err := want.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for layout, shorter := range map[byte]int{3: 4*flags + 3, 4: 4*flags + 2, 5: 4*flags + 1, 6: 3*flags + 1, 7: 2*flags + 1, 8: 2 * flags, 9: flags} {
		raw[0] = layout
		var got plan.Plan
		if err := got.UnmarshalBinary(raw[:len(raw)-shorter]); err != nil {
			t.Fatalf("layout %d: %v", layout, err)
		}
		if diff := cmp.Diff(want.Disputed, got.Disputed); diff != "" || got.Seq != want.Seq {
			t.Errorf("layout %d (-want +got):\n%s", layout, diff)
		}
	}
}
