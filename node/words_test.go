package node_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"parley/node/admin"
	"parley/sync/store"
)

// reads is what a site's person reads to the other side's.
func (s *site) reads() string {
	s.t.Helper()
	words, err := s.node.Words(s.t.Context(), "peer")
	must(s.t, err)
	return words.Read
}

func (s *site) hears(words string) error {
	_, err := s.node.Confirm(s.t.Context(), "peer", admin.ConfirmRequest{Words: words})
	return err
}

// paired are two sites that are joined, and whose people have not compared words.
func paired(t *testing.T) (a, b *site, code string) {
	t.Helper()
	a, b = newSite(t, "acme", "127.0.0.1:0"), newSite(t, "globex", "")
	a.run()
	b.run()
	made, err := a.node.Invite(t.Context(), admin.InviteRequest{Name: "peer"})
	must(t, err)
	_, err = b.node.Accept(t.Context(), admin.AcceptRequest{Code: made.Code, Name: "peer"})
	must(t, err)
	return a, b, made.Code
}

// TestWords_NothingPassesBeforeBothHaveTypedThem, also after a restart, and whatever one
// side does by itself.
func TestWords_NothingPassesBeforeBothHaveTypedThem(t *testing.T) {
	t.Parallel()
	a, b, _ := paired(t)
	for _, s := range []*site{a, b} {
		if _, err := s.node.Resume(t.Context(), "peer"); !isKind(err, admin.KindConflict) || !strings.Contains(err.Error(), "not compared") {
			t.Errorf("%s: letting it work says %v", s.dir, err)
		}
	}
	must(t, a.hears(b.reads()))
	_, err := a.node.Resume(t.Context(), "peer")
	must(t, err)
	a.create("Printer on fire")
	for _, when := range []string{"at first", "after a restart"} {
		b.node.BringLater("peer")(t.Context())
		if _, err := a.node.Verify(t.Context(), "peer", admin.VerifyRequest{}); err == nil || !strings.Contains(err.Error(), "peer not there") {
			t.Errorf("%s the peer's node answers: %v", when, err)
		}
		must(t, b.node.Reload(t.Context()))
		all, err := b.node.Connections(t.Context())
		must(t, err)
		if len(all) != 1 || all[0].State != "compare words" || !all[0].Contact.IsZero() {
			t.Errorf("%s there: %+v", when, all)
		}
		b.stop()
		b.run()
	}
	must(t, b.hears(a.reads()))
	_, err = b.node.Resume(t.Context(), "peer")
	must(t, err)
	eventually(t, "the ticket arrives", func() error { _, err := b.find("Printer on fire"); return err })
	if words, err := b.node.Words(t.Context(), "peer"); err != nil || !words.Compared {
		t.Errorf("the words are %+v, %v", words, err)
	}
}

// TestWords_WrongOnesAreRefusedAndCountedAndTold: people mishear, but not for ever.
func TestWords_WrongOnesAreRefusedAndCountedAndTold(t *testing.T) {
	t.Parallel()
	a, b, _ := paired(t)
	log := &written{}
	a.stop()
	a.log = log
	a.run()
	for _, text := range []string{"", "acorn", "acorn acorn acorn acron", "acorn acorn acorn acorn acorn"} {
		if err := a.hears(text); !isKind(err, admin.KindInvalid) || strings.Contains(err.Error(), "not the words") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for i := range 5 {
		if err := a.hears(a.reads()); !isKind(err, admin.KindInvalid) || !strings.Contains(err.Error(), "not the words") {
			t.Fatalf("our own words, time %d: %v", i+1, err)
		}
	}
	if n := bytes.Count(log.bytes(), []byte(`"refusal":"words"`)); n != 5 || !bytes.Contains(log.bytes(), []byte(`"stream":"security"`)) {
		t.Errorf("%d lines of the security log, want 5", n)
	}
	a.stop()
	a.run()
	if err := a.hears(b.reads()); !isKind(err, admin.KindConflict) {
		t.Errorf("the right ones after five wrong ones: %v", err)
	}
	must(t, a.node.RemoveConnection(t.Context(), "peer"))
	if err := a.hears(b.reads()); !isKind(err, admin.KindNotFound) {
		t.Errorf("a connection that is not there: %v", err)
	}
}

// TestWords_WhatWasConfirmedOfACodeIsKept: whoever learnt our nonce gets no other offer
// confirmed, also after the connection was removed; when the code has expired, it goes.
func TestWords_WhatWasConfirmedOfACodeIsKept(t *testing.T) {
	t.Parallel()
	a, b, code := paired(t)
	must(t, b.node.RemoveConnection(t.Context(), "peer"))
	kept := func() (rows int) {
		b.stop()
		b.damage(func(tx store.Tx) error {
			return tx.Keys(store.AcceptedKey(""), nil, func([]byte) (bool, error) { rows++; return true, nil })
		})
		b.run()
		return rows
	}
	if n := kept(); n != 1 {
		t.Errorf("%d codes are remembered, want 1", n)
	}
	// The same offer once more: it is the same connection, and a has it still.
	_, err := b.node.Accept(t.Context(), admin.AcceptRequest{Code: code, Name: "peer"})
	must(t, err)
	agreements(t, a, b)
	must(t, b.node.ExpireAccepted())
	if n := kept(); n != 0 {
		t.Errorf("%d codes are remembered after they expired", n)
	}
	must(t, a.hears(b.reads()))
	must(t, b.hears(a.reads()))
	for _, s := range []*site{a, b} {
		_, err := s.node.Resume(t.Context(), "peer")
		must(t, err)
	}
	eventually(t, "both agree", func() error {
		v, err := a.node.Verify(t.Context(), "peer", admin.VerifyRequest{})
		if err == nil && v.Twins != 0 {
			err = fmt.Errorf("%+v", v)
		}
		return err
	})
}
