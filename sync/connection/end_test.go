package connection_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"parley/sync/connection"
	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/transport"
	"parley/sync/transport/natsbus"
)

const patience = 20 * time.Second

func newServer(t *testing.T, n node, listen string) *natsbus.Server {
	t.Helper()
	s, err := natsbus.NewServer(natsbus.ServerConfig{Listen: listen, Key: n.keys.TLS(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// hosted is an inviter with its embedded server, ready for an acceptor.
func hosted(t *testing.T, n node) (*natsbus.Server, *desk, connection.Invitation) {
	t.Helper()
	s := newServer(t, n, "127.0.0.1:0")
	i := invite(t, n, connection.Route{Addresses: []string{s.Address()}})
	d := newDesk(t, n, i)
	open(t, s, i, d.receiver(t).Answer)
	return s, d, i
}

func open(t *testing.T, s *natsbus.Server, i connection.Invitation, answer natsbus.PairingHandler) {
	t.Helper()
	id, key := pairingOf(t, i)
	if err := s.OpenPairing(id, key.Public().(ed25519.PublicKey), answer); err != nil {
		t.Fatal(err)
	}
}

func pairingOf(t *testing.T, i connection.Invitation) (string, ed25519.PrivateKey) {
	t.Helper()
	id, err := i.Pairing()
	if err != nil {
		t.Fatal(err)
	}
	key, err := i.SignIn()
	if err != nil {
		t.Fatal(err)
	}
	return id, key
}

// acceptCode does what a node does with nothing but a code.
func acceptCode(t *testing.T, n node, code string, now time.Time) (connection.Agreement, error) {
	t.Helper()
	i, err := connection.ParseCode(code)
	if err != nil {
		return connection.Agreement{}, err
	}
	id, key := pairingOf(t, i)
	p, err := natsbus.DialPairing(t.Context(), natsbus.Options{
		URL: "tls://" + i.Route.Addresses[0], Pin: natsbus.Pin(i.Route.Pin), Key: key, Log: zerolog.Nop(),
	}, id)
	if errors.Is(err, natsbus.ErrSignIn) {
		return connection.Agreement{}, i.Closed(now)
	}
	if err != nil {
		return connection.Agreement{}, err
	}
	defer func() { _ = p.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return connection.Accept(ctx, guest(n, i), p)
}

// linked makes both ends' links from what each side stored.
func linked(t *testing.T, s *natsbus.Server, ours, theirs connection.Agreement, acceptor node) (a, b *natsbus.Link) {
	t.Helper()
	if err := s.Add(ours.Connection, true, ed25519.PublicKey(ours.Key)); err != nil {
		t.Fatal(err)
	}
	a, err := s.Link(ours.Connection)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	key, err := acceptor.keys.Transport(theirs.Pairing)
	if err != nil {
		t.Fatal(err)
	}
	b, err = natsbus.Dial(natsbus.Options{
		URL: "tls://" + theirs.Route.Addresses[0], Pin: natsbus.Pin(theirs.Route.Pin), Key: key, Log: zerolog.Nop(),
	}, theirs.Connection, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	await(t, "the acceptor to connect", b.Connected)
	return a, b
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited %s for: %s", patience, what)
		}
	}
}

func TestTwoNodes_PairByCodeAndExchangeSealedEnvelopes(t *testing.T) {
	t.Parallel()
	acme, globex := newNode(t, 1), newNode(t, 2)
	s, d, i := hosted(t, acme)
	theirs, err := acceptCode(t, globex, i.Code(), noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ClosePairing(theirs.Pairing); err != nil {
		t.Fatal(err)
	}
	ours := d.agreement(t)
	a, b := linked(t, s, ours, theirs, globex)
	one, other := codecOf(t, ours, acme), codecOf(t, theirs, globex)
	talk(t, a, one, b, other, ours.Connection)
	talk(t, b, other, a, one, ours.Connection)
}

// talk sends a message one way, as an envelope that is answered by a receipt.
func talk(t *testing.T, from transport.Link, seal envelope.Codec, to transport.Link, open envelope.Codec, con event.ConnectionID) {
	t.Helper()
	want := event.Message{Note: &event.Note{Twin: event.TwinID{1}, Code: event.CodeEnded}}
	got := make(chan event.Message, 1)
	if err := to.Handle(func(_ context.Context, kind transport.Kind, body []byte) ([]byte, error) {
		cut, _, err := open.Open(body)
		if err != nil {
			return nil, fmt.Errorf("open the %s: %w", kind, err)
		}
		m, err := envelope.Decode(cut.Entries[0].Bytes)
		if err != nil {
			return nil, err
		}
		got <- m
		return open.SealReceipt(envelope.Receipt{
			Connection: con, Epoch: cut.Epoch, Stream: cut.Stream, Through: cut.Last(), Run: cut.After(), Window: 4,
		})
	}); err != nil {
		t.Fatal(err)
	}
	raw, err := envelope.Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	cut := envelope.Cut{
		Connection: con, Epoch: 1, Stream: envelope.Control, First: 1,
		Entries: []envelope.Entry{{Salt: envelope.Salt{1}, Bytes: raw}},
	}
	wire, _, err := seal.Seal(cut)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	answer, err := from.Request(ctx, transport.KindEnvelope, wire)
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := seal.OpenReceipt(answer)
	if err != nil {
		t.Fatal(err)
	}
	if receipt.Through != 1 || receipt.Run != cut.After() {
		t.Errorf("receipt through %d", receipt.Through)
	}
	if diff := cmp.Diff(<-got, want); diff != "" {
		t.Errorf("message (-got +want):\n%s", diff)
	}
}

func TestTwoNodes_BadCodesGetTheirOwnErrors(t *testing.T) {
	t.Parallel()
	acme, globex, initech := newNode(t, 1), newNode(t, 2), newNode(t, 3)
	s, d, i := hosted(t, acme)
	code := i.Code()
	refused := func(what string, n node, code string, now time.Time, want error) {
		t.Helper()
		if _, err := acceptCode(t, n, code, now); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", what, err, want)
		}
	}
	swap := "a"
	if code[50] == 'a' {
		swap = "b"
	}
	refused("mistyped", globex, code[:50]+swap+code[51:], noon, connection.ErrMistyped)

	stranger, err := connection.NewInvitation(random(4), i.Route, acme.document, noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	refused("never given", globex, stranger.Code(), noon, connection.ErrUsed)

	if _, err := acceptCode(t, globex, code, noon); err != nil {
		t.Fatal(err)
	}
	refused("used by another", initech, code, noon, connection.ErrUsed)
	if _, err := acceptCode(t, globex, code, noon); err != nil {
		t.Errorf("by the same again: %v", err)
	}
	if err := s.ClosePairing(d.agreement(t).Pairing); err != nil {
		t.Fatal(err)
	}
	refused("used and closed", initech, code, noon, connection.ErrUsed)
	refused("closed after its time", initech, code, noon.Add(time.Hour), connection.ErrExpired)
}

func TestTwoNodes_ExpiredCodeIsRefusedByTheInviter(t *testing.T) {
	t.Parallel()
	acme, globex := newNode(t, 1), newNode(t, 2)
	s := newServer(t, acme, "127.0.0.1:0")
	i := invite(t, acme, connection.Route{Addresses: []string{s.Address()}})
	d := newDesk(t, acme, i)
	d.host.Now = at(noon.Add(time.Hour))
	open(t, s, i, d.receiver(t).Answer)
	if _, err := acceptCode(t, globex, i.Code(), noon); !errors.Is(err, connection.ErrExpired) {
		t.Errorf("got %v, want ErrExpired", err)
	}
}

// Somebody took over the inviter's address. It even knows the secret, so it can
// let the acceptor in and seal pairing messages; it has another TLS key.
func TestTwoNodes_ManInTheMiddleIsFoundByTheTLSKey(t *testing.T) {
	t.Parallel()
	acme, globex, evil := newNode(t, 1), newNode(t, 2), newNode(t, 3)
	s := newServer(t, evil, "127.0.0.1:0")
	i := invite(t, acme, connection.Route{Addresses: []string{s.Address()}})
	asked := make(chan struct{}, 1)
	open(t, s, i, func(context.Context, []byte) ([]byte, error) {
		asked <- struct{}{}
		return nil, nil
	})
	if _, err := acceptCode(t, globex, i.Code(), noon); !errors.Is(err, natsbus.ErrPin) {
		t.Errorf("got %v, want ErrPin", err)
	}
	select {
	case <-asked:
		t.Error("the man in the middle got a message")
	default:
	}
}

func TestPins_AreAlikeInDocumentAndServer(t *testing.T) {
	t.Parallel()
	acme := newNode(t, 1)
	if got := newServer(t, acme, "127.0.0.1:0").Pin(); natsbus.Pin(acme.document.TLS) != got {
		t.Errorf("the server's pin is %s, the document says %x", got, acme.document.TLS)
	}
}
