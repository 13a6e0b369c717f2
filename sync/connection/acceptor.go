package connection

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"
)

// ErrImpostor: who answered is not who gave the code.
var ErrImpostor = errors.New("who answered is not who gave the code: do not go on, and ask them")

// Exchanger carries one pairing message to the inviter and the answer back.
type Exchanger interface {
	Exchange(ctx context.Context, msg []byte) ([]byte, error)
}

// Guest is the acceptor's side of one invitation.
type Guest struct {
	Invitation Invitation
	Document   Document  // ours
	Keys       Operating // ours
	// Approve looks at who the inviter is and what the terms are; an error ends
	// the pairing. nil approves.
	Approve func(inviter Document, terms Terms) error
	// Taken is what Take stored when the same code was tried before, or nil.
	Taken *Taken
	// Take stores durably what is confirmed, before it is: whoever learnt our nonce
	// from that must not get another offer confirmed with it.
	Take func(Taken) error
	Now  func() time.Time
	// Try bounds one exchange; a message that got no answer is sent again until
	// the context ends. 0 is 5 seconds.
	Try time.Duration
}

// Accept pairs with the inviter. The same call again, after an error or a
// crash, comes to the same agreement. Whether the code has expired is decided
// by the inviter's clock.
func Accept(ctx context.Context, g Guest, to Exchanger) (Agreement, error) {
	a, err := accept(ctx, g, to)
	if err != nil {
		return Agreement{}, fmt.Errorf("accept the invitation: %w", err)
	}
	return a, nil
}

func accept(ctx context.Context, g Guest, to Exchanger) (Agreement, error) {
	c, err := g.Invitation.channel()
	if err != nil {
		return Agreement{}, err
	}
	ask, err := g.ask(c)
	if err != nil {
		return Agreement{}, err
	}
	taken := g.Taken
	if taken == nil || !bytes.Equal(taken.Ask, ask) {
		offer, err := g.exchange(ctx, to, c, stepAsk, ask, stepOffer)
		if err != nil {
			return Agreement{}, err
		}
		taken = &Taken{Ask: ask, Offer: offer}
	}
	confirm, err := g.answer(c, ask, taken.Offer)
	if err != nil {
		return Agreement{}, err
	}
	if err := g.Take(*taken); err != nil {
		return Agreement{}, fmt.Errorf("store what is confirmed: %w", err)
	}
	a, err := agreement(Acceptor, g.Invitation, ask, taken.Offer, confirm, g.Now())
	if err != nil {
		return Agreement{}, fmt.Errorf("%w: %w", ErrImpostor, err)
	}
	if _, err := g.exchange(ctx, to, c, stepConfirm, confirm, stepDone); err != nil {
		return Agreement{}, err
	}
	return a, nil
}

// ask is the same each time that the code is tried.
func (g Guest) ask(c channel) ([]byte, error) {
	transport, err := g.Keys.Transport(c.pairing)
	if err != nil {
		return nil, err
	}
	nonce, err := g.Keys.nonce(c.pairing)
	if err != nil {
		return nil, err
	}
	text, err := write(askText{Document: g.Document.Raw, Key: octets(public(transport)), Commitment: commitment(nonce)})
	if err != nil {
		return nil, fmt.Errorf("spell the ask: %w", err)
	}
	return text, nil
}

// answer holds the offer to the code and signs it.
func (g Guest) answer(c channel, ask, offer []byte) ([]byte, error) {
	var said offerText
	if err := read(offer, &said); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	inviter, err := ParseDocument(said.Offer.Document)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrImpostor, err)
	}
	t, err := transcript(ask, said.Offer)
	switch {
	case err != nil:
		return nil, err
	case inviter.Hash() != g.Invitation.Document:
		return nil, ErrImpostor
	case said.Offer.Pairing != c.pairing || said.Offer.Connection.IsZero() || len(said.Offer.Nonce) != nonceSize:
		return nil, ErrMessage
	case !verify(inviter, Inviter, t, said.Signature):
		return nil, ErrImpostor
	}
	if err := said.Offer.Terms.Check(); err != nil {
		return nil, fmt.Errorf("what the inviter offers: %w", err)
	}
	if g.Approve != nil {
		if err := g.Approve(inviter, said.Offer.Terms); err != nil {
			return nil, err
		}
	}
	nonce, err := g.Keys.nonce(c.pairing)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(ask)
	return write(confirmText{Ask: sum[:], Nonce: nonce, Signature: sign(g.Keys.Sign(), Acceptor, t)})
}

// exchange sends one message until it is answered, and opens the answer.
func (g Guest) exchange(ctx context.Context, to Exchanger, c channel, s step, text []byte, want step) ([]byte, error) {
	answer, err := g.untilAnswered(ctx, to, c.seal(s, text))
	if err != nil {
		return nil, err
	}
	got, text, err := c.open(answer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrImpostor, err)
	}
	switch got {
	case want:
		return text, nil
	case stepRefuse:
		return nil, refusal(text)
	default:
		return nil, ErrMessage
	}
}

func (g Guest) untilAnswered(ctx context.Context, to Exchanger, msg []byte) ([]byte, error) {
	try := g.Try
	if try <= 0 {
		try = 5 * time.Second
	}
	for {
		one, cancel := context.WithTimeout(ctx, try)
		answer, err := to.Exchange(one, msg)
		lost := err != nil && one.Err() != nil && ctx.Err() == nil
		cancel()
		if err == nil {
			return answer, nil
		}
		if !lost {
			return nil, fmt.Errorf("reach the inviter: %w", err)
		}
	}
}

func refusal(text []byte) error {
	var said refuseText
	if err := read(text, &said); err != nil {
		return fmt.Errorf("%w: %w", ErrMessage, err)
	}
	switch said.Reason {
	case reasonExpired:
		return ErrExpired
	case reasonUsed:
		return ErrUsed
	default:
		return ErrMessage
	}
}
