package connection_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/sync/connection"
	"parley/sync/envelope"
	"parley/sync/event"
)

var listening = connection.Route{Addresses: []string{"sync.acme.example:4222"}}

func TestPairing_BothStoreTheSameAgreement(t *testing.T) {
	t.Parallel()
	acme, globex := newNode(t, 1), newNode(t, 2)
	i := invite(t, acme, listening)
	d := newDesk(t, acme, i)
	d.host.Terms.Policy, d.host.Terms.Owner = connection.PolicyAsk, connection.Acceptor
	var shown connection.Document
	g := guest(globex, parse(t, i.Code()))
	g.Approve = func(inviter connection.Document, terms connection.Terms) error {
		shown = inviter
		if terms != d.host.Terms {
			t.Errorf("terms shown: %+v", terms)
		}
		return nil
	}
	theirs, err := connection.Accept(t.Context(), g, &direct{to: d.receiver(t)})
	if err != nil {
		t.Fatal(err)
	}
	if shown.Node() != acme.document.Node() {
		t.Errorf("asked to approve %s, want %s", shown.Node(), acme.document.Node())
	}
	ours := d.agreement(t)
	if ours.Side != connection.Inviter || theirs.Side != connection.Acceptor {
		t.Errorf("sides: %s and %s", ours.Side, theirs.Side)
	}
	mirrored := theirs
	mirrored.Side = connection.Inviter
	if diff := cmp.Diff(ours, mirrored); diff != "" {
		t.Errorf("the sides differ (-inviter +acceptor):\n%s", diff)
	}
	for _, a := range []connection.Agreement{ours, theirs} {
		if err := a.Verify(); err != nil {
			t.Error(err)
		}
		if owner, err := a.Owner(); err != nil || owner != globex.document.Node() {
			t.Errorf("owner: got %s, %v, want the acceptor", owner, err)
		}
	}
	codecsFit(t, ours, acme, theirs, globex)
}

