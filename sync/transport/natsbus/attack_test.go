package natsbus_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/rs/zerolog"

	"parley/sync/event"
	"parley/sync/transport"
	"parley/sync/transport/natsbus"
)

// raw is a client without any of our habits, which reports asynchronous errors.
type raw struct {
	*nats.Conn
	errs chan error
}

func dialRaw(s *natsbus.Server, more ...nats.Option) (raw, error) {
	r := raw{errs: make(chan error, 16)}
	more = append([]nats.Option{
		nats.Secure(&tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}), nats.TLSHandshakeFirst(),
		nats.NoReconnect(), nats.Timeout(patience),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { r.errs <- err }),
	}, more...)
	nc, err := nats.Connect("tls://"+s.Address(), more...)
	r.Conn = nc
	return r, err
}

// raw signs in as the peer of a connection.
func rawPeer(t *testing.T, s *natsbus.Server, u user) raw {
	t.Helper()
	key, err := nkeys.FromSeed(u.seed)
	if err != nil {
		t.Fatal(err)
	}
	r, err := dialRaw(s, nats.Nkey(u.public, key.Sign))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func TestServer_RefusesWhoDoesNotHaveTheKey(t *testing.T) {
	t.Parallel()
	s, u, stranger := newServer(t), newUser(t), newUser(t)
	if err := s.Add(connection, true, u.half()); err != nil {
		t.Fatal(err)
	}
	strange, err := nkeys.FromSeed(stranger.seed)
	if err != nil {
		t.Fatal(err)
	}
	for name, option := range map[string]nats.Option{
		"unknown NKey":             nats.Nkey(stranger.public, strange.Sign),
		"known NKey, wrong answer": nats.Nkey(u.public, strange.Sign),
		"no key":                   nats.Name("nobody"),
		"name and password":        nats.UserInfo("parley", "parley"),
		"token":                    nats.Token("parley"),
	} {
		if r, err := dialRaw(s, option); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: got %v, want an authorization violation", name, err)
			if err == nil {
				r.Close()
			}
		}
	}
}

func TestServer_WithoutConnectionsLetsNobodyIn(t *testing.T) {
	t.Parallel()
	if r, err := dialRaw(newServer(t)); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("got %v, want an authorization violation", err)
		if err == nil {
			r.Close()
		}
	}
}

func TestServer_PeerStaysOnItsOwnSubjects(t *testing.T) {
	t.Parallel()
	s, u := newServer(t), newUser(t)
	if err := s.Add(connection, true, u.half()); err != nil {
		t.Fatal(err)
	}
	base := "parley.c." + connection.String()
	outside := []string{">", "parley.>", base + ".>", base + ".i.hello", base + ".ir.x", "_INBOX.x", "$SYS.>", "$JS.API.>", "parley.c." + event.ConnectionID{9}.String() + ".a.hello"}
	for _, subject := range outside {
		r := rawPeer(t, s, u)
		if _, err := r.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		refused(t, r, "subscribe to "+subject)
	}
	for _, subject := range []string{"x", base + ".a.hello", base + ".ar.x.y", "_INBOX.x", "$SYS.REQ.SERVER.PING", "$JS.API.INFO", "parley.c." + event.ConnectionID{9}.String() + ".i.hello"} {
		r := rawPeer(t, s, u)
		if err := r.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		refused(t, r, "publish to "+subject)
	}
}

func refused(t *testing.T, r raw, what string) {
	t.Helper()
	if err := r.FlushTimeout(patience); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	select {
	case err := <-r.errs:
		if !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s: got %v, want a permissions violation", what, err)
		}
	case <-time.After(patience):
		t.Errorf("%s: not refused", what)
	}
	r.Close()
}

// A peer that knows another connection's subjects must not hear or say
// anything there, even on the subjects that would be its own.
func TestServer_ConnectionsAreApart(t *testing.T) {
	t.Parallel()
	s, evil := newServer(t), newUser(t)
	ours, theirs := joined(t, s, connection, "tls://"+s.Address())
	var heard []string
	if err := ours.Handle(func(_ context.Context, _ transport.Kind, body []byte) ([]byte, error) {
		heard = append(heard, string(body))
		return nil, nil
	}); err != nil {
		t.Fatal(err)
	}
	other := event.ConnectionID{9}
	if err := s.Add(other, true, evil.half()); err != nil {
		t.Fatal(err)
	}
	r := rawPeer(t, s, evil)
	if err := r.Publish("parley.c."+connection.String()+".i.hello", []byte("evil")); err != nil {
		t.Fatal(err)
	}
	refusedKeeping(t, r)
	if _, err := theirs.Request(t.Context(), transport.KindHello, []byte("good")); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(heard, ","); got != "good" {
		t.Errorf("heard %q, want only what the peer said", got)
	}
}

func refusedKeeping(t *testing.T, r raw) {
	t.Helper()
	if err := r.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	if err := <-r.errs; !errors.Is(err, nats.ErrPermissionViolation) {
		t.Errorf("got %v, want a permissions violation", err)
	}
}

func TestServer_LimitsOfAnAccountApply(t *testing.T) {
	t.Parallel()
	s, u := newServer(t), newUser(t)
	if err := s.Add(connection, true, u.half()); err != nil {
		t.Fatal(err)
	}
	// A reload must leave the limits as they are.
	if err := s.Add(event.ConnectionID{9}, true, newUser(t).half()); err != nil {
		t.Fatal(err)
	}
	key, err := nkeys.FromSeed(u.seed)
	if err != nil {
		t.Fatal(err)
	}
	clients := 0
	for range 20 {
		r, err := dialRaw(s, nats.Nkey(u.public, key.Sign))
		if err != nil {
			if !errors.Is(err, nats.ErrMaxAccountConnectionsExceeded) {
				t.Errorf("got %v, want too many connections", err)
			}
			break
		}
		defer r.Close()
		clients++
	}
	if clients < 2 || clients > 6 {
		t.Errorf("%d clients of one peer were let in", clients)
	}
}

