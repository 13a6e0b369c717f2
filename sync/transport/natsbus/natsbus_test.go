package natsbus_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
	"github.com/rs/zerolog"

	"parley/sync/event"
	"parley/sync/transport"
	"parley/sync/transport/natsbus"
	"parley/sync/transport/transporttest"
)

const patience = 20 * time.Second

var connection = event.ConnectionID{1, 2, 3}

// user is a key and what NATS calls its halves.
type user struct {
	key    ed25519.PrivateKey
	public string
	seed   []byte
}

func (u user) half() ed25519.PublicKey { return u.key.Public().(ed25519.PublicKey) }

func newUser(t *testing.T) user {
	t.Helper()
	key := tlsKey(t)
	pair, err := nkeys.FromRawSeed(nkeys.PrefixByteUser, key.Seed())
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return user{key, public, seed}
}

func tlsKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newServer(t *testing.T, edit ...func(*natsbus.ServerConfig)) *natsbus.Server {
	t.Helper()
	c := natsbus.ServerConfig{Listen: "127.0.0.1:0", Key: tlsKey(t), Log: zerolog.Nop()}
	for _, e := range edit {
		e(&c)
	}
	s, err := natsbus.NewServer(c)
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

func closing[L transport.Link](t *testing.T, l L, err error) L {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func options(s *natsbus.Server, u user) natsbus.Options {
	return natsbus.Options{URL: "tls://" + s.Address(), Pin: s.Pin(), Key: u.key, Log: zerolog.Nop()}
}

// await polls until ok, for what a network does when it gets to it.
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

// joined makes both ends over an embedded server: ours in process, the peer's
// by dialling url.
func joined(t *testing.T, s *natsbus.Server, con event.ConnectionID, url string) (ours, theirs *natsbus.Link) {
	t.Helper()
	u := newUser(t)
	if err := s.Add(con, true, u.half()); err != nil {
		t.Fatal(err)
	}
	l, err := s.Link(con)
	ours = closing(t, l, err)
	o := options(s, u)
	o.URL = url
	l, err = natsbus.Dial(o, con, false)
	theirs = closing(t, l, err)
	await(t, "the peer to connect", theirs.Connected)
	return ours, theirs
}

func TestEmbedded_KeepsTheTransportsPromises(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var last atomic.Int32
	transporttest.Run(t, func(t *testing.T) (a, b transport.Link) {
		return joined(t, s, event.ConnectionID{byte(last.Add(1))}, "tls://"+s.Address())
	})
}

func TestWebSocket_KeepsTheTransportsPromises(t *testing.T) {
	t.Parallel()
	transporttest.Run(t, func(t *testing.T) (a, b transport.Link) {
		s := newServer(t, func(c *natsbus.ServerConfig) { c.WebSocket = "127.0.0.1:0" })
		// The other way round: the peer's end comes first.
		b, a = joined(t, s, connection, "wss://"+s.WebSocketAddress())
		return a, b
	})
}

// plainServer is a NATS of somebody else's, with two users.
func plainServer(t *testing.T, users ...user) string {
	t.Helper()
	o := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true}
	for _, u := range users {
		o.Nkeys = append(o.Nkeys, &server.NkeyUser{Nkey: u.public})
	}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server does not listen")
	}
	return "nats://" + s.Addr().String()
}

func TestExistingNATS_KeepsTheTransportsPromises(t *testing.T) {
	t.Parallel()
	users := [2]user{newUser(t), newUser(t)}
	url := plainServer(t, users[0], users[1])
	var last atomic.Int32
	transporttest.Run(t, func(t *testing.T) (a, b transport.Link) {
		con := event.ConnectionID{byte(last.Add(1))}
		var ends [2]*natsbus.Link
		for i, u := range users {
			l, err := natsbus.Dial(natsbus.Options{
				URL: url, Plain: true, Seed: u.seed, Prefix: "acme.shared", Log: zerolog.Nop(),
			}, con, i == 0)
			ends[i] = closing(t, l, err)
			await(t, "the end to connect", ends[i].Connected)
		}
		return ends[0], ends[1]
	})
}

