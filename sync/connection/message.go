package connection

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"

	"parley/sync/event"
)

// pairingVersion is the first byte of every pairing message.
const pairingVersion = 2

// step is the second byte of a pairing message.
type step byte

// The steps of a pairing.
const (
	stepAsk     step = 'a'
	stepOffer   step = 'o'
	stepConfirm step = 'c'
	stepDone    step = 'd'
	stepRefuse  step = 'r'
)

// ErrMessage: a pairing message that the holder of the code did not make.
var ErrMessage = errors.New("not a message of this pairing")

type askText struct {
	Document string `json:"document"`
	// Key is what the acceptor will sign in with for this connection.
	Key octets `json:"key"`
	// Commitment is to the acceptor's nonce.
	Commitment octets `json:"commitment"`
}

type offerText struct {
	Offer     offerBody `json:"offer"`
	Signature octets    `json:"signature"`
}

type offerBody struct {
	Document   string             `json:"document"`
	Pairing    string             `json:"pairing"`
	Connection event.ConnectionID `json:"connection"`
	Terms      Terms              `json:"terms"`
	Nonce      octets             `json:"nonce"`
}

type confirmText struct {
	Ask       octets `json:"ask"`   // hash of the ask that this confirms
	Nonce     octets `json:"nonce"` // what the ask committed to
	Signature octets `json:"signature"`
}

type refuseText struct {
	Reason string `json:"reason"` // "expired" or "used"
}

// Reasons of a refusal.
const (
	reasonExpired = "expired"
	reasonUsed    = "used"
)

// transcript is what both sign: all that was said before.
func transcript(ask []byte, offer offerBody) ([]byte, error) {
	raw, err := write(offer)
	if err != nil {
		return nil, fmt.Errorf("spell the offer: %w", err)
	}
	a, o := sha256.Sum256(ask), sha256.Sum256(raw)
	return append(a[:], o[:]...), nil
}

func signed(side Side, transcript []byte) []byte {
	return append([]byte("parley agreement 1 "+string(side)+"\n"), transcript...)
}

func sign(key ed25519.PrivateKey, side Side, transcript []byte) octets {
	return ed25519.Sign(key, signed(side, transcript))
}

func verify(d Document, side Side, transcript []byte, sig octets) bool {
	return ed25519.Verify(d.Sign, signed(side, transcript), sig)
}

// channel seals pairing messages with the invitation's secret: who can write
// one has the code.
type channel struct {
	aead    cipher.AEAD
	pairing string
}

func (i Invitation) channel() (channel, error) {
	pairing, err := i.Pairing()
	if err != nil {
		return channel{}, err
	}
	key, err := derive(i.secret[:], "pairing messages", 32)
	if err != nil {
		return channel{}, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return channel{}, fmt.Errorf("make the cipher of the pairing: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return channel{}, fmt.Errorf("make the cipher of the pairing: %w", err)
	}
	return channel{aead, pairing}, nil
}

func (c channel) about(s step) []byte {
	return append([]byte("parley pairing 2\n"+c.pairing+"\n"), byte(s))
}

// seal makes version ‖ step ‖ nonce ‖ ciphertext.
func (c channel) seal(s step, text []byte) []byte {
	return c.aead.Seal([]byte{pairingVersion, byte(s)}, nil, text, c.about(s))
}

func (c channel) open(msg []byte) (step, []byte, error) {
	if len(msg) < 2 || len(msg) > maxText+64 {
		return 0, nil, ErrMessage
	}
	if msg[0] != pairingVersion {
		return 0, nil, fmt.Errorf("%w: version %d", ErrMessage, msg[0])
	}
	text, err := c.aead.Open(nil, nil, msg[2:], c.about(step(msg[1])))
	if err != nil {
		return 0, nil, ErrMessage
	}
	return step(msg[1]), text, nil
}
