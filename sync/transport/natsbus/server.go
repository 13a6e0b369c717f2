package natsbus

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/rs/zerolog"

	"parley/sync/event"
	"parley/sync/transport"
)

// startTime bounds how long the server may take to listen.
const startTime = 10 * time.Second

// ServerConfig says how to listen.
type ServerConfig struct {
	// Listen is host:port for NATS over TLS; port 0 lets the system choose.
	Listen string
	// WebSocket is host:port for NATS over secure WebSocket, for peers whose
	// proxy lets nothing else out; "" is none.
	WebSocket string
	// Key is the TLS key whose pin the peers hold.
	Key ed25519.PrivateKey
	// Prefix starts the subjects; "" is "parley".
	Prefix string
	Log    zerolog.Logger
}

// Server is an embedded NATS server. Its methods may be called from several
// goroutines.
type Server struct {
	config  ServerConfig
	pin     Pin
	nats    *server.Server
	address string
	nobody  string // an NKey whose private half was thrown away

	// mu makes this the one owner of the server's options: every change builds
	// all of them again. Clients sign in under its reading half.
	mu       sync.RWMutex
	closed   bool
	accounts map[string]account
	pairings map[string]*Link

	changes changes
}

// NewServer starts a server that knows no peer.
func NewServer(c ServerConfig) (*Server, error) {
	if len(c.Key) != ed25519.PrivateKeySize {
		return nil, errors.New("start the NATS server: no TLS key")
	}
	pin, err := PinOf(c.Key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, fmt.Errorf("start the NATS server: %w", err)
	}
	s := &Server{config: c, pin: pin, accounts: map[string]account{}, pairings: map[string]*Link{}, changes: newChanges()}
	if s.nobody, err = nobody(); err != nil {
		return nil, fmt.Errorf("start the NATS server: %w", err)
	}
	options, err := s.options(s.accounts)
	if err != nil {
		return nil, fmt.Errorf("start the NATS server: %w", err)
	}
	if s.nats, err = server.NewServer(options); err != nil {
		return nil, fmt.Errorf("start the NATS server: %w", err)
	}
	if err := s.start(); err != nil {
		return nil, fmt.Errorf("start the NATS server on %s: %w", c.Listen, err)
	}
	return s, nil
}

func nobody() (string, error) {
	key, err := nkeys.CreateUser()
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	defer key.Wipe()
	return key.PublicKey()
}

func (s *Server) start() error {
	log := newServerLog(s.config.Log)
	s.nats.SetLoggerV2(log, false, false, false)
	s.nats.Start()
	for deadline := time.Now().Add(startTime); ; {
		if s.nats.ReadyForConnections(100 * time.Millisecond) {
			s.address = s.nats.Addr().String()
			return nil
		}
		if err := log.fatal(); err != nil || time.Now().After(deadline) {
			s.nats.Shutdown()
			return errors.Join(err, errors.New("it does not listen"))
		}
	}
}

// Address is host:port as listened on.
func (s *Server) Address() string { return s.address }

// WebSocketAddress is host:port of the WebSocket listener, or "".
func (s *Server) WebSocketAddress() string {
	if s.config.WebSocket == "" {
		return ""
	}
	return s.nats.WebsocketURL()[len("wss://"):]
}

// Pin is the pin of the server's TLS key.
func (s *Server) Pin() Pin { return s.pin }

// Guest is the peer of a connection at our server.
type Guest struct {
	Connection event.ConnectionID
	// Inviter tells whether we are.
	Inviter bool
	// Key is the public half of the peer's.
	Key ed25519.PublicKey
}

// Add lets the peer of a connection in, by the public half of its key; we are the inviter
// or not. To add a connection again changes the peer's key.
func (s *Server) Add(con event.ConnectionID, inviter bool, peer ed25519.PublicKey) error {
	return s.AddAll([]Guest{{con, inviter, peer}})
}

