package connection

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"parley/sync/event"
)

// Taken says who an invitation is used by. The inviter stores it before the offer
// leaves, the acceptor before its confirmation does.
type Taken struct {
	Ask   octets `json:"ask"`   // the acceptor's ask, as it came
	Offer octets `json:"offer"` // the inviter's answer, the same every time
}

// Host is the inviter's side of one invitation.
type Host struct {
	Invitation Invitation
	Document   Document  // ours
	Keys       Operating // ours
	Terms      Terms
	// Taken is what Take stored before a restart, or nil.
	Taken *Taken
	// Take stores durably who uses the invitation, before they are answered.
	// ErrUsed from it, or from Agree, refuses the acceptor.
	Take func(Taken) error
	// Agree stores the agreement, durably; it may be called again with the same.
	Agree  func(Agreement) error
	Now    func() time.Time
	Random io.Reader
}

// Receiver answers the messages of an acceptor, one at a time.
type Receiver struct {
	host    Host
	channel channel

	mu    sync.Mutex // guards taken
	taken *Taken
}

// NewReceiver makes the Receiver of one invitation.
func NewReceiver(h Host) (*Receiver, error) {
	if h.Document.Hash() != h.Invitation.Document {
		return nil, errors.New("receive the acceptor: the invitation is for another document")
	}
	if !public(h.Keys.Sign()).Equal(h.Document.Sign) {
		return nil, errors.New("receive the acceptor: the document is for other keys")
	}
	if err := h.Terms.Check(); err != nil {
		return nil, fmt.Errorf("receive the acceptor: %w", err)
	}
	c, err := h.Invitation.channel()
	if err != nil {
		return nil, fmt.Errorf("receive the acceptor: %w", err)
	}
	return &Receiver{host: h, channel: c, taken: h.Taken}, nil
}

// Answer answers one message. An error means that no answer leaves: the
// message was nobody's with the code, or something could not be stored.
func (r *Receiver) Answer(_ context.Context, msg []byte) ([]byte, error) {
	s, text, err := r.channel.open(msg)
	if err != nil {
		return nil, fmt.Errorf("answer the acceptor: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch s {
	case stepAsk:
		msg, err = r.ask(text)
	case stepConfirm:
		msg, err = r.confirm(text)
	default:
		err = ErrMessage
	}
	if errors.Is(err, ErrUsed) {
		msg, err = r.refuse(reasonUsed)
	}
	if err != nil {
		return nil, fmt.Errorf("answer the acceptor: %w", err)
	}
	return msg, nil
}

func (r *Receiver) refuse(reason string) ([]byte, error) {
	text, err := write(refuseText{reason})
	if err != nil {
		return nil, err
	}
	return r.channel.seal(stepRefuse, text), nil
}

func (r *Receiver) ask(text []byte) ([]byte, error) {
	if r.taken != nil {
		if !bytes.Equal(r.taken.Ask, text) {
			return r.refuse(reasonUsed)
		}
		return r.channel.seal(stepOffer, r.taken.Offer), nil
	}
	if !r.host.Now().Before(r.host.Invitation.Expires) {
		return r.refuse(reasonExpired)
	}
	if _, _, err := readAsk(text); err != nil {
		return nil, err
	}
	offer, err := r.offer(text)
	if err != nil {
		return nil, err
	}
	taken := Taken{Ask: text, Offer: offer}
	// Stored before it is answered: a crash between the two must not leave the
	// code open for a second acceptor.
	if err := r.host.Take(taken); err != nil {
		return nil, fmt.Errorf("store who uses the invitation: %w", err)
	}
	r.taken = &taken
	return r.channel.seal(stepOffer, offer), nil
}

func (r *Receiver) offer(ask []byte) ([]byte, error) {
	id, err := event.NewID(r.host.Random)
	if err != nil {
		return nil, err
	}
	body := offerBody{
		Document: r.host.Document.Raw, Pairing: r.channel.pairing,
		Connection: event.ConnectionID(id), Terms: r.host.Terms, Nonce: make([]byte, nonceSize),
	}
	if _, err := io.ReadFull(r.host.Random, body.Nonce); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	t, err := transcript(ask, body)
	if err != nil {
		return nil, err
	}
	return write(offerText{Offer: body, Signature: sign(r.host.Keys.Sign(), Inviter, t)})
}

func (r *Receiver) confirm(text []byte) ([]byte, error) {
	var said confirmText
	if err := read(text, &said); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if r.taken == nil {
		return nil, fmt.Errorf("%w: confirmed before it was offered", ErrMessage)
	}
	if sum := sha256.Sum256(r.taken.Ask); !bytes.Equal(said.Ask, sum[:]) {
		return r.refuse(reasonUsed)
	}
	a, err := agreement(Inviter, r.host.Invitation, r.taken.Ask, r.taken.Offer, text, r.host.Now())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if err := r.host.Agree(a); err != nil {
		return nil, fmt.Errorf("store the agreement: %w", err)
	}
	return r.channel.seal(stepDone, nil), nil
}

func readAsk(text []byte) (askText, Document, error) {
	var said askText
	if err := read(text, &said); err != nil {
		return askText{}, Document{}, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	d, err := ParseDocument(said.Document)
	if err != nil {
		return askText{}, Document{}, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if len(said.Key) != ed25519.PublicKeySize {
		return askText{}, Document{}, fmt.Errorf("%w: a transport key of %d bytes", ErrMessage, len(said.Key))
	}
	if len(said.Commitment) != sha256.Size {
		return askText{}, Document{}, fmt.Errorf("%w: a commitment of %d bytes", ErrMessage, len(said.Commitment))
	}
	return said, d, nil
}

// agreement puts together what was said; it is verified.
func agreement(side Side, i Invitation, ask, offer, confirm []byte, now time.Time) (Agreement, error) {
	var asked askText
	var offered offerText
	if err := errors.Join(read(ask, &asked), read(offer, &offered)); err != nil {
		return Agreement{}, err
	}
	a := Agreement{
		Connection: offered.Offer.Connection, Pairing: offered.Offer.Pairing, Side: side, Terms: offered.Offer.Terms,
		Route: i.Route, Key: asked.Key, Inviter: offered.Offer.Document, Acceptor: asked.Document,
		Ask: ask, Offer: offer, Confirm: confirm, Created: now.UTC(),
	}
	return a, a.Verify()
}