func TestDial_OutlivesTheServer(t *testing.T) {
	t.Parallel()
	key, u := tlsKey(t), newUser(t)
	start := func(listen string) *natsbus.Server {
		return newServer(t, func(c *natsbus.ServerConfig) { c.Listen, c.Key = listen, key })
	}
	serve := func(s *natsbus.Server) {
		if err := s.Add(connection, true, u.half()); err != nil {
			t.Fatal(err)
		}
		l, err := s.Link(connection)
		if err := closing(t, l, err).Handle(func(context.Context, transport.Kind, []byte) ([]byte, error) {
			return []byte("here"), nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	first := start("127.0.0.1:0")
	address := first.Address()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	// Nobody listens when the peer first dials.
	l, err := natsbus.Dial(options(first, u), connection, false)
	peer := closing(t, l, err)
	if _, err := peer.Request(t.Context(), transport.KindHello, nil); !errors.Is(err, transport.ErrUnreachable) {
		t.Errorf("before: got %v, want ErrUnreachable", err)
	}
	handled := make(chan struct{}, 100)
	if err := peer.Handle(func(context.Context, transport.Kind, []byte) ([]byte, error) {
		handled <- struct{}{}
		return nil, nil
	}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s := start(address)
		serve(s)
		await(t, "an answer", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			reply, err := peer.Request(ctx, transport.KindHello, nil)
			return err == nil && string(reply) == "here"
		})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		await(t, "the loss to be noticed", func() bool { return !peer.Connected() })
		if _, err := peer.Request(t.Context(), transport.KindHello, nil); !errors.Is(err, transport.ErrUnreachable) {
			t.Errorf("server gone: got %v, want ErrUnreachable", err)
		}
	}
}

func TestServer_AddDisturbsNobodyAndRemoveCutsOff(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ours, theirs := joined(t, s, connection, "tls://"+s.Address())
	if err := ours.Handle(func(context.Context, transport.Kind, []byte) ([]byte, error) { return []byte("ours"), nil }); err != nil {
		t.Fatal(err)
	}
	other := event.ConnectionID{9}
	for range 3 {
		if err := s.Add(other, true, newUser(t).half()); err != nil {
			t.Fatal(err)
		}
		if reply, err := theirs.Request(t.Context(), transport.KindHello, nil); err != nil || string(reply) != "ours" {
			t.Fatalf("while another connection is added: %q, %v", reply, err)
		}
		if err := s.Remove(other); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Remove(connection); err != nil {
		t.Fatal(err)
	}
	await(t, "the peer to be cut off", func() bool { return !theirs.Connected() })
}

func TestServer_ManyAreLetInAtOnceOrNobody(t *testing.T) {
	t.Parallel()
	s, good, again := newServer(t), newUser(t), newUser(t)
	err := s.AddAll([]natsbus.Guest{
		{Connection: connection, Inviter: true, Key: good.half()},
		{Connection: event.ConnectionID{8}, Inviter: true, Key: again.half()},
		{Connection: event.ConnectionID{9}, Inviter: true, Key: again.half()},
	})
	if err == nil {
		t.Fatal("one key was taken for two connections")
	}
	if _, err := s.Link(connection); err == nil {
		t.Error("a part of them was let in")
	}
	var guests []natsbus.Guest
	for i := range 20 {
		guests = append(guests, natsbus.Guest{Connection: event.ConnectionID{byte(i + 1)}, Inviter: true, Key: newUser(t).half()})
	}
	if err := s.AddAll(guests); err != nil {
		t.Fatal(err)
	}
	for _, g := range guests {
		l, err := s.Link(g.Connection)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestServer_OurOwnEndsSignInSideBySide: the server listens 50 ms to each whether it
// speaks TLS first, which a thousand of them must not wait for one after the other.
func TestServer_OurOwnEndsSignInSideBySide(t *testing.T) {
	t.Parallel()
	const many = 60 // three seconds, one after the other
	s := newServer(t)
	var guests []natsbus.Guest
	for i := range many {
		guests = append(guests, natsbus.Guest{Connection: event.ConnectionID{byte(i + 1)}, Inviter: true, Key: newUser(t).half()})
	}
	if err := s.AddAll(guests); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	var all sync.WaitGroup
	for _, g := range guests {
		all.Go(func() {
			l, err := s.Link(g.Connection)
			if err != nil {
				t.Errorf("Link: %v", err)
				return
			}
			t.Cleanup(func() { _ = l.Close() })
		})
	}
	all.Wait()
	if took := time.Since(began); took > many*50*time.Millisecond {
		t.Errorf("%d ends took %v", many, took)
	}
}

func TestServer_OneKeyIsOneConnection(t *testing.T) {
	t.Parallel()
	s, u := newServer(t), newUser(t)
	if err := s.Add(connection, true, u.half()); err != nil {
		t.Fatal(err)
	}
	if err := s.Add(event.ConnectionID{9}, true, u.half()); err == nil {
		t.Error("a second connection took the key of the first")
	}
	if err := s.Add(event.ConnectionID{9}, true, make([]byte, 5)); err == nil {
		t.Error("a key that is none was taken")
	}
	if err := s.Add(connection, true, newUser(t).half()); err != nil {
		t.Errorf("another key for the same connection: %v", err)
	}
}

func TestServer_SaysWhyItDoesNotListen(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, address := range []string{s.Address(), "nonsense", "127.0.0.1:99999"} {
		taken, err := natsbus.NewServer(natsbus.ServerConfig{Listen: address, Key: tlsKey(t), Log: zerolog.Nop()})
		if err == nil {
			t.Errorf("%s: listened on", address)
			_ = taken.Close()
		}
	}
}

func TestPairing_ExchangesMessagesUntilClosed(t *testing.T) {
	t.Parallel()
	s, u := newServer(t), newUser(t)
	if err := s.OpenPairing("abc", u.half(), func(_ context.Context, msg []byte) ([]byte, error) {
		return append([]byte("got "), msg...), nil
	}); err != nil {
		t.Fatal(err)
	}
	p, err := natsbus.DialPairing(t.Context(), options(s, u), "abc")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	if reply, err := p.Exchange(t.Context(), []byte("x")); err != nil || string(reply) != "got x" {
		t.Errorf("got %q, %v", reply, err)
	}
	if err := s.ClosePairing("abc"); err != nil {
		t.Fatal(err)
	}
	if _, err := natsbus.DialPairing(t.Context(), options(s, u), "abc"); !errors.Is(err, natsbus.ErrSignIn) {
		t.Errorf("after ClosePairing: got %v, want ErrSignIn", err)
	}
}

func TestPairing_OverAnExistingNATS(t *testing.T) {
	t.Parallel()
	users := [2]user{newUser(t), newUser(t)}
	url := plainServer(t, users[0], users[1])
	o := func(u user) natsbus.Options {
		return natsbus.Options{URL: url, Plain: true, Seed: u.seed, Prefix: "shared", Log: zerolog.Nop()}
	}
	l, err := natsbus.ListenPairing(o(users[0]), "abc", func(_ context.Context, msg []byte) ([]byte, error) { return msg, nil })
	closing(t, l, err)
	await(t, "the inviter to connect", l.Connected)
	p, err := natsbus.DialPairing(t.Context(), o(users[1]), "abc")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	await(t, "an answer", func() bool {
		reply, err := p.Exchange(t.Context(), []byte("x"))
		return err == nil && string(reply) == "x"
	})
}