// AddAll is Add for many at once: every change makes the server read all of its
// accounts again. It lets all of them in, or nobody.
func (s *Server) AddAll(guests []Guest) error {
	err := s.change(func(next map[string]account) error {
		for _, g := range guests {
			r, err := connectionRoute(s.config.Prefix, g.Connection, g.Inviter)
			if err == nil {
				err = admit(next, g.Connection.String(), r, g.Key)
			}
			if err != nil {
				return fmt.Errorf("connection %s: %w", g.Connection, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("let the peers of %d connections in: %w", len(guests), err)
	}
	return nil
}

// Remove shuts the peer of a connection out; its clients are cut off.
func (s *Server) Remove(con event.ConnectionID) error {
	if err := s.remove(con.String()); err != nil {
		return fmt.Errorf("shut the peer of connection %s out: %w", con, err)
	}
	return nil
}

// Link is our end of a connection that was added.
func (s *Server) Link(con event.ConnectionID) (*Link, error) {
	nc, r, err := s.local(con.String())
	if err != nil {
		return nil, fmt.Errorf("link of connection %s: %w", con, err)
	}
	return newLink(nc, r, transport.Kinds()...), nil
}

// OpenPairing lets in whoever has the key of an invitation, for pairing
// messages only; h answers them. ClosePairing ends it.
func (s *Server) OpenPairing(id string, peer ed25519.PublicKey, h PairingHandler) error {
	r, err := pairingRoute(s.config.Prefix, id, true)
	if err != nil {
		return fmt.Errorf("open the pairing: %w", err)
	}
	name := pairingName(id)
	if err := s.add(name, r, peer); err != nil {
		return fmt.Errorf("open the pairing: %w", err)
	}
	nc, r, err := s.local(name)
	if err != nil {
		return errors.Join(fmt.Errorf("open the pairing: %w", err), s.remove(name))
	}
	l, err := pairingLink(nc, r, h)
	if err != nil {
		return errors.Join(fmt.Errorf("open the pairing: %w", err), s.remove(name))
	}
	return s.keepPairing(id, l)
}

func (s *Server) keepPairing(id string, l *Link) error {
	s.mu.Lock()
	old := s.pairings[id]
	s.pairings[id] = l
	s.mu.Unlock()
	if old != nil {
		return old.Close()
	}
	return nil
}

// ClosePairing waits for a message that is being answered, then shuts the
// acceptor out. It must not be called by the handler.
func (s *Server) ClosePairing(id string) error {
	s.mu.Lock()
	l := s.pairings[id]
	delete(s.pairings, id)
	s.mu.Unlock()
	var err error
	if l != nil {
		err = l.Close()
	}
	return errors.Join(err, s.remove(pairingName(id)))
}

func pairingName(id string) string { return "pair-" + id }

func (s *Server) add(name string, r route, key ed25519.PublicKey) error {
	return s.change(func(next map[string]account) error { return admit(next, name, r, key) })
}

// admit puts an account among others, or gives it another key.
func admit(accounts map[string]account, name string, r route, key ed25519.PublicKey) error {
	if len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("the peer's key has %d bytes", len(key))
	}
	peer, err := nkeys.Encode(nkeys.PrefixByteUser, key)
	if err != nil {
		return fmt.Errorf("spell the peer's key: %w", err)
	}
	a := accounts[name]
	if a.local == nil {
		local, err := nkeys.CreateUser()
		if err != nil {
			return fmt.Errorf("make the key of our own end: %w", err)
		}
		a.local = local
	}
	a.name, a.route, a.peer = name, r, string(peer)
	accounts[name] = a
	return nil
}

func (s *Server) remove(name string) error {
	return s.change(func(next map[string]account) error {
		delete(next, name)
		return nil
	})
}

// reload makes next the accounts, or leaves all as it was; s.mu is held.
func (s *Server) reload(next map[string]account) error {
	if s.closed {
		return transport.ErrClosed
	}
	if maps.Equal(next, s.accounts) {
		return nil
	}
	peers := make(map[string]bool, len(next))
	for _, a := range next {
		if peers[a.peer] {
			// One key is one user to NATS: it would be let into one of the two.
			return errors.New("the peer's key belongs to another connection already")
		}
		peers[a.peer] = true
	}
	options, err := s.options(next)
	if err != nil {
		return err
	}
	if err := s.nats.ReloadOptions(options); err != nil {
		return fmt.Errorf("reload the NATS server: %w", err)
	}
	s.accounts = next
	return nil
}

// local dials the server in process as our own end of an account. It holds
// s.mu: a reload throws out clients that are just signing in. It may be called
// side by side, and takes 50 ms.
func (s *Server) local(name string) (*nats.Conn, route, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	a, ok := s.accounts[name]
	if !ok {
		return nil, route{}, errors.New("not added")
	}
	sign, err := signIn(a.local)
	if err != nil {
		return nil, route{}, err
	}
	nc, err := nats.Connect("", append(lasting(a.route, s.config.Log), sign, nats.InProcessServer(s.nats), nats.PingInterval(localPing))...)
	if err != nil {
		return nil, route{}, fmt.Errorf("sign in at our own server: %w", err)
	}
	return nc, a.route, nil
}

// Close cuts everybody off and waits until the server has stopped. Links made
// by Link are their holders' to close. It may be called twice.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	pairings := s.pairings
	s.pairings = map[string]*Link{}
	s.mu.Unlock()
	var err error
	for _, l := range pairings {
		err = errors.Join(err, l.Close())
	}
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
	return err
}

func splitAddress(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not host:port: %w", address, err)
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("%q has no port from 0 to 65535", address)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}
