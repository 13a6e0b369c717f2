package connection_test

import (
	"bytes"
	"errors"
	"testing"

	"parley/sync/connection"
)

// words are what each side's admin reads to the other.
func words(tb testing.TB, a connection.Agreement) (ours, theirs connection.Words) {
	tb.Helper()
	ours, theirs, err := a.Words()
	if err != nil {
		tb.Fatal(err)
	}
	return ours, theirs
}

// TestWords_AreTheSameAtBothEndsAndNotTheSameBothWays: what one reads is what the other
// is to type.
func TestWords_AreTheSameAtBothEndsAndNotTheSameBothWays(t *testing.T) {
	t.Parallel()
	acme, globex := newNode(t, 1), newNode(t, 2)
	i := invite(t, acme, listening)
	d := newDesk(t, acme, i)
	b, err := connection.Accept(t.Context(), guest(globex, i), &direct{to: d.receiver(t)})
	if err != nil {
		t.Fatal(err)
	}
	aReads, aHears := words(t, d.agreement(t))
	bReads, bHears := words(t, b)
	if aReads != bHears || bReads != aHears || aReads == bReads {
		t.Errorf("acme reads %q and is to hear %q; globex reads %q and is to hear %q", aReads, aHears, bReads, bHears)
	}
	if unknown := aReads.Unknown(); len(unknown) != 0 {
		t.Errorf("%q are no words of pairings", unknown)
	}
	typed, ok := connection.ParseWords("  " + aReads[0] + ", " + aReads[1] + "-" + aReads[2] + "  " + string(bytes.ToUpper([]byte(aReads[3]))))
	if !ok || typed != aReads {
		t.Errorf("typed in another way: %q, %v", typed, ok)
	}
	for _, text := range []string{"", "acorn", "acorn acorn acorn", "acorn acorn acorn acorn acorn"} {
		if _, ok := connection.ParseWords(text); ok {
			t.Errorf("%q was taken for four words", text)
		}
	}
}

// TestWords_SomebodyInBetweenIsHeard: who has the code and the line, and shows each side
// keys of its own, cannot make the words alike.
func TestWords_SomebodyInBetweenIsHeard(t *testing.T) {
	t.Parallel()
	acme, globex, evil := newNode(t, 1), newNode(t, 2), newNode(t, 3)
	given := invite(t, acme, listening)
	d := newDesk(t, acme, given)
	if _, err := connection.Accept(t.Context(), guest(evil, given), &direct{to: d.receiver(t)}); err != nil {
		t.Fatal(err)
	}
	// Globex got a code that evil changed on its way: same address, evil's document.
	forged := invite(t, evil, listening)
	e := newDesk(t, evil, forged)
	b, err := connection.Accept(t.Context(), guest(globex, forged), &direct{to: e.receiver(t)})
	if err != nil {
		t.Fatal(err)
	}
	aReads, aHears := words(t, d.agreement(t))
	bReads, bHears := words(t, b)
	if aReads == bHears || bReads == aHears {
		t.Errorf("acme reads %q, globex is to hear %q; globex reads %q, acme is to hear %q", aReads, bHears, bReads, aHears)
	}
}

// TestWords_EveryPartOfThePairingCounts: other keys, terms, nonces or addresses make other
// words.
func TestWords_EveryPartOfThePairingCounts(t *testing.T) {
	t.Parallel()
	seen := map[connection.Words]string{}
	for name, change := range map[string]func(*desk, *node, *connection.Route){
		"nothing":             func(*desk, *node, *connection.Route) {},
		"the acceptor's keys": func(_ *desk, n *node, _ *connection.Route) { *n = newNode(t, 4) },
		"the inviter's nonce": func(d *desk, _ *node, _ *connection.Route) { d.host.Random = random(77) },
		"the terms":           func(d *desk, _ *node, _ *connection.Route) { d.host.Terms.Window++ },
		"the address":         func(_ *desk, _ *node, r *connection.Route) { r.Addresses = []string{"evil.example:4222"} },
	} {
		acme, globex := newNode(t, 1), newNode(t, 2)
		route := listening
		change(&desk{}, &globex, &route)
		i := invite(t, acme, route)
		d := newDesk(t, acme, i)
		change(d, &node{}, &connection.Route{})
		b, err := connection.Accept(t.Context(), guest(globex, i), &direct{to: d.receiver(t)})
		if err != nil {
			t.Fatal(err)
		}
		reads, _ := words(t, b)
		if other := seen[reads]; other != "" {
			t.Errorf("%s and %s: the same words %q", name, other, reads)
		}
		seen[reads] = name
	}
}

