package envelope

import (
	"crypto/sha256"

	"parley/sync/event"
)

// Stream is one of the two streams of a direction.
type Stream byte

// The streams.
const (
	Data    Stream = 'd' // changes: numbered, windowed, each answered by an outcome
	Control Stream = 'c' // outcomes, items, asks: settle on receipt
)

// Digest is SHA-256 over an event's salt and bytes.
type Digest [sha256.Size]byte

// Run is the chain over a stream's digests: run[n] = H(run[n-1] ‖ digest[n]);
// run[0] is zero.
type Run [sha256.Size]byte

// Salt keeps digests from being guessed.
type Salt [16]byte

// Entry is one event as it is stored and sent.
type Entry struct {
	Salt  Salt
	Bytes []byte
}

// Digest of the entry.
func (e Entry) Digest() Digest {
	h := sha256.New()
	h.Write(e.Salt[:])
	h.Write(e.Bytes)
	var d Digest
	h.Sum(d[:0])
	return d
}

// Next is the run after an event with digest d.
func (r Run) Next(d Digest) Run {
	var both [len(r) + len(d)]byte
	copy(both[copy(both[:], r[:]):], d[:])
	return sha256.Sum256(both[:])
}

// Cut is a stretch of one stream: what an envelope carries. Any stretch is
// valid, so a resend may be cut differently.
type Cut struct {
	Connection event.ConnectionID
	Epoch      uint64
	Stream     Stream
	First      event.Seq
	Before     Run // the run before First
	Entries    []Entry
}

// Last is the number of the last event in the cut.
func (c Cut) Last() event.Seq { return c.First + event.Seq(len(c.Entries)) - 1 }

// After is the run after the last event.
func (c Cut) After() Run {
	run := c.Before
	for _, e := range c.Entries {
		run = run.Next(e.Digest())
	}
	return run
}

// Receipt says "on my disk through this number". It answers every envelope,
// taken or not: a receipt that is behind tells the sender where to go back to.
type Receipt struct {
	Connection event.ConnectionID
	Epoch      uint64
	Stream     Stream
	Through    event.Seq
	Run        Run
	Window     int  // envelopes that may be under way
	Stop       bool // the same number came with another digest: both sides stop
	// Busy says why nothing is taken at present, when the window is 0: quota,
	// unsettled or full. Wait is when to ask again, in seconds.
	Busy event.Code `json:",omitempty"`
	Wait int        `json:",omitempty"`
}

// Place is where one stream of one direction stands.
type Place struct {
	Epoch   uint64    `json:"epoch"`
	Through event.Seq `json:"through"` // appended (own streams) or received (the peer's)
	Run     Run       `json:"run"`
}

// Hello opens every contact, before data. It is signed.
type Hello struct {
	Connection   event.ConnectionID
	Versions     []int    // wire versions this side speaks
	Capabilities []string // names, unknown ones are ignored
	Boot         Boot
	// Sent and Received are this side's places, data and control.
	Sent     [2]Place
	Received [2]Place
	Window   int
	Reply    bool   // this hello answers one
	Nonce    []byte // 16 random bytes; a reply repeats the asker's in Answers
	Answers  []byte

	// Known is the process of the peer that this side deals with. Rival is
	// another one that says hello: a question to Known with a Rival asks whether
	// Known lives, a reply with one tells the asker that it is not Known. Fenced:
	// Known lives, and the asker stands back. Claim: a person decided for the
	// asker. Again repeats the nonce of a reply that let the asker wait.
	Known, Rival  Boot
	Fenced, Claim bool
	Again         []byte
}

// Boot tells two live copies of one node apart.
type Boot struct {
	Counter uint64 `json:"counter"` // grows with every start
	Random  uint64 `json:"random"`
}

// Limits of an envelope.
const (
	MaxEvents = 256
	MaxBytes  = 512 << 10
)

// Codec seals and opens what one connection sends and receives. What it opens
// was signed by the peer, for us, for this connection; nothing else comes out.
type Codec interface {
	// Seal makes the wire form of a cut and the token to keep as its proof.
	Seal(c Cut) (wire []byte, token string, err error)
	// Open reads what Seal made at the other side.
	Open(wire []byte) (c Cut, token string, err error)
	// SealReceipt and OpenReceipt do the same for receipts.
	SealReceipt(r Receipt) ([]byte, error)
	OpenReceipt(wire []byte) (Receipt, error)
	// SealHello and OpenHello do the same for hellos.
	SealHello(h Hello) ([]byte, error)
	OpenHello(wire []byte) (Hello, error)
	// SealBlob and OpenBlob protect a request for a piece of a file, or the
	// piece; about is bound to it and must be alike on both sides.
	SealBlob(about string, body []byte) ([]byte, error)
	OpenBlob(about string, wire []byte) ([]byte, error)
}
