package flow_test

import (
	"errors"
	"strings"
	"testing"

	"parley/filters"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/work"
)

const card = "4111 1111 1111 1111"

func (n *node) gateHolds(ref event.Ref) flow.Held {
	n.w.t.Helper()
	h, err := n.path.Held(n.con(), ref)
	n.must(err)
	return h
}

// withGate sets the egress gate of a node's connection.
func (n *node) withGate(gate filters.Egress) {
	r := *n.con().Rules()
	r.Egress = gate
	n.con().SetRules(&r)
}

// TestApproveContent_IsBoundToTheContent: what a person let leave leaves; another
// text is asked again; another field is not.
func TestApproveContent_IsBoundToTheContent(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("paid with " + card)
	w.settle()
	first := a.gateHolds(ref)
	if len(b.desk.all()) != 0 || len(first.Findings) != 1 || first.Digest == "" || strings.Contains(first.Findings[0].String(), "4111") {
		t.Fatalf("the peer has %d tickets; held: %+v", len(b.desk.all()), first)
	}
	for _, digest := range []string{"", "0123456789abcdef"} {
		if err := a.path.ApproveContent(a.con(), ref, digest, "ann"); !errors.Is(err, flow.ErrOtherContent) {
			t.Errorf("digest %q: %v", digest, err)
		}
	}
	a.must(a.path.RetryWork(a.con(), ref))
	w.settle()
	if len(b.desk.all()) != 0 {
		t.Error("a retry was an approval")
	}
	a.desk.set(ref, "status", "Waiting")
	w.settle()
	if again := a.gateHolds(ref); again.Digest != first.Digest {
		t.Errorf("another field has made another digest: %+v", again)
	}
	a.must(a.path.ApproveContent(a.con(), ref, first.Digest, "ann"))
	w.settle()
	if got := b.one().Fields; got["summary"] != "paid with "+card || got["status"] != "Waiting" {
		t.Errorf("approved, the peer has %v", got)
	}
	if err := a.path.ApproveContent(a.con(), ref, first.Digest, "ann"); !errors.Is(err, flow.ErrNone) {
		t.Errorf("approved twice: %v", err)
	}
	if a.saw("approved") != 1 {
		t.Error("nobody was told of the approval")
	}
	a.desk.set(ref, "summary", "paid with "+card+" twice")
	w.settle()
	second := a.gateHolds(ref)
	if second.Digest == "" || second.Digest == first.Digest || b.one().Fields["summary"] != "paid with "+card {
		t.Errorf("another text was not asked again: %+v; the peer has %v", second, b.one().Fields)
	}
	if err := a.path.ApproveContent(a.con(), ref, first.Digest, "ann"); !errors.Is(err, flow.ErrOtherContent) {
		t.Errorf("the old approval lets another text leave: %v", err)
	}
	if len(second.Approvals) != 1 || second.Approvals[0].Digest != first.Digest || second.Approvals[0].At.IsZero() || second.Approvals[0].By != "ann" || len(second.Approvals[0].Found) != 1 {
		t.Errorf("what was approved is not on record: %+v", second.Approvals)
	}
}

// TestApproveContent_OfAFileThatCannotBeReadNamesItsKindAndThatFile: by default it waits;
// the approval says what kind it is and is good for those bytes, under whatever name, and
// no others.
func TestApproveContent_OfAFileThatCannotBeReadNamesItsKindAndThatFile(t *testing.T) {
	t.Parallel()
	for kind, content := range map[string]string{
		"archive": "7z\xbc\xaf\x27\x1c\x00\x04", "pdf": "%PDF-1.7\n\x00\x01\x02\xff",
		// An office document that is encrypted is a container of its own.
		"other": "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\x00E\x00n\x00c\x00r\x00y\x00p\x00t", "media": "\x00\x00\x00\x18ftypmp42\x00",
	} {
		w, a, b := pair(t)
		ref := a.desk.open("first")
		w.settle()
		a.desk.attach(ref, "picture.png", content)
		w.settle()
		held := a.gateHolds(ref)
		if len(files(b.one())) > 0 || len(held.Findings) != 1 || held.Findings[0].Code != filters.FindingUnscanned {
			t.Fatalf("%s: the peer has %q; held: %v", kind, files(b.one()), held.Findings)
		}
		a.must(a.path.ApproveContent(a.con(), ref, held.Digest, "ann"))
		w.settle()
		if got := files(b.one()); len(got) != 1 {
			t.Errorf("%s: approved, the peer has %q", kind, got)
		}
		a.desk.attach(ref, "picture.png", content+"!")
		w.settle()
		held = a.gateHolds(ref)
		if len(files(b.one())) != 1 || held.Digest == "" {
			t.Errorf("%s: other bytes of that name leave by the same approval", kind)
		}
		if got := held.Approvals; len(got) != 1 || got[0].By != "ann" || got[0].At.IsZero() || len(got[0].Found) != 1 || !strings.Contains(got[0].Found[0], kind) {
			t.Errorf("%s: on record is %+v", kind, got)
		}
	}
}

