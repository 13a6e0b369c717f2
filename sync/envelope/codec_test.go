package envelope_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hpke"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/sync/envelope"
	"parley/sync/event"
)

// party is one node's keys, made from one letter so that they are alike in
// every run.
type party struct {
	id   string
	sign ed25519.PrivateKey
	seal hpke.PrivateKey
}

func newParty(tb testing.TB, letter string) party {
	tb.Helper()
	seal, err := hpke.DHKEM(ecdh.X25519()).NewPrivateKey(bytes.Repeat([]byte(letter), 32))
	if err != nil {
		tb.Fatal(err)
	}
	return party{
		id:   "node-" + letter,
		sign: ed25519.NewKeyFromSeed(bytes.Repeat([]byte(letter), ed25519.SeedSize)),
		seal: seal,
	}
}

func (p party) verify() ed25519.PublicKey { return p.sign.Public().(ed25519.PublicKey) }

var connection = event.ConnectionID{7, 7, 7}

func config(us, peer party, inviter bool) envelope.Config {
	return envelope.Config{
		Us: us.id, Peer: peer.id, Connection: connection, Inviter: inviter,
		Sign: us.sign, Verify: []ed25519.PublicKey{peer.verify()},
		Unseal: []hpke.PrivateKey{us.seal}, SealTo: peer.seal.PublicKey(),
	}
}

func codec(tb testing.TB, c envelope.Config) *envelope.Sealer {
	tb.Helper()
	s, err := envelope.NewCodec(c)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// pair makes the codecs of both ends: a invited, b accepted.
func pair(tb testing.TB) (a, b *envelope.Sealer) {
	tb.Helper()
	pa, pb := newParty(tb, "a"), newParty(tb, "b")
	return codec(tb, config(pa, pb, true)), codec(tb, config(pb, pa, false))
}

func someCut(n, size int) envelope.Cut {
	c := envelope.Cut{Connection: connection, Epoch: 2, Stream: envelope.Data, First: 41, Before: envelope.Run{5}}
	for i := range n {
		c.Entries = append(c.Entries, envelope.Entry{
			Salt:  envelope.Salt{byte(i), 1},
			Bytes: bytes.Repeat([]byte{byte('a' + i%26)}, size),
		})
	}
	return c
}

func someReceipt() envelope.Receipt {
	return envelope.Receipt{
		Connection: connection, Epoch: 2, Stream: envelope.Control, Through: 1 << 60,
		Run: envelope.Run{1, 2}, Window: 4, Stop: true,
	}
}

func someHello() envelope.Hello {
	return envelope.Hello{
		Connection: connection, Versions: []int{1}, Capabilities: []string{"blob-resume"},
		Boot:   envelope.Boot{Counter: 3, Random: 1<<64 - 1},
		Sent:   [2]envelope.Place{{Epoch: 2, Through: 44, Run: envelope.Run{1}}, {Epoch: 2, Through: 7, Run: envelope.Run{2}}},
		Window: 4, Nonce: bytes.Repeat([]byte{1}, 16),
	}
}

func TestSealer_OpensWhatThePeerSealed(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	for _, want := range []envelope.Cut{
		someCut(1, 1), someCut(3, 0), someCut(envelope.MaxEvents, envelope.MaxBytes/envelope.MaxEvents), someCut(1, envelope.MaxBytes),
	} {
		wire, token, err := a.Seal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, gotToken, err := b.Open(wire)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("cut (-got +want):\n%s", diff)
		}
		if gotToken != token {
			t.Errorf("token: got %s, want %s", gotToken, token)
		}
		for _, e := range want.Entries {
			if len(e.Bytes) > 8 && bytes.Contains(wire, e.Bytes) {
				t.Error("an entry can be read on the wire")
			}
		}
	}
}

func TestSealer_ReceiptsAndHellosComeBack(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	wire, err := b.SealReceipt(someReceipt())
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := a.OpenReceipt(wire)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(receipt, someReceipt()); diff != "" {
		t.Errorf("receipt (-got +want):\n%s", diff)
	}
	busy := someReceipt()
	busy.Window, busy.Busy, busy.Wait = 0, event.CodeQuota, 3600
	if wire, err = b.SealReceipt(busy); err != nil {
		t.Fatal(err)
	}
	if receipt, err = a.OpenReceipt(wire); err != nil || receipt != busy {
		t.Errorf("got %v, %v; want %v", receipt, err, busy)
	}
	for name, change := range map[string]func(*envelope.Receipt){
		"with a window":    func(r *envelope.Receipt) { r.Window = 1 },
		"for too long":     func(r *envelope.Receipt) { r.Wait = 3601 },
		"for less than 0":  func(r *envelope.Receipt) { r.Wait = -1 },
		"for some reason":  func(r *envelope.Receipt) { r.Busy = event.CodeRejected },
		"without a reason": func(r *envelope.Receipt) { r.Busy = "" },
	} {
		bad := busy
		change(&bad)
		if _, err := b.SealReceipt(bad); err == nil {
			t.Errorf("busy %s is signed", name)
		}
	}
	ask := someHello()
	answer := someHello()
	answer.Reply, answer.Answers = true, ask.Nonce
	for _, want := range []envelope.Hello{ask, answer} {
		wire, err := a.SealHello(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.OpenHello(wire)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("hello (-got +want):\n%s", diff)
		}
	}
}