// codecsFit holds the agreements to their purpose: what one side seals, the
// other opens.
func codecsFit(t *testing.T, a connection.Agreement, an node, b connection.Agreement, bn node) {
	t.Helper()
	one, other := codecOf(t, a, an), codecOf(t, b, bn)
	for _, pair := range [][2]*envelope.Sealer{{one, other}, {other, one}} {
		wire, err := pair[0].SealReceipt(envelope.Receipt{Connection: a.Connection, Stream: envelope.Data})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pair[1].OpenReceipt(wire); err != nil {
			t.Error(err)
		}
		wire, err = pair[0].SealBlob("x", []byte("y"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pair[1].OpenBlob("x", wire); err != nil {
			t.Error(err)
		}
	}
}

func codecOf(t *testing.T, a connection.Agreement, n node) *envelope.Sealer {
	t.Helper()
	config, err := a.Codec(n.keys)
	if err != nil {
		t.Fatal(err)
	}
	codec, err := envelope.NewCodec(config)
	if err != nil {
		t.Fatal(err)
	}
	return codec
}

func TestPairing_LostAnswersChangeNothing(t *testing.T) {
	t.Parallel()
	acme, globex := newNode(t, 1), newNode(t, 2)
	i := invite(t, acme, listening)
	for lost := 1; lost <= 2; lost++ {
		d := newDesk(t, acme, i)
		cut := &direct{to: d.receiver(t), edit: func(count int, _, answer []byte) ([]byte, error) {
			if count == lost {
				return nil, errLost
			}
			return answer, nil
		}}
		if _, err := connection.Accept(t.Context(), guest(globex, i), cut); !errors.Is(err, errLost) {
			t.Fatalf("answer %d: got %v, want it lost", lost, err)
		}
		first := d.taken
		// Both start again; even the code's time is over by then.
		d.host.Now = at(noon.Add(2 * time.Hour))
		got, err := connection.Accept(t.Context(), guest(globex, i), &direct{to: d.receiver(t)})
		if err != nil {
			t.Fatalf("answer %d lost, again: %v", lost, err)
		}
		if !bytes.Equal(first, d.taken) {
			t.Errorf("answer %d lost: the invitation was taken again", lost)
		}
		if ours := d.agreement(t); ours.Connection != got.Connection {
			t.Errorf("answer %d lost: connections %s and %s", lost, ours.Connection, got.Connection)
		}
	}
}

func TestPairing_CodeWorksForOneAcceptor(t *testing.T) {
	t.Parallel()
	acme, globex, initech := newNode(t, 1), newNode(t, 2), newNode(t, 3)
	i := invite(t, acme, listening)
	d := newDesk(t, acme, i)
	if _, err := connection.Accept(t.Context(), guest(globex, i), &direct{to: d.receiver(t)}); err != nil {
		t.Fatal(err)
	}
	agreed := bytes.Clone(d.agreed)
	// Also after a restart of the inviter, which the call of receiver is.
	if _, err := connection.Accept(t.Context(), guest(initech, i), &direct{to: d.receiver(t)}); !errors.Is(err, connection.ErrUsed) {
		t.Errorf("another acceptor: got %v, want ErrUsed", err)
	}
	if !bytes.Equal(agreed, d.agreed) {
		t.Error("another acceptor changed the agreement")
	}
}

func TestPairing_NothingLeavesBeforeItIsStored(t *testing.T) {
	t.Parallel()
	acme, globex := newNode(t, 1), newNode(t, 2)
	i := invite(t, acme, listening)
	d := newDesk(t, acme, i)
	d.fail = errors.New("disk full")
	r := d.receiver(t)
	if _, err := connection.Accept(t.Context(), guest(globex, i), &direct{to: r}); !errors.Is(err, d.fail) {
		t.Fatalf("got %v, want the store's error", err)
	}
	if d.taken != nil || d.agreed != nil {
		t.Error("something was stored")
	}
	d.fail = nil
	if _, err := connection.Accept(t.Context(), guest(globex, i), &direct{to: r}); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestPairing_ExpiredCodeIsRefused(t *testing.T) {
	t.Parallel()
	acme, globex := newNode(t, 1), newNode(t, 2)
	i := invite(t, acme, listening)
	d := newDesk(t, acme, i)
	d.host.Now = at(noon.Add(time.Hour))
	if _, err := connection.Accept(t.Context(), guest(globex, i), &direct{to: d.receiver(t)}); !errors.Is(err, connection.ErrExpired) {
		t.Errorf("got %v, want ErrExpired", err)
	}
	if d.taken != nil {
		t.Error("an expired invitation was taken")
	}
	if err := i.Closed(noon); !errors.Is(err, connection.ErrUsed) {
		t.Errorf("not let in before it expires: got %v, want ErrUsed", err)
	}
	if err := i.Closed(noon.Add(time.Hour)); !errors.Is(err, connection.ErrExpired) {
		t.Errorf("not let in after it expired: got %v, want ErrExpired", err)
	}
}

func TestPairing_AnotherInviterIsAnImpostor(t *testing.T) {
	t.Parallel()
	acme, globex, evil := newNode(t, 1), newNode(t, 2), newNode(t, 3)
	i := invite(t, acme, listening)
	// Evil knows the secret, and even shows its own document as the invited one.
	forged := i
	forged.Document = evil.document.Hash()
	d := newDesk(t, evil, forged)
	if _, err := connection.Accept(t.Context(), guest(globex, i), &direct{to: d.receiver(t)}); !errors.Is(err, connection.ErrImpostor) {
		t.Errorf("got %v, want ErrImpostor", err)
	}
	if d.agreed != nil {
		t.Error("the impostor has an agreement")
	}
}

// The document of the code alone proves nothing: everybody may have a copy.
func TestPairing_OfferWithoutTheInvitersSignatureIsAnImpostors(t *testing.T) {
	t.Parallel()
	acme, globex := newNode(t, 1), newNode(t, 2)
	i := invite(t, acme, listening)
	d := newDesk(t, acme, i)
	if _, err := connection.Accept(t.Context(), guest(globex, i), &direct{to: d.receiver(t)}); err != nil {
		t.Fatal(err)
	}
	var taken connection.Taken
	if err := json.Unmarshal(d.taken, &taken); err != nil {
		t.Fatal(err)
	}
	taken.Offer = bytes.Replace(taken.Offer, []byte(`"signature":"`), []byte(`"signature":"AAAA`), 1)
	var err error
	if d.taken, err = json.Marshal(taken); err != nil {
		t.Fatal(err)
	}
	g := guest(globex, i)
	g.Approve = func(connection.Document, connection.Terms) error {
		t.Error("a person was asked about an impostor")
		return nil
	}
	if _, err := connection.Accept(t.Context(), g, &direct{to: d.receiver(t)}); !errors.Is(err, connection.ErrImpostor) {
		t.Errorf("got %v, want ErrImpostor", err)
	}
}

func TestPairing_InviterMustHoldTheKeysOfItsDocument(t *testing.T) {
	t.Parallel()
	acme, evil := newNode(t, 1), newNode(t, 3)
	d := newDesk(t, acme, invite(t, acme, listening))
	d.host.Keys = evil.keys
	if _, err := connection.NewReceiver(d.host); err == nil {
		t.Error("keys of another node were taken")
	}
}

func TestPairing_ChangedMessagesAreRefused(t *testing.T) {
	t.Parallel()
	acme, globex := newNode(t, 1), newNode(t, 2)
	i := invite(t, acme, listening)
	d := newDesk(t, acme, i)
	r := d.receiver(t)
	watched := &direct{to: r}
	if _, err := connection.Accept(t.Context(), guest(globex, i), watched); err != nil {
		t.Fatal(err)
	}
	for _, msg := range watched.sent {
		for at := range msg {
			bad := bytes.Clone(msg)
			bad[at] ^= 1 << (at % 8)
			if answer, err := r.Answer(t.Context(), bad); err == nil {
				t.Fatalf("byte %d changed: answered with %d bytes", at, len(answer))
			}
		}
	}
	for _, count := range []int{1, 2} {
		fresh := newDesk(t, acme, i)
		evil := &direct{to: fresh.receiver(t), edit: func(n int, _, answer []byte) ([]byte, error) {
			if n == count {
				answer[len(answer)-1] ^= 1
			}
			return answer, nil
		}}
		if _, err := connection.Accept(t.Context(), guest(globex, i), evil); !errors.Is(err, connection.ErrImpostor) {
			t.Errorf("answer %d changed: got %v, want ErrImpostor", count, err)
		}
	}
}

func TestPairing_WithoutTheCodeNothingIsAnswered(t *testing.T) {
	t.Parallel()
	acme, globex := newNode(t, 1), newNode(t, 2)
	i := invite(t, acme, listening)
	other, err := connection.NewInvitation(random(7), listening, acme.document, noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, acme, i)
	if _, err := connection.Accept(t.Context(), guest(globex, other), &direct{to: d.receiver(t)}); !errors.Is(err, connection.ErrMessage) {
		t.Errorf("got %v, want ErrMessage", err)
	}
	if d.taken != nil {
		t.Error("the invitation was taken without its secret")
	}
}

func TestPairing_PersonMayDecline(t *testing.T) {
	t.Parallel()
	acme, globex := newNode(t, 1), newNode(t, 2)
	i := invite(t, acme, listening)
	d := newDesk(t, acme, i)
	g := guest(globex, i)
	no := errors.New("no")
	g.Approve = func(connection.Document, connection.Terms) error { return no }
	if _, err := connection.Accept(t.Context(), g, &direct{to: d.receiver(t)}); !errors.Is(err, no) {
		t.Errorf("got %v, want the person's no", err)
	}
	if d.agreed != nil {
		t.Error("an agreement was stored that one side declined")
	}
}

func TestAgreement_ChangedLaterDoesNotVerify(t *testing.T) {
	t.Parallel()
	acme, globex, evil := newNode(t, 1), newNode(t, 2), newNode(t, 3)
	i := invite(t, acme, listening)
	d := newDesk(t, acme, i)
	good, err := connection.Accept(t.Context(), guest(globex, i), &direct{to: d.receiver(t)})
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*connection.Agreement){
		"terms":      func(a *connection.Agreement) { a.Terms.Window++ },
		"connection": func(a *connection.Agreement) { a.Connection = event.ConnectionID{1} },
		"acceptor":   func(a *connection.Agreement) { a.Acceptor = evil.document.Raw },
		"inviter":    func(a *connection.Agreement) { a.Inviter = evil.document.Raw },
		"key":        func(a *connection.Agreement) { a.Key = bytes.Repeat([]byte{1}, 32) },
		"ask": func(a *connection.Agreement) {
			a.Ask = bytes.Replace(a.Ask, []byte("document"), []byte("documents"), 1)
		},
		"offer": func(a *connection.Agreement) {
			a.Offer = bytes.Replace(a.Offer, []byte(`"window":4`), []byte(`"window":5`), 1)
		},
		"signature": func(a *connection.Agreement) {
			a.Offer = bytes.Replace(a.Offer, []byte(`"signature":"`), []byte(`"signature":"AAAA`), 1)
		},
		"confirm": func(a *connection.Agreement) {
			a.Confirm = bytes.Replace(a.Confirm, []byte(`"signature":"`), []byte(`"signature":"AAAA`), 1)
		},
	} {
		bad := good
		edit(&bad)
		if err := bad.Verify(); err == nil {
			t.Errorf("%s: verified", name)
		}
	}
}

func TestAgreement_HoldsNoSecret(t *testing.T) {
	t.Parallel()
	acme, globex := newNode(t, 1), newNode(t, 2)
	i := invite(t, acme, listening)
	d := newDesk(t, acme, i)
	a, err := connection.Accept(t.Context(), guest(globex, i), &direct{to: d.receiver(t)})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := globex.keys.Secret()
	if err != nil {
		t.Fatal(err)
	}
	var seeds map[string]any
	if err := json.Unmarshal(secret, &seeds); err != nil {
		t.Fatal(err)
	}
	for name, seed := range seeds {
		if text, ok := seed.(string); ok && strings.Contains(string(raw), text) {
			t.Errorf("the agreement holds the %s key", name)
		}
	}
	var back connection.Agreement
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(back, a); diff != "" {
		t.Errorf("stored and read (-got +want):\n%s", diff)
	}
}