// TestApproveContent_SurvivesARestart: it is on disk before anything leaves by it.
func TestApproveContent_SurvivesARestart(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("paid with " + card)
	w.settle()
	a.must(a.path.ApproveContent(a.con(), ref, a.gateHolds(ref).Digest, "ann"))
	a.crash()
	w.settle()
	if got := b.one().Fields["summary"]; got != "paid with "+card {
		t.Errorf("the peer has %v", got)
	}
}

// TestEgress_WhatIsAddedLaterIsHeldToo: in a pair that is in step, and the rest of
// what changed waits with it.
func TestEgress_WhatIsAddedLaterIsHeldToo(t *testing.T) {
	t.Parallel()
	for name, add := range map[string]func(d *desk, ref event.Ref){
		"field":   func(d *desk, ref event.Ref) { d.set(ref, "summary", "one, "+card) },
		"comment": func(d *desk, ref event.Ref) { d.comment(ref, card, false) },
		"file":    func(d *desk, ref event.Ref) { d.attach(ref, "n.txt", card) },
		"label":   func(d *desk, ref event.Ref) { d.set(ref, "labels", []any{"x", card}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a, b := pair(t)
			ref := a.desk.open("one")
			w.settle()
			add(a.desk, ref)
			a.desk.set(ref, "status", "Waiting")
			w.settle()
			got := b.one()
			if len(a.gateHolds(ref).Findings) != 1 || len(got.Comments)+len(got.Attachments) > 0 || got.Fields["summary"] != "one" || got.Fields["status"] != "Open" {
				t.Errorf("held %+v; the peer has %+v", a.gateHolds(ref), got)
			}
		})
	}
}

// TestEgress_ABlockIsNotApproved: the gate decides, not the person before it.
func TestEgress_ABlockIsNotApproved(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	a.withGate(filters.Egress{Detect: map[string]filters.Action{"card": filters.ActionBlock}})
	ref := a.desk.open(card)
	w.settle()
	held := a.gateHolds(ref)
	if err := a.path.ApproveContent(a.con(), ref, filters.ApprovalDigest(held.Findings), "ann"); !errors.Is(err, flow.ErrBlocked) || held.Digest != "" {
		t.Errorf("approving it: %v, %+v", err, held)
	}
	a.desk.set(ref, "summary", "one")
	w.settle()
	if got := b.one().Fields["summary"]; got != "one" {
		t.Errorf("without the card the peer has %v", got)
	}
	if got := a.gateHolds(ref); len(got.Findings) > 0 {
		t.Errorf("it is shown as held although it has left: %+v", got)
	}
}

// TestEgress_MaskedTextArrivesMasked: and stays alike at both sides.
func TestEgress_MaskedTextArrivesMasked(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	a.withGate(filters.Egress{Detect: map[string]filters.Action{"card": filters.ActionMask}})
	ref := a.desk.open("paid with " + card)
	a.desk.comment(ref, "it is "+card+", yes", false)
	w.settle()
	got := b.one()
	if got.Fields["summary"] != "paid with [card]" || len(got.Comments) != 1 || got.Comments[0].Body != "it is [card], yes" {
		t.Fatalf("the peer has %+v", got)
	}
	b.desk.set(got.Ref, "status", "Done")
	w.settle()
	if own := a.one().Fields; own["summary"] != "paid with "+card || own["status"] != "Done" {
		t.Errorf("masking has changed our own ticket: %v", own)
	}
}

// TestFiles_APictureLeavesWithoutItsMaking: what a camera wrote stays.
func TestFiles_APictureLeavesWithoutItsMaking(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	a.desk.attach(ref, "photo.jpg", "\xFF\xD8\xFF\xE1\x00\x12Exif\x00\x00taken here\xFF\xDA\x00\x02 the picture \xFF\xD9")
	w.settle()
	got := files(b.one())
	if len(got) != 1 {
		t.Fatalf("the peer has the files %v; held: %+v", got, a.gateHolds(ref))
	}
	for _, content := range b.desk.content {
		if s := string(content); strings.Contains(s, "taken here") || !strings.Contains(s, " the picture ") {
			t.Errorf("the peer has %q", s)
		}
	}
	a.must(a.path.Works(a.con(), func(_ event.Ref, row work.Row) bool {
		t.Errorf("a look is left: %+v", row)
		return true
	}))
}
