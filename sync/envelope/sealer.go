package envelope

import (
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/golang-jwt/jwt/v5"

	"parley/sync/event"
)

// Config is what a Sealer needs to know of its connection.
type Config struct {
	// Us and Peer are the opaque node ids.
	Us, Peer   string
	Connection event.ConnectionID
	// Inviter tells which side this is. It keeps the directions apart, also
	// when a node is connected to itself.
	Inviter bool
	// Sign is our signing key of the day; Verify are the peer's, old ones too.
	Sign   ed25519.PrivateKey
	Verify []ed25519.PublicKey
	// Unseal are our sealing keys (X25519), old ones too; SealTo is the peer's.
	Unseal []hpke.PrivateKey
	SealTo hpke.PublicKey
}

// Sealer is the Codec of one connection. It may be used from several goroutines.
type Sealer struct {
	connection   event.ConnectionID
	ours, theirs head
	signKey      ed25519.PrivateKey
	signID       string
	parser       *jwt.Parser
	out          *sender
	in           *recipient

	mu         sync.RWMutex // guards verifyKeys
	verifyKeys map[string]ed25519.PublicKey
}

var _ Codec = (*Sealer)(nil)

// NewCodec makes the codec of one connection.
func NewCodec(c Config) (*Sealer, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("make the codec of connection %s: %w", c.Connection, err)
	}
	ourSide, theirSide := acceptor, inviter
	if c.Inviter {
		ourSide, theirSide = inviter, acceptor
	}
	s := &Sealer{
		connection: c.Connection,
		ours:       head{Issuer: c.Us, Audience: c.Peer, Connection: c.Connection, From: ourSide},
		theirs:     head{Issuer: c.Peer, Audience: c.Us, Connection: c.Connection, From: theirSide},
		signKey:    c.Sign,
		signID:     KeyID(c.Sign.Public().(ed25519.PublicKey)),
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithStrictDecoding(),
			jwt.WithAudience(c.Us), jwt.WithIssuer(c.Peer)),
		verifyKeys: map[string]ed25519.PublicKey{},
	}
	s.out = &sender{to: c.SealTo, id: SealingKeyID(c.SealTo), info: s.ours.info()}
	s.in = &recipient{keys: map[string]hpke.PrivateKey{}, info: s.theirs.info()}
	for _, key := range c.Unseal {
		s.in.keys[SealingKeyID(key.PublicKey())] = key
	}
	for _, key := range c.Verify {
		if err := s.Trust(key); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Trust adds a signing key of the peer.
func (s *Sealer) Trust(key ed25519.PublicKey) error {
	if len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("a signing key of %d bytes", len(key))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verifyKeys[KeyID(key)] = key
	return nil
}

func (c Config) check() error {
	x25519, err := hpke.NewKEM(kemX25519)
	if err != nil {
		return err
	}
	switch {
	case !plainID(c.Us) || !plainID(c.Peer):
		return errors.New("a node id is 1 to 64 letters, digits, - and _")
	case c.Connection.IsZero():
		return errors.New("no connection id")
	case len(c.Sign) != ed25519.PrivateKeySize:
		return errors.New("no signing key")
	case len(c.Verify) == 0:
		return errors.New("no signing key of the peer")
	case len(c.Unseal) == 0 || c.SealTo == nil:
		return errors.New("a sealing key is missing")
	case c.SealTo.KEM().ID() != x25519.ID():
		return errors.New("the peer's sealing key is not of X25519")
	}
	for _, key := range c.Unseal {
		if key.KEM().ID() != x25519.ID() {
			return errors.New("a sealing key is not of X25519")
		}
	}
	return nil
}

// kemX25519 is the number of DHKEM(X25519, HKDF-SHA256) in RFC 9180.
const kemX25519 = 0x0020

// info binds a session to protocol, connection and direction.
func (h head) info() []byte {
	return []byte("parley 1\n" + h.Connection.String() + "\n" + h.From + "\n" + h.Issuer + "\n" + h.Audience)
}

func plainID(id string) bool {
	for _, r := range []byte(id) {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return id != "" && len(id) <= 64
}

// envelopeClaims are those of a cut.
type envelopeClaims struct {
	head
	Stream  string    `json:"stream"`
	Epoch   uint64    `json:"epoch"`
	First   event.Seq `json:"first"`
	Last    event.Seq `json:"last"`
	Before  Run       `json:"before"`
	After   Run       `json:"after"`
	Digests digests   `json:"digests"`
	Key     string    `json:"key"` // the sealing key that the body is for
}

// Seal implements Codec.
func (s *Sealer) Seal(c Cut) ([]byte, string, error) {
	if c.Connection != s.connection {
		return nil, "", fmt.Errorf("seal a cut of connection %s: not this one", c.Connection)
	}
	if err := checkCut(c); err != nil {
		return nil, "", fmt.Errorf("seal a cut: %w", err)
	}
	ds, after, size := sum(c)
	token, err := s.sign(kindEnvelope, &envelopeClaims{
		Stream: string(c.Stream), Epoch: c.Epoch, First: c.First, Last: c.Last(),
		Before: c.Before, After: after, Digests: ds, Key: s.out.id,
	})
	if err != nil {
		return nil, "", fmt.Errorf("seal a cut: %w", err)
	}
	wire, err := s.out.seal(kindEnvelope, token, size, func(out []byte) []byte {
		for _, e := range c.Entries {
			out = appendEntry(out, e)
		}
		return out
	})
	if err != nil {
		return nil, "", fmt.Errorf("seal a cut: %w", err)
	}
	return wire, token, nil
}

// Open implements Codec.
func (s *Sealer) Open(wire []byte) (Cut, string, error) {
	about, sealed, err := unframe(kindEnvelope, wire)
	if err != nil {
		return Cut{}, "", err
	}
	token := string(about)
	var said envelopeClaims
	if err := s.verify(kindEnvelope, token, &said); err != nil {
		return Cut{}, "", err
	}
	plain, err := s.in.open(said.Key, sealed, about)
	if err != nil {
		return Cut{}, "", err
	}
	entries, err := readEntries(plain, len(said.Digests))
	if err != nil {
		return Cut{}, "", err
	}
	c := Cut{
		Connection: said.Connection, Epoch: said.Epoch, Stream: said.stream(),
		First: said.First, Before: said.Before, Entries: entries,
	}
	if err := said.compare(c); err != nil {
		return Cut{}, "", err
	}
	return c, token, nil
}

// compare holds the cut to the signed claims: the peer's signature covers the
// digests, so what differs was not signed.
func (said envelopeClaims) compare(c Cut) error {
	if err := checkCut(c); err != nil {
		return refuse("%w", err)
	}
	after := c.Before
	for i, e := range c.Entries {
		d := e.Digest()
		if d != said.Digests[i] {
			return refuse("event %d is not the one that was signed", c.First+event.Seq(i))
		}
		after = after.Next(d)
	}
	if c.Last() != said.Last {
		return refuse("the last number is %d, the token says %d", c.Last(), said.Last)
	}
	if after != said.After {
		return refuse("the run does not fit")
	}
	return nil
}

func (said envelopeClaims) stream() Stream {
	if len(said.Stream) != 1 {
		return 0
	}
	return Stream(said.Stream[0])
}

func checkCut(c Cut) error {
	if c.Stream != Data && c.Stream != Control {
		return errors.New("an unknown stream")
	}
	if len(c.Entries) == 0 || len(c.Entries) > MaxEvents {
		return fmt.Errorf("%d events, 1 to %d fit", len(c.Entries), MaxEvents)
	}
	if c.First == 0 || c.First > math.MaxUint64-MaxEvents {
		return fmt.Errorf("events from number %d", c.First)
	}
	size := 0
	for _, e := range c.Entries {
		size += len(e.Bytes)
	}
	if size > MaxBytes {
		return fmt.Errorf("%d bytes of events, at most %d", size, MaxBytes)
	}
	return nil
}

// sum hashes each entry once, for digests and run together; size is that of
// the plain body.
func sum(c Cut) (ds digests, after Run, size int) {
	ds, after = make(digests, len(c.Entries)), c.Before
	for i, e := range c.Entries {
		ds[i] = e.Digest()
		after = after.Next(ds[i])
		size += 4 + len(e.Salt) + len(e.Bytes)
	}
	return ds, after, size
}

// blobClaims are those of a request for a piece of a file, or of the piece.
type blobClaims struct {
	head
	About Digest `json:"about"`
	Body  Digest `json:"body"`
	Key   string `json:"key"`
}

// MaxBlob is the largest body that SealBlob takes, in bytes.
const MaxBlob = 768 << 10

func (c *blobClaims) is(about string, body []byte) {
	c.About, c.Body = sha256.Sum256([]byte(about)), sha256.Sum256(body)
}

// SealBlob implements Codec.
func (s *Sealer) SealBlob(about string, body []byte) ([]byte, error) {
	if len(body) > MaxBlob {
		return nil, fmt.Errorf("seal a piece of %d bytes: at most %d", len(body), MaxBlob)
	}
	said := blobClaims{Key: s.out.id}
	said.is(about, body)
	token, err := s.sign(kindBlob, &said)
	if err != nil {
		return nil, fmt.Errorf("seal a piece: %w", err)
	}
	wire, err := s.out.seal(kindBlob, token, len(body), func(out []byte) []byte { return append(out, body...) })
	if err != nil {
		return nil, fmt.Errorf("seal a piece: %w", err)
	}
	return wire, nil
}

// OpenBlob implements Codec.
func (s *Sealer) OpenBlob(about string, wire []byte) ([]byte, error) {
	token, sealed, err := unframe(kindBlob, wire)
	if err != nil {
		return nil, err
	}
	var said, want blobClaims
	if err := s.verify(kindBlob, string(token), &said); err != nil {
		return nil, err
	}
	body, err := s.in.open(said.Key, sealed, token)
	if err != nil {
		return nil, err
	}
	want.is(about, body)
	if said.About != want.About || said.Body != want.Body || len(body) > MaxBlob {
		return nil, refuse("a piece of something else")
	}
	return body, nil
}
