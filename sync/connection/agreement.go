package connection

import (
	"crypto/ed25519"
	"crypto/hpke"
	"errors"
	"fmt"
	"time"

	"parley/sync/envelope"
	"parley/sync/event"
)

// Side is one of the two ends.
type Side string

// The sides.
const (
	Inviter  Side = "inviter"
	Acceptor Side = "acceptor"
)

// Policy says who wins a conflict.
type Policy string

// The policies. For PolicySide and PolicyAsk Terms.Owner says which side.
const (
	PolicyNewest Policy = "newest" // the later change; ties by node id
	PolicySide   Policy = "side"   // always the owner's
	PolicyAsk    Policy = "ask"    // a person at the owner's decides
)

// Terms are what both sides agree on and neither may change alone.
type Terms struct {
	Policy Policy `json:"policy"`
	Owner  Side   `json:"owner,omitempty"`
	// Window is how many envelopes may be under way.
	Window int `json:"window"`
	// Quotas of what either side may send.
	EventsPerHour int `json:"eventsPerHour,omitempty"`
	// Unsettled is how many tickets may wait at the receiver to be written.
	Unsettled     int   `json:"unsettled,omitempty"`
	BytesPerDay   int64 `json:"bytesPerDay,omitempty"`
	MaxAttachment int64 `json:"maxAttachment,omitempty"`
}

// DefaultTerms are those of an invitation that says nothing else.
func DefaultTerms() Terms {
	return Terms{Policy: PolicyNewest, Window: 4, EventsPerHour: 1_000_000, Unsettled: 250_000, BytesPerDay: 10 << 30, MaxAttachment: 100 << 20}
}

// Check tells what is wrong with t.
func (t Terms) Check() error {
	switch t.Policy {
	case PolicyNewest:
		if t.Owner != "" {
			return errors.New("terms: newest has no owner")
		}
	case PolicySide, PolicyAsk:
		if t.Owner != Inviter && t.Owner != Acceptor {
			return fmt.Errorf("terms: %s needs an owner: inviter or acceptor", t.Policy)
		}
	default:
		return fmt.Errorf("terms: unknown conflict policy %.40q: newest, side or ask", t.Policy)
	}
	if t.Window < 1 || t.Window > 64 {
		return fmt.Errorf("terms: a window of %d, 1 to 64 fit", t.Window)
	}
	if t.EventsPerHour < 0 || t.Unsettled < 0 || t.BytesPerDay < 0 || t.MaxAttachment < 0 {
		return errors.New("terms: a negative quota")
	}
	return nil
}

// Agreement is what a side stores of a connection. It can be written as JSON
// and holds no secret.
type Agreement struct {
	Connection event.ConnectionID `json:"connection"`
	Pairing    string             `json:"pairing"`
	Side       Side               `json:"side"` // ours
	Terms      Terms              `json:"terms"`
	// Route is where the ends meet: the inviter listens, the acceptor dials, or
	// both dial an existing NATS.
	Route Route `json:"route"`
	// Key is what the acceptor signs in with, public.
	Key octets `json:"key"`
	// Inviter and Acceptor are the documents, signed by the identities.
	Inviter  string `json:"inviter"`
	Acceptor string `json:"acceptor"`
	// Ask, Offer and Confirm are what was said, with the signatures.
	Ask     octets `json:"ask"`
	Offer   octets `json:"offer"`
	Confirm octets `json:"confirm"`
	// Created is our clock's.
	Created time.Time `json:"created"`
}

// Documents are ours and the peer's.
func (a Agreement) Documents() (ours, peers Document, err error) {
	inviter, err := ParseDocument(a.Inviter)
	if err != nil {
		return Document{}, Document{}, err
	}
	acceptor, err := ParseDocument(a.Acceptor)
	if err != nil {
		return Document{}, Document{}, err
	}
	if a.Side == Inviter {
		return inviter, acceptor, nil
	}
	return acceptor, inviter, nil
}

// Owner is the node that wins conflicts or whose people decide them; "" when
// the newest change wins.
func (a Agreement) Owner() (NodeID, error) {
	ours, peers, err := a.Documents()
	switch {
	case err != nil || a.Terms.Owner == "":
		return "", err
	case a.Terms.Owner == a.Side:
		return ours.Node(), nil
	default:
		return peers.Node(), nil
	}
}

// Codec is the configuration of the connection's codec. keys are our operating
// keys of the day.
func (a Agreement) Codec(keys Operating) (envelope.Config, error) {
	ours, peers, err := a.Documents()
	if err != nil {
		return envelope.Config{}, fmt.Errorf("codec of connection %s: %w", a.Connection, err)
	}
	unseal, err := keys.Seal()
	if err != nil {
		return envelope.Config{}, fmt.Errorf("codec of connection %s: %w", a.Connection, err)
	}
	return envelope.Config{
		Us: string(ours.Node()), Peer: string(peers.Node()), Connection: a.Connection, Inviter: a.Side == Inviter,
		Sign: keys.Sign(), Verify: []ed25519.PublicKey{peers.Sign},
		Unseal: []hpke.PrivateKey{unseal}, SealTo: peers.Seal,
	}, nil
}

// Verify holds the stored agreement to both signatures, as anybody can later.
func (a Agreement) Verify() error {
	inviter, err := ParseDocument(a.Inviter)
	if err != nil {
		return fmt.Errorf("verify the agreement: %w", err)
	}
	acceptor, err := ParseDocument(a.Acceptor)
	if err != nil {
		return fmt.Errorf("verify the agreement: %w", err)
	}
	var ask askText
	var offer offerText
	var confirm confirmText
	for raw, to := range map[*octets]any{&a.Ask: &ask, &a.Offer: &offer, &a.Confirm: &confirm} {
		if err := read(*raw, to); err != nil {
			return fmt.Errorf("verify the agreement: %w", err)
		}
	}
	t, err := transcript(a.Ask, offer.Offer)
	switch {
	case err != nil:
		return fmt.Errorf("verify the agreement: %w", err)
	case ask.Document != a.Acceptor || offer.Offer.Document != a.Inviter || offer.Offer.Terms != a.Terms ||
		offer.Offer.Connection != a.Connection || offer.Offer.Pairing != a.Pairing || string(ask.Key) != string(a.Key):
		return errors.New("verify the agreement: it is not what was said")
	case string(commitment(confirm.Nonce)) != string(ask.Commitment):
		return errors.New("verify the agreement: the acceptor revealed another nonce than it committed to")
	case !verify(inviter, Inviter, t, offer.Signature):
		return errors.New("verify the agreement: the inviter did not sign it")
	case !verify(acceptor, Acceptor, t, confirm.Signature):
		return errors.New("verify the agreement: the acceptor did not sign it")
	}
	return nil
}
