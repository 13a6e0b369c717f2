package natsbus

import (
	"context"
	"crypto/ed25519"
	crand "crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/rs/zerolog"

	"parley/sync/event"
	"parley/sync/transport"
)

// Waits between attempts to reach a server.
const (
	firstWait   = 100 * time.Millisecond
	longestWait = 15 * time.Second
	dialTime    = 5 * time.Second
	peerPing    = 20 * time.Second // after three of them without an answer the way is lost
)

// Errors of a first contact; Dial itself goes on trying instead.
var (
	// ErrSignIn: the server does not know the key or the credentials.
	ErrSignIn = errors.New("the server does not let us in")
)

// Options say how to reach a NATS server.
type Options struct {
	// URL is tls://host:port or wss://host:port; nats://host:port means TLS too
	// unless Plain is set.
	URL string
	// Pin is the TLS key that the server must have: a peer's embedded server.
	// Without one, its certificate is checked against the authorities in CAFile,
	// or the system's.
	Pin    Pin
	CAFile string
	// Plain allows no TLS at all. Bodies are sealed all the same.
	Plain bool
	// Key signs us in as its NKey: at a peer's embedded server. Seed is the text
	// of an NKey's seed ("SU…"), CredentialsFile a file: what a NATS operator
	// gave. One of the three is needed.
	Key             ed25519.PrivateKey
	Seed            []byte
	CredentialsFile string
	// Prefix starts the subjects; "" is "parley". Both sides agree on it.
	Prefix string
	Log    zerolog.Logger
}

// Dial makes our end of a connection by dialling out. It returns at once: as
// long as the server cannot be reached, or does not let us in, requests fail
// with ErrUnreachable and the log says why.
func Dial(o Options, con event.ConnectionID, inviter bool) (*Link, error) {
	r, err := connectionRoute(o.Prefix, con, inviter)
	if err != nil {
		return nil, fmt.Errorf("dial for connection %s: %w", con, err)
	}
	log := o.Log.With().Stringer("connection", con).Logger()
	nc, err := o.connect(r, log, nats.RetryOnFailedConnect(true))
	if err != nil {
		return nil, fmt.Errorf("dial for connection %s: %w", con, err)
	}
	return newLink(nc, r, transport.Kinds()...), nil
}

// connect makes a NATS connection that uses the subjects of r.
func (o Options) connect(r route, log zerolog.Logger, more ...nats.Option) (*nats.Conn, error) {
	options, err := o.access()
	if err != nil {
		return nil, err
	}
	options = append(options, lasting(r, log)...)
	nc, err := nats.Connect(o.URL, append(options, more...)...)
	switch {
	case err == nil:
		return nc, nil
	case errors.Is(err, ErrPin):
		return nil, ErrPin
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired):
		return nil, ErrSignIn
	default:
		return nil, fmt.Errorf("%w: %w", transport.ErrUnreachable, err)
	}
}

// access turns o into how to reach the server and sign in there.
func (o Options) access() ([]nats.Option, error) {
	secure, err := o.tls()
	if err != nil {
		return nil, err
	}
	var options []nats.Option
	if secure != nil {
		options = append(options, nats.Secure(secure))
	}
	// A secure WebSocket has its handshake first by itself.
	if !o.Pin.IsZero() && !strings.HasPrefix(o.URL, "wss:") {
		options = append(options, nats.TLSHandshakeFirst())
	}
	sign, err := o.signIn()
	if err != nil {
		return nil, err
	}
	return append(options, sign), nil
}

func (o Options) signIn() (nats.Option, error) {
	given := 0
	for _, there := range []bool{len(o.Key) != 0, len(o.Seed) != 0, o.CredentialsFile != ""} {
		if there {
			given++
		}
	}
	switch {
	case given != 1:
		return nil, errors.New("one key, NKey seed or credentials file is needed")
	case o.CredentialsFile != "":
		return nats.UserCredentials(o.CredentialsFile), nil
	case len(o.Seed) != 0:
		key, err := nkeys.FromSeed(o.Seed)
		if err != nil {
			return nil, errors.New("the NKey seed is not one")
		}
		return signIn(key)
	case len(o.Key) != ed25519.PrivateKeySize:
		return nil, errors.New("the key is not one of Ed25519")
	}
	key, err := nkeys.FromRawSeed(nkeys.PrefixByteUser, o.Key.Seed())
	if err != nil {
		return nil, errors.New("the key is not one of Ed25519")
	}
	return signIn(key)
}