func TestSealer_BlobIsBoundToWhatItIsAbout(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	body := bytes.Repeat([]byte("piece"), 100_000)
	wire, err := a.SealBlob("file 1 at 0", body)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.OpenBlob("file 1 at 0", wire)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, body) {
		t.Error("the piece came back changed")
	}
	if _, err := b.OpenBlob("file 2 at 0", wire); !errors.Is(err, envelope.ErrRefused) {
		t.Errorf("about something else: got %v, want ErrRefused", err)
	}
	if _, err := a.SealBlob("x", make([]byte, envelope.MaxBlob+1)); err == nil {
		t.Error("a piece over the limit was sealed")
	}
}

func TestSealer_AnyFlippedBitIsRefused(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	for name, f := range frames(t, a, b) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := f.open(f.wire); err != nil {
				t.Fatal(err)
			}
			for i := range f.wire {
				bad := bytes.Clone(f.wire)
				bad[i] ^= 1 << (i % 8)
				if err := f.open(bad); !errors.Is(err, envelope.ErrRefused) {
					t.Errorf("byte %d: got %v, want ErrRefused", i, err)
				}
			}
			for i := range f.wire {
				if err := f.open(f.wire[:i]); !errors.Is(err, envelope.ErrRefused) {
					t.Errorf("cut to %d bytes: got %v, want ErrRefused", i, err)
				}
			}
			if err := f.open(append(bytes.Clone(f.wire), 0)); !errors.Is(err, envelope.ErrRefused) {
				t.Errorf("a byte more: got %v, want ErrRefused", err)
			}
		})
	}
}

// sealedFrame is something that from sealed and that open takes.
type sealedFrame struct {
	wire []byte
	open func([]byte) error
}

// frames makes one of every kind, from one codec for the other.
func frames(tb testing.TB, from, to *envelope.Sealer) map[string]sealedFrame {
	tb.Helper()
	must := func(wire []byte, err error) []byte {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return wire
	}
	cut, _, err := from.Seal(someCut(2, 10))
	return map[string]sealedFrame{
		"envelope": {must(cut, err), func(w []byte) error { _, _, err := to.Open(w); return err }},
		"receipt":  {must(from.SealReceipt(someReceipt())), func(w []byte) error { _, err := to.OpenReceipt(w); return err }},
		"hello":    {must(from.SealHello(someHello())), func(w []byte) error { _, err := to.OpenHello(w); return err }},
		"blob":     {must(from.SealBlob("x", []byte("piece"))), func(w []byte) error { _, err := to.OpenBlob("x", w); return err }},
	}
}

func TestSealer_RefusesOthers(t *testing.T) {
	t.Parallel()
	pa, pb, pc := newParty(t, "a"), newParty(t, "b"), newParty(t, "c")
	b := codec(t, config(pb, pa, false))
	with := func(edit func(*envelope.Config)) *envelope.Sealer {
		c := config(pa, pb, true)
		edit(&c)
		return codec(t, c)
	}
	tests := map[string]struct {
		from *envelope.Sealer
		want error
	}{
		"a stranger's key":          {with(func(c *envelope.Config) { c.Sign = pc.sign }), envelope.ErrUnknownKey},
		"another issuer":            {with(func(c *envelope.Config) { c.Us = pc.id }), envelope.ErrRefused},
		"another audience":          {with(func(c *envelope.Config) { c.Peer = pc.id }), envelope.ErrRefused},
		"the other direction":       {with(func(c *envelope.Config) { c.Inviter = false }), envelope.ErrRefused},
		"our own message sent back": {b, envelope.ErrUnknownKey},
	}
	for name, test := range tests {
		for kind, f := range frames(t, test.from, b) {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				if err := f.open(f.wire); !errors.Is(err, test.want) || !errors.Is(err, envelope.ErrRefused) {
					t.Errorf("got %v, want %v", err, test.want)
				}
			})
		}
	}
}

