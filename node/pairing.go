package node

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"time"

	"parley/node/admin"
	"parley/node/config"
	"parley/sync/connection"
	"parley/sync/store"
	"parley/sync/transport"
	"parley/sync/transport/natsbus"
)

// invitation is what a node keeps of a code that it gave out.
type invitation struct {
	Name  string            `json:"name"`
	Code  string            `json:"code"`
	Terms connection.Terms  `json:"terms"`
	Taken *connection.Taken `json:"taken,omitempty"`
}

const validDefault = 24 * time.Hour

var nameForm = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

func (n *Node) freeName(name string) error {
	if !nameForm.MatchString(name) {
		return &admin.Error{Kind: admin.KindInvalid, Message: fmt.Sprintf("%.40q is not a connection's name", name), Hint: "lower-case letters, digits and -, at most 40"}
	}
	if n.named(name) != nil {
		return &admin.Error{Kind: admin.KindConflict, Message: "there is a connection " + name + " already", Hint: "choose another name, or remove it first"}
	}
	return nil
}

func (n *Node) named(name string) *link {
	for _, l := range n.all() {
		if l.record.Name == name {
			return l
		}
	}
	return nil
}

// Invite makes a code for the other side's admin.
func (n *Node) Invite(_ context.Context, r admin.InviteRequest) (admin.Invitation, error) {
	if err := n.freeName(r.Name); err != nil {
		return admin.Invitation{}, err
	}
	route, err := n.route()
	if err != nil {
		return admin.Invitation{}, err
	}
	terms := connection.DefaultTerms()
	if r.Conflict == "" {
		r.Conflict = n.configured().Connections[r.Name].Conflict
	}
	switch r.Conflict {
	case "", config.ConflictNewest:
	case config.ConflictOurs:
		terms.Policy, terms.Owner = connection.PolicySide, connection.Inviter
	case config.ConflictTheirs:
		terms.Policy, terms.Owner = connection.PolicySide, connection.Acceptor
	case config.ConflictAsk:
		terms.Policy, terms.Owner = connection.PolicyAsk, connection.Inviter
	case config.ConflictAskTheirs:
		terms.Policy, terms.Owner = connection.PolicyAsk, connection.Acceptor
	default:
		return admin.Invitation{}, &admin.Error{Kind: admin.KindInvalid, Message: "unknown conflict policy", Hint: "ours, theirs, newest, ask or ask-theirs"}
	}
	valid := validDefault
	if r.Valid > 0 {
		valid = time.Duration(r.Valid * float64(time.Second))
	}
	code, err := connection.NewInvitation(rand.Reader, route, n.identity.document, time.Now().Add(valid))
	if err != nil {
		return admin.Invitation{}, &admin.Error{Kind: admin.KindInvalid, Message: "make the invitation", Err: err}
	}
	if err := n.offer(code, invitation{Name: r.Name, Code: code.Code(), Terms: terms}); err != nil {
		return admin.Invitation{}, err
	}
	n.log.Info().Str("connection", r.Name).Time("expires", code.Expires).Msg("invitation made")
	return admin.Invitation{Code: code.Code(), Expires: code.Expires, Name: r.Name}, nil
}

// route is where peers meet us.
func (n *Node) route() (connection.Route, error) {
	cfg := n.configured()
	if cfg.NATS.URL != "" {
		return connection.Route{Addresses: []string{cfg.NATS.URL}, External: true, Prefix: cfg.NATS.Prefix}, nil
	}
	if n.server == nil {
		return connection.Route{}, &admin.Error{
			Kind: admin.KindConflict, Message: "nobody can reach this node",
			Hint: "let the other side invite, or set listen.nats (an address they can reach) or nats.url (a NATS that both reach)",
		}
	}
	address := cfg.Listen.Advertise
	if address == "" {
		address = n.server.Address()
		if host, _, err := net.SplitHostPort(address); err != nil || net.ParseIP(host).IsUnspecified() {
			return connection.Route{}, &admin.Error{Kind: admin.KindConflict, Message: "the node listens on every address", Hint: "set listen.advertise to the one that the other side reaches"}
		}
	}
	return connection.Route{Addresses: []string{address}}, nil
}

// offer keeps an invitation and lets its acceptor in.
func (n *Node) offer(code connection.Invitation, inv invitation) error {
	pairing, err := code.Pairing()
	if err != nil {
		return err
	}
	if err := n.keepInvitation(pairing, &inv); err != nil {
		return err
	}
	return n.receive(pairing, code, inv)
}