func (o Options) tls() (*tls.Config, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" {
		return nil, errors.New("the address is not tls://host:port, wss://host:port or nats://host:port")
	}
	if u.User != nil {
		return nil, errors.New("the address holds a name or password: use a seed or a credentials file")
	}
	switch u.Scheme {
	case "tls", "wss":
	case "nats", "ws":
		if o.Plain && o.Pin.IsZero() {
			return nil, nil
		}
		if u.Scheme == "ws" {
			return nil, errors.New("ws:// has no TLS: use wss://")
		}
	default:
		return nil, fmt.Errorf("%q is not a scheme of NATS: use tls, wss or nats", u.Scheme)
	}
	if !o.Pin.IsZero() {
		return pinnedTLS(o.Pin), nil
	}
	return authorityTLS(o.CAFile)
}

// signIn answers the server's challenge with key.
func signIn(key nkeys.KeyPair) (nats.Option, error) {
	public, err := key.PublicKey()
	if err != nil || !nkeys.IsValidPublicUserKey(public) {
		return nil, errors.New("the NKey is not a user's")
	}
	return nats.Nkey(public, key.Sign), nil
}

// lasting are the options of every connection: never give up, never buffer,
// never follow the server elsewhere, never fall silent.
func lasting(r route, log zerolog.Logger) []nats.Option {
	return []nats.Option{
		nats.Name("parley"),
		nats.CustomInboxPrefix(r.inbox()),
		nats.MaxReconnects(-1),
		nats.ReconnectBufSize(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.IgnoreDiscoveredServers(),
		nats.CustomReconnectDelay(waits()),
		nats.Timeout(dialTime),
		nats.PingInterval(peerPing),
		nats.MaxPingsOutstanding(2),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.Warn().Err(err).Msg("nats reported an error")
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { log.Info().Err(err).Msg("way to the peer lost") }),
		nats.ConnectHandler(func(*nats.Conn) { log.Info().Msg("way to the peer found") }),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info().Msg("way to the peer found") }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { log.Debug().Err(err).Msg("no way to the peer yet") }),
	}
}

// waits are the times between attempts. Half of each is by chance, so that many
// nodes do not come back at one moment.
func waits() nats.ReconnectDelayHandler {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // it never fails
	random := rand.New(rand.NewChaCha8(seed))
	return func(attempts int) time.Duration {
		d := longestWait
		if attempts < 8 {
			d = min(longestWait, firstWait<<max(attempts, 0))
		}
		return d/2 + time.Duration(random.Int64N(int64(d/2)))
	}
}

// PairingHandler answers one message of an acceptor. An error sends no reply.
type PairingHandler func(ctx context.Context, msg []byte) ([]byte, error)

// ListenPairing is the inviter's end of a pairing at an existing NATS, where
// both sides have credentials of their own. Close the link to end it.
func ListenPairing(o Options, id string, h PairingHandler) (*Link, error) {
	r, err := pairingRoute(o.Prefix, id, true)
	if err != nil {
		return nil, fmt.Errorf("listen for a pairing: %w", err)
	}
	nc, err := o.connect(r, o.Log, nats.RetryOnFailedConnect(true))
	if err != nil {
		return nil, fmt.Errorf("listen for a pairing: %w", err)
	}
	return pairingLink(nc, r, h)
}

func pairingLink(nc *nats.Conn, r route, h PairingHandler) (*Link, error) {
	l := newLink(nc, r, kindPair)
	if err := l.Handle(func(ctx context.Context, _ transport.Kind, msg []byte) ([]byte, error) {
		return h(ctx, msg)
	}); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}