func TestServer_BoundsSubscriptionsAndSizesOfAPeer(t *testing.T) {
	t.Parallel()
	s, u := newServer(t), newUser(t)
	if err := s.Add(connection, true, u.half()); err != nil {
		t.Fatal(err)
	}
	base := "parley.c." + connection.String()
	r := rawPeer(t, s, u)
	if got := r.MaxPayload(); got != transport.MaxMessage {
		t.Errorf("largest message: got %d, want %d", got, transport.MaxMessage)
	}
	for i := range 20 {
		if _, err := r.SubscribeSync(fmt.Sprintf("%s.ar.%d", base, i)); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-r.errs:
		if !errors.Is(err, nats.ErrMaxSubscriptionsExceeded) {
			t.Errorf("got %v, want too many subscriptions", err)
		}
	case <-time.After(patience):
		t.Error("20 subscriptions were taken")
	}

	conn := signedInConn(t, s, u)
	if _, err := fmt.Fprintf(conn, "PUB %s.i.hello %d\r\n", base, transport.MaxMessage+1); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(conn); ; {
		if !lines.Scan() {
			t.Fatalf("the connection ended without a word: %v", lines.Err())
		}
		if strings.HasPrefix(lines.Text(), "-ERR 'Maximum Payload") {
			break
		}
	}
}

// signedInConn speaks the protocol by hand, past the checks of the client library.
func signedInConn(t *testing.T, s *natsbus.Server, u user) net.Conn {
	t.Helper()
	key, err := nkeys.FromSeed(u.seed)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", s.Address(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	line, err := bufio.NewReaderSize(conn, 1).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(line, `"nonce":"`)
	nonce, _, _ := strings.Cut(rest, `"`)
	sig, err := key.Sign([]byte(nonce))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "CONNECT {\"nkey\":%q,\"sig\":%q,\"verbose\":false,\"pedantic\":false}\r\nPING\r\n", u.public, base64.RawURLEncoding.EncodeToString(sig)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestDial_RefusesAnotherTLSKey(t *testing.T) {
	t.Parallel()
	s, u := newServer(t), newUser(t)
	if err := s.OpenPairing("abc", u.half(), func(context.Context, []byte) ([]byte, error) { return nil, nil }); err != nil {
		t.Fatal(err)
	}
	o := options(s, u)
	o.Pin[0] ^= 1
	if _, err := natsbus.DialPairing(t.Context(), o, "abc"); !errors.Is(err, natsbus.ErrPin) {
		t.Errorf("pairing: got %v, want ErrPin", err)
	}
	l, err := natsbus.Dial(o, connection, false)
	closing(t, l, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := l.Request(ctx, transport.KindHello, nil); !errors.Is(err, transport.ErrUnreachable) {
		t.Errorf("connection: got %v, want ErrUnreachable", err)
	}
}

func TestServer_SaysNothingInPlain(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	conn, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("CONNECT {}\r\nPING\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 512)
	n, _ := conn.Read(buf)
	if strings.Contains(string(buf[:n]), "INFO") || strings.Contains(string(buf[:n]), "PONG") {
		t.Errorf("a client without TLS was answered: %q", buf[:n])
	}
	if _, err := nats.Connect("nats://"+s.Address(), nats.NoReconnect(), nats.Timeout(2*time.Second)); err == nil {
		t.Error("a client without TLS got in")
	}
	old := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}
	if _, err := tls.Dial("tcp", s.Address(), old); err == nil {
		t.Error("TLS 1.2 was taken")
	}
}

func TestOptions_RefuseWhatWouldBeUnsafe(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	good := natsbus.Options{URL: "tls://127.0.0.1:1", Seed: u.seed, Log: zerolog.Nop()}
	for name, edit := range map[string]func(*natsbus.Options){
		"no address":          func(o *natsbus.Options) { o.URL = "" },
		"another scheme":      func(o *natsbus.Options) { o.URL = "http://x" },
		"password in address": func(o *natsbus.Options) { o.URL = "tls://a:b@x" },
		"no TLS":              func(o *natsbus.Options) { o.URL = "ws://x" },
		"no sign-in":          func(o *natsbus.Options) { o.Seed = nil },
		"two sign-ins":        func(o *natsbus.Options) { o.CredentialsFile = "x" },
		"key that is none":    func(o *natsbus.Options) { o.Seed, o.Key = nil, []byte("x") },
		"seed that is none":   func(o *natsbus.Options) { o.Seed = []byte("SU") },
		"prefix with a star":  func(o *natsbus.Options) { o.Prefix = "a.*" },
		"no authorities":      func(o *natsbus.Options) { o.CAFile = "/does/not/exist" },
	} {
		o := good
		edit(&o)
		if l, err := natsbus.Dial(o, connection, false); err == nil {
			t.Errorf("%s: dialled", name)
			_ = l.Close()
		} else if strings.Contains(err.Error(), string(u.seed)) {
			t.Errorf("%s: the error holds the seed", name)
		}
	}
	if l, err := natsbus.Dial(good, event.ConnectionID{}, false); err == nil {
		t.Error("no connection id: dialled")
		_ = l.Close()
	}
}