// TestWords_ANonceThatWasNotCommittedToIsRefused: who waits for the other's nonce and
// then chooses its own has no agreement.
func TestWords_ANonceThatWasNotCommittedToIsRefused(t *testing.T) {
	t.Parallel()
	acme, globex := newNode(t, 1), newNode(t, 2)
	i := invite(t, acme, listening)
	d := newDesk(t, acme, i)
	good, err := connection.Accept(t.Context(), guest(globex, i), &direct{to: d.receiver(t)})
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(good.Confirm, []byte(`"nonce":"`)) + len(`"nonce":"`)
	bad := good
	bad.Confirm = bytes.Clone(good.Confirm)
	bad.Confirm[at] ^= 'A' ^ 'B'
	if bad.Confirm[at] == good.Confirm[at] || bad.Verify() == nil {
		t.Error("another nonce was taken")
	}
	before, _ := words(t, good)
	after, _ := words(t, bad)
	if before == after {
		t.Error("another nonce makes the same words")
	}
}

// TestWords_ANonceIsRevealedForOneOfferOnly: who learnt our nonce and then makes another
// offer, until the words fit, gets nothing more confirmed.
func TestWords_ANonceIsRevealedForOneOfferOnly(t *testing.T) {
	t.Parallel()
	evil, globex := newNode(t, 3), newNode(t, 2)
	i := invite(t, evil, listening)
	g := guest(globex, i)
	var stored *connection.Taken
	full := errors.New("disk full")
	g.Take = func(connection.Taken) error { return full }
	first := newDesk(t, evil, i)
	watched := &direct{to: first.receiver(t)}
	if _, err := connection.Accept(t.Context(), g, watched); !errors.Is(err, full) || len(watched.sent) != 1 {
		t.Fatalf("nothing was stored, and %d messages were sent: %v", len(watched.sent), err)
	}
	g.Take = func(taken connection.Taken) error { stored = &taken; return nil }
	lost := &direct{to: first.receiver(t), edit: func(count int, _, answer []byte) ([]byte, error) {
		if count == 2 {
			return nil, errLost
		}
		return answer, nil
	}}
	if _, err := connection.Accept(t.Context(), g, lost); !errors.Is(err, errLost) || stored == nil {
		t.Fatalf("got %v, want the answer lost", err)
	}
	g.Taken = stored
	second := newDesk(t, evil, i)
	second.host.Random = random(1234)
	again := &direct{to: second.receiver(t)}
	if a, err := connection.Accept(t.Context(), g, again); err == nil {
		t.Errorf("another offer was confirmed: %v", a)
	}
	if len(again.sent) != 1 {
		t.Errorf("%d messages were sent, want the confirmation of the first offer", len(again.sent))
	}
	if a, err := connection.Accept(t.Context(), g, &direct{to: first.receiver(t)}); err != nil || !bytes.Equal(a.Offer, stored.Offer) {
		t.Errorf("the first offer, again: %v", err)
	}
}

// TestWords_TheListHasAWordForEachByte, and none that is easily taken for another.
func TestWords_TheListHasAWordForEachByte(t *testing.T) {
	t.Parallel()
	list := connection.WordList()
	if len(list) != 256 {
		t.Errorf("%d words, want 256", len(list))
	}
	begins := map[string]string{}
	for _, w := range list {
		if len(w) < 4 || len(w) > 9 {
			t.Errorf("%q has %d letters", w, len(w))
			continue
		}
		if other := begins[w[:4]]; other != "" {
			t.Errorf("%q and %q begin alike", w, other)
		}
		begins[w[:4]] = w
		for _, other := range list {
			if other != w && len(other) == len(w) && differing(w, other) < 2 {
				t.Errorf("%q and %q differ in one letter", w, other)
			}
		}
	}
}

func differing(a, b string) (n int) {
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}