func (n *Node) keepInvitation(pairing string, inv *invitation) error {
	return n.store.Update(func(tx store.Tx) error {
		if inv == nil {
			return tx.Delete(store.InvitationKey(pairing))
		}
		raw, err := json.Marshal(inv)
		if err != nil {
			return err
		}
		return tx.Put(store.InvitationKey(pairing), raw)
	})
}

// receive answers whoever has the code.
func (n *Node) receive(pairing string, code connection.Invitation, inv invitation) error {
	receiver, err := connection.NewReceiver(connection.Host{
		Invitation: code, Document: n.identity.document, Keys: n.identity.operating, Terms: inv.Terms, Taken: inv.Taken,
		Take: func(t connection.Taken) error {
			if n.named(inv.Name) != nil {
				return connection.ErrUsed // another code for the name was first
			}
			inv.Taken = &t
			return n.keepInvitation(pairing, &inv)
		},
		Agree: func(a connection.Agreement) error { return n.invited(inv.Name, a) },
		Now:   time.Now, Random: rand.Reader,
	})
	if err != nil {
		return err
	}
	if code.Route.External {
		return n.receiveExternal(pairing, receiver)
	}
	key, err := code.SignIn()
	if err != nil {
		return err
	}
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return errors.New("the sign-in key is of another kind")
	}
	return n.server.OpenPairing(pairing, public, receiver.Answer)
}

func (n *Node) receiveExternal(pairing string, receiver *connection.Receiver) error {
	o, err := n.external()
	if err != nil {
		return err
	}
	l, err := natsbus.ListenPairing(o, pairing, receiver.Answer)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.guests[pairing] = l
	return nil
}

// openInvitations lets the acceptors of codes in that were given out before a
// restart. A used code answers its own acceptor until it expires.
func (n *Node) openInvitations() error {
	type kept struct {
		pairing string
		inv     invitation
	}
	var all []kept
	err := n.store.View(func(r store.Reader) error {
		prefix := store.InvitationKey("")
		return r.Scan(prefix, nil, func(key, value []byte) (bool, error) {
			k := kept{pairing: string(key[len(prefix):])}
			all = append(all, k)
			return true, json.Unmarshal(value, &all[len(all)-1].inv)
		})
	})
	if err != nil {
		return err
	}
	if err := n.forgetAccepted(time.Now()); err != nil {
		return err
	}
	for _, k := range all {
		code, err := connection.ParseCode(k.inv.Code)
		if err != nil || time.Now().After(code.Expires) {
			if err := n.keepInvitation(k.pairing, nil); err != nil {
				return err
			}
			continue
		}
		if err := n.receive(k.pairing, code, k.inv); err != nil {
			return fmt.Errorf("open the invitation for %s again: %w", k.inv.Name, err)
		}
	}
	return nil
}

// claim lets one pairing at a time be under way for a name; release ends it.
func (n *Node) claim(name string) (release func(), ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.joining[name] {
		return nil, false
	}
	n.joining[name] = true
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.joining, name)
	}, true
}

// invited keeps an agreement with an acceptor, unless the name is another
// connection's by then.
func (n *Node) invited(name string, a connection.Agreement) error {
	release, ok := n.claim(name)
	if !ok {
		return connection.ErrUsed
	}
	defer release()
	return n.agreed(name, a)
}

// agreed keeps an agreement; the connection begins paused on both sides. The caller
// has claimed the name.
func (n *Node) agreed(name string, a connection.Agreement) error {
	if n.byID(a.Connection) != nil {
		return nil
	}
	if n.named(name) != nil {
		return connection.ErrUsed
	}
	rec := record{Name: name, Agreement: a, Compare: true, PausedOut: true, PausedIn: true, Reason: "new: `parley connection resume " + name + "` lets it work"}
	if err := n.keep(rec); err != nil {
		return err
	}
	if err := n.admit(rec); err != nil {
		return err
	}
	n.log.Info().Str("connection", name).Msg("connection agreed on")
	return nil
}

