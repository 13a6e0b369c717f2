// Package transport moves bytes between two nodes. It is trusted for nothing:
// a message may be lost, repeated, delayed, reordered or changed on the way,
// and everything above it holds all the same.
//
// A Link belongs to one connection. Both ends may send requests at any time;
// a reply belongs to its request or does not come. natsbus is the real one (the
// only package that imports NATS), memory is the faulty network of the tests;
// transporttest holds both to this.
package transport

import (
	"context"
	"errors"
)

// Kind says what a message is, so that its handler need not guess. Each has a
// subject of its own.
type Kind string

// The kinds of message.
const (
	KindHello    Kind = "hello"    // first on every contact; the reply is a hello
	KindEnvelope Kind = "envelope" // a cut of a stream; the reply is a receipt
	KindBlob     Kind = "blob"     // asks for a piece of a file; the reply is the piece
	KindAgree    Kind = "agree"    // asks what the peer holds; the reply says it
	KindShape    Kind = "shape"    // tells which fields are sent; the reply says what is on record
)

// Kinds lists every kind of message of a connection.
func Kinds() []Kind { return []Kind{KindHello, KindEnvelope, KindBlob, KindAgree, KindShape} }

// MaxMessage is the largest request or reply in bytes.
const MaxMessage = 1 << 20

// Errors of a Link.
var (
	// ErrNoPeer: nobody listens at the other end at present.
	ErrNoPeer = errors.New("peer not there")
	// ErrUnreachable: this side has no way to the other at present.
	ErrUnreachable = errors.New("no way to the peer")
	// ErrClosed: the link was closed at this side.
	ErrClosed = errors.New("link closed")
	// ErrTooLarge: over MaxMessage.
	ErrTooLarge = errors.New("message too large")
)

// Handler answers one message. An error sends no reply: the other side times
// out and asks again.
type Handler func(ctx context.Context, kind Kind, body []byte) ([]byte, error)

// Link is one end of one connection.
type Link interface {
	// Request sends body and waits for the reply until ctx ends. Nothing is
	// buffered: a request that cannot leave at once fails at once.
	Request(ctx context.Context, kind Kind, body []byte) ([]byte, error)
	// Handle sets the one handler for messages that arrive; it may be called
	// from several goroutines. nil stops taking messages. It returns when
	// messages that arrive from now on get to the handler.
	Handle(h Handler) error
	// Close ends the link; it waits for handlers. It may be called twice.
	Close() error
}