func TestSealer_RefusesAnotherConnectionOfTheSameNodes(t *testing.T) {
	t.Parallel()
	pa, pb := newParty(t, "a"), newParty(t, "b")
	other := config(pa, pb, true)
	other.Connection = event.ConnectionID{8}
	a, b := codec(t, other), codec(t, config(pb, pa, false))
	cut := someCut(1, 1)
	cut.Connection = other.Connection
	wire, _, err := a.Seal(cut)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Open(wire); !errors.Is(err, envelope.ErrRefused) {
		t.Errorf("got %v, want ErrRefused", err)
	}
	if _, _, err := a.Seal(someCut(1, 1)); err == nil {
		t.Error("a cut of another connection was sealed")
	}
}

func TestSealer_KeepsTheDirectionsApartOnANodeConnectedToItself(t *testing.T) {
	t.Parallel()
	p := newParty(t, "a")
	in, acc := codec(t, config(p, p, true)), codec(t, config(p, p, false))
	for kind, f := range frames(t, in, acc) {
		if err := f.open(f.wire); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	for kind, f := range frames(t, in, in) {
		if err := f.open(f.wire); !errors.Is(err, envelope.ErrRefused) {
			t.Errorf("%s sent back: got %v, want ErrRefused", kind, err)
		}
	}
}

func TestSealer_NoKindPassesForAnother(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	all := frames(t, a, b)
	for made, m := range all {
		for taken, k := range all {
			if made == taken {
				continue
			}
			if err := k.open(m.wire); !errors.Is(err, envelope.ErrRefused) {
				t.Errorf("%s as %s: got %v, want ErrRefused", made, taken, err)
			}
			relabelled := bytes.Clone(m.wire)
			relabelled[1] = k.wire[1]
			if err := k.open(relabelled); !errors.Is(err, envelope.ErrRefused) {
				t.Errorf("%s relabelled as %s: got %v, want ErrRefused", made, taken, err)
			}
		}
	}
}

func TestSealer_TakesAKeyAddedLater(t *testing.T) {
	t.Parallel()
	pa, pb, later := newParty(t, "a"), newParty(t, "b"), newParty(t, "c")
	b := codec(t, config(pb, pa, false))
	rotated := config(pa, pb, true)
	rotated.Sign = later.sign
	a := codec(t, rotated)
	wire, err := a.SealReceipt(someReceipt())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.OpenReceipt(wire); !errors.Is(err, envelope.ErrUnknownKey) {
		t.Fatalf("before: got %v, want ErrUnknownKey", err)
	}
	if err := b.Trust(later.verify()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.OpenReceipt(wire); err != nil {
		t.Errorf("after: %v", err)
	}
}

func TestSealer_OpensWithAnOldSealingKey(t *testing.T) {
	t.Parallel()
	pa, pb, later := newParty(t, "a"), newParty(t, "b"), newParty(t, "c")
	a := codec(t, config(pa, pb, true))
	rotated := config(pb, pa, false)
	rotated.Unseal = []hpke.PrivateKey{later.seal, pb.seal}
	wire, _, err := a.Seal(someCut(1, 5))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := codec(t, rotated).Open(wire); err != nil {
		t.Error(err)
	}
	rotated.Unseal = rotated.Unseal[:1]
	if _, _, err := codec(t, rotated).Open(wire); !errors.Is(err, envelope.ErrUnknownKey) {
		t.Errorf("key deleted: got %v, want ErrUnknownKey", err)
	}
}

func TestSealer_SessionsOfManyEnvelopesOpenInAnyOrder(t *testing.T) {
	t.Parallel()
	pa, pb := newParty(t, "a"), newParty(t, "b")
	b := codec(t, config(pb, pa, false))
	var wires [][]byte
	// More sessions than are remembered, two envelopes each.
	for range 6 {
		a := codec(t, config(pa, pb, true))
		for range 2 {
			wire, _, err := a.Seal(someCut(1, 5))
			if err != nil {
				t.Fatal(err)
			}
			wires = append(wires, wire)
		}
	}
	for _, i := range []int{0, 11, 3, 3, 8, 1, 10, 5, 0} {
		if _, _, err := b.Open(wires[i]); err != nil {
			t.Errorf("envelope %d: %v", i, err)
		}
	}
}

func TestSealer_SealsNothingOverTheLimits(t *testing.T) {
	t.Parallel()
	a, _ := pair(t)
	edit := func(f func(*envelope.Cut)) envelope.Cut {
		c := someCut(1, 1)
		f(&c)
		return c
	}
	for name, c := range map[string]envelope.Cut{
		"no events":       someCut(0, 0),
		"too many events": someCut(envelope.MaxEvents+1, 1),
		"too many bytes":  someCut(2, envelope.MaxBytes/2+1),
		"event 0":         edit(func(c *envelope.Cut) { c.First = 0 }),
		"numbers run out": edit(func(c *envelope.Cut) { c.First = 1<<64 - 1 }),
		"unknown stream":  edit(func(c *envelope.Cut) { c.Stream = 'x' }),
	} {
		if _, _, err := a.Seal(c); err == nil {
			t.Errorf("%s: sealed", name)
		}
	}
	hello := someHello()
	hello.Capabilities = []string{"two words"}
	if _, err := a.SealHello(hello); err == nil {
		t.Error("a capability of two words was signed")
	}
}

func TestNewCodec_RefusesHalfAConfig(t *testing.T) {
	t.Parallel()
	pa, pb := newParty(t, "a"), newParty(t, "b")
	p256, err := hpke.DHKEM(ecdh.P256()).GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*envelope.Config){
		"no us":             func(c *envelope.Config) { c.Us = "" },
		"peer with a break": func(c *envelope.Config) { c.Peer = "a\nb" },
		"long id":           func(c *envelope.Config) { c.Us = strings.Repeat("a", 65) },
		"no connection":     func(c *envelope.Config) { c.Connection = event.ConnectionID{} },
		"no signing key":    func(c *envelope.Config) { c.Sign = nil },
		"no key to verify":  func(c *envelope.Config) { c.Verify = nil },
		"short key":         func(c *envelope.Config) { c.Verify = []ed25519.PublicKey{{1}} },
		"no sealing key":    func(c *envelope.Config) { c.Unseal = nil },
		"no key to seal to": func(c *envelope.Config) { c.SealTo = nil },
		"another curve":     func(c *envelope.Config) { c.SealTo = p256.PublicKey() },
		"another curve, us": func(c *envelope.Config) { c.Unseal = []hpke.PrivateKey{p256} },
	} {
		c := config(pa, pb, true)
		edit(&c)
		if _, err := envelope.NewCodec(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzOpen(f *testing.F) {
	a, b := pair(f)
	all := frames(f, a, b)
	f.Add(uint(0), byte(1), []byte{})
	f.Fuzz(func(t *testing.T, at uint, flip byte, more []byte) {
		for kind, s := range all {
			bad := append(bytes.Clone(s.wire), more...)
			bad[at%uint(len(bad))] ^= flip
			if err := s.open(bad); (err == nil) != bytes.Equal(bad, s.wire) {
				t.Fatalf("%s changed at %d by %x: %v", kind, at, flip, err)
			}
			if err := s.open(more); !errors.Is(err, envelope.ErrRefused) {
				t.Fatalf("%s: %q was opened", kind, more)
			}
		}
	})
}

func benchmarkCut(b *testing.B, c envelope.Cut) {
	from, to := pair(b)
	wire, _, err := from.Seal(c)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := from.Seal(c); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := to.Open(wire); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEnvelope_One(b *testing.B)  { benchmarkCut(b, someCut(1, 2<<10)) }
func BenchmarkEnvelope_Full(b *testing.B) { benchmarkCut(b, someCut(256, 2<<10)) }

func BenchmarkReceipt(b *testing.B) {
	from, to := pair(b)
	for b.Loop() {
		wire, err := from.SealReceipt(someReceipt())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := to.OpenReceipt(wire); err != nil {
			b.Fatal(err)
		}
	}
}

// TestHello_WhatMakesNoSenseIsRefused: fences, claims and repeats where they cannot be.
func TestHello_WhatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	a, _ := pair(t)
	answer := func(h *envelope.Hello) { h.Reply, h.Answers = true, h.Nonce }
	for name, change := range map[string]func(*envelope.Hello){
		"a question that fences":       func(h *envelope.Hello) { h.Rival, h.Fenced = envelope.Boot{Random: 1}, true },
		"a fence without a rival":      func(h *envelope.Hello) { answer(h); h.Fenced = true },
		"a reply that claims":          func(h *envelope.Hello) { answer(h); h.Claim = true },
		"a reply that repeats a nonce": func(h *envelope.Hello) { answer(h); h.Again = h.Nonce },
		"a short nonce again":          func(h *envelope.Hello) { h.Again = []byte{1} },
	} {
		h := someHello()
		change(&h)
		if _, err := a.SealHello(h); err == nil {
			t.Errorf("%s was sealed", name)
		}
	}
}