// Accept joins with a code. The same again, by this node under the same name, comes
// to the same connection.
func (n *Node) Accept(ctx context.Context, r admin.AcceptRequest) (admin.Connection, error) {
	code, err := connection.ParseCode(r.Code)
	if err != nil {
		return admin.Connection{}, &admin.Error{Kind: admin.KindInvalid, Message: err.Error(), Hint: "codes are copied whole, from the first character to the last"}
	}
	pairing, err := code.Pairing()
	if err != nil {
		return admin.Connection{}, err
	}
	release, ok := n.claim(r.Name)
	if !ok {
		return admin.Connection{}, &admin.Error{Kind: admin.KindConflict, Message: "a connection " + r.Name + " is being joined just now", Hint: "`parley connection list` shows when it is there"}
	}
	defer release()
	if l := n.named(r.Name); l != nil && l.record.Agreement.Pairing == pairing && l.record.Agreement.Side == connection.Acceptor {
		return n.connectionState(l)
	}
	if err := n.freeName(r.Name); err != nil {
		return admin.Connection{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	before, err := n.acceptedBefore(pairing)
	if err != nil {
		return admin.Connection{}, err
	}
	to, err := n.reach(ctx, code, pairing)
	if err != nil {
		return admin.Connection{}, pairingFailed(code, err)
	}
	a, err := connection.Accept(ctx, connection.Guest{
		Invitation: code, Document: n.identity.document, Keys: n.identity.operating, Now: time.Now, Taken: before,
		Take: func(t connection.Taken) error { return n.keepAccepted(pairing, accepted{t, code.Expires}) },
	}, to)
	if err = errors.Join(err, to.Close()); err != nil {
		return admin.Connection{}, pairingFailed(code, err)
	}
	if err := n.agreed(r.Name, a); err != nil {
		return admin.Connection{}, err
	}
	l := n.named(r.Name)
	if l == nil {
		return admin.Connection{}, &admin.Error{Kind: admin.KindConflict, Message: "this node has accepted the code before, under another name", Hint: "`parley connection list` shows it"}
	}
	return n.connectionState(l)
}

type exchanger interface {
	connection.Exchanger
	io.Closer
}

func (n *Node) reach(ctx context.Context, code connection.Invitation, pairing string) (exchanger, error) {
	if code.Route.External {
		o, err := n.external()
		if err != nil {
			return nil, err
		}
		o.Prefix = code.Route.Prefix
		return natsbus.DialPairing(ctx, o, pairing)
	}
	key, err := code.SignIn()
	if err != nil {
		return nil, err
	}
	return natsbus.DialPairing(ctx, natsbus.Options{URL: dialURL(code.Route.Addresses[0]), Pin: natsbus.Pin(code.Route.Pin), Key: key, Log: n.log}, pairing)
}

// pairingFailed says what is wrong with a code in words that help.
func pairingFailed(code connection.Invitation, err error) error {
	e := &admin.Error{Kind: admin.KindPeer, Message: "the invitation could not be accepted", Err: err}
	switch {
	case errors.Is(err, connection.ErrExpired) || time.Now().After(code.Expires):
		e.Kind, e.Err, e.Hint = admin.KindInvalid, connection.ErrExpired, "ask the other side for a new code: `parley connection invite`"
	case errors.Is(err, connection.ErrUsed), errors.Is(err, natsbus.ErrSignIn):
		e.Kind, e.Err, e.Hint = admin.KindInvalid, connection.ErrUsed, "ask the other side for a new code: each works once"
	case errors.Is(err, natsbus.ErrPin), errors.Is(err, connection.ErrImpostor):
		e.Hint = "somebody else answers at that address: do not go on, and tell the other side"
	case errors.Is(err, transport.ErrUnreachable):
		e.Hint = "the other node cannot be reached from here: is it running, and is its address right?"
	}
	return e
}

// RemoveConnection ends a connection at this side: its peer is shut out and
// what is unsettled is void. The tickets stay as they are.
func (n *Node) RemoveConnection(_ context.Context, name string) error {
	l := n.named(name)
	if l == nil {
		return noConnection(name)
	}
	id, pairing := l.record.Agreement.Connection, l.record.Agreement.Pairing
	n.recording.Lock()
	// The code goes with it: the peer could bring the connection back otherwise.
	err := n.store.Update(func(tx store.Tx) error {
		return errors.Join(tx.Delete(store.AgreementKey(id)), tx.Delete(store.InvitationKey(pairing)))
	})
	if err == nil {
		n.mu.Lock()
		delete(n.links, id)
		n.mu.Unlock()
	}
	n.recording.Unlock()
	if err != nil {
		return err
	}
	n.path.Remove(id)
	if l.flow != nil {
		err = l.flow.Link.Close()
	}
	if l.record.Agreement.Side != connection.Inviter {
		return err
	}
	if n.server != nil {
		err = errors.Join(err, n.server.ClosePairing(pairing), n.server.Remove(id))
	}
	return errors.Join(err, n.closeGuest(pairing))
}

// closeGuest shuts the acceptor of a code out at an existing NATS.
func (n *Node) closeGuest(pairing string) error {
	n.mu.Lock()
	guest := n.guests[pairing]
	delete(n.guests, pairing)
	n.mu.Unlock()
	if guest == nil {
		return nil
	}
	return guest.Close()
}

func noConnection(name string) error {
	return &admin.Error{Kind: admin.KindNotFound, Message: "there is no connection " + name, Hint: "`parley connection list` shows them"}
}
