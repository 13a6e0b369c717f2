package hostiletest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"parley/node/admin"
	"parley/sync/connection"
	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/transport"
	"parley/sync/transport/natsbus"
)

// liar is a peer with valid keys of an agreed connection that keeps to nothing.
type liar struct {
	t         *testing.T
	name      string
	agreement connection.Agreement
	keys      connection.Operating
	codec     *envelope.Sealer
	link      *natsbus.Link
	boot      envelope.Boot
	// at is where our data stream stands, as the victim knows it.
	at envelope.Place
	// serve gives the bytes of a file from an offset; nil gives none.
	serve atomic.Pointer[func(offset int64) []byte]

	mu       sync.Mutex // guards what follows
	outcomes []event.Outcome
	heads    [2]envelope.Place // of the victim's streams
}

// newLiar pairs with the victim and begins to listen.
func newLiar(t *testing.T, victim *site, name string) *liar {
	t.Helper()
	l := &liar{t: t, name: name, boot: envelope.Boot{Counter: 1, Random: 42}, at: envelope.Place{Epoch: 1}}
	identity, err := connection.NewIdentity(rand.Reader)
	must(t, err)
	l.keys, err = connection.NewOperating(rand.Reader)
	must(t, err)
	document, err := connection.Certify(identity, 1, l.keys)
	must(t, err)
	made, err := victim.node.Invite(t.Context(), admin.InviteRequest{Name: name})
	must(t, err)
	code, err := connection.ParseCode(made.Code)
	must(t, err)
	pairing, err := code.Pairing()
	must(t, err)
	key, err := code.SignIn()
	must(t, err)
	to, err := natsbus.DialPairing(t.Context(), natsbus.Options{
		URL: "tls://" + code.Route.Addresses[0], Pin: natsbus.Pin(code.Route.Pin), Key: key, Log: zerolog.Nop(),
	}, pairing)
	must(t, err)
	l.agreement, err = connection.Accept(t.Context(), connection.Guest{
		Invitation: code, Document: document, Keys: l.keys, Now: time.Now, Take: func(connection.Taken) error { return nil },
	}, to)
	must(t, errors.Join(err, to.Close()))
	config, err := l.agreement.Codec(l.keys)
	must(t, err)
	l.codec, err = envelope.NewCodec(config)
	must(t, err)
	l.link = l.dial(l.agreement.Connection)
	must(t, l.link.Handle(l.answer))
	reads, _, err := l.agreement.Words()
	must(t, err)
	_, err = victim.node.Confirm(t.Context(), name, admin.ConfirmRequest{Words: reads.String()})
	must(t, err)
	_, err = victim.node.Resume(t.Context(), name)
	must(t, err)
	eventually(t, name+" says hello", func() error { _, err := l.hello(); return err })
	return l
}

// dial makes an end of a connection, which need not be ours, with our key.
func (l *liar) dial(con event.ConnectionID) *natsbus.Link {
	l.t.Helper()
	key, err := l.keys.Transport(l.agreement.Pairing)
	must(l.t, err)
	link, err := natsbus.Dial(natsbus.Options{
		URL: "tls://" + l.agreement.Route.Addresses[0], Pin: natsbus.Pin(l.agreement.Route.Pin), Key: key, Log: zerolog.Nop(),
	}, con, false)
	must(l.t, err)
	l.t.Cleanup(func() { must(l.t, link.Close()) })
	eventually(l.t, "signed in", func() error {
		if !link.Connected() {
			return errors.New("not yet")
		}
		return nil
	})
	return link
}

// own is what we say of ourselves.
func (l *liar) own() envelope.Hello {
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce)
	l.mu.Lock()
	defer l.mu.Unlock()
	return envelope.Hello{
		Connection: l.agreement.Connection, Versions: []int{1}, Boot: l.boot, Window: 4, Nonce: nonce,
		Sent: [2]envelope.Place{l.at, {Epoch: l.at.Epoch}}, Received: l.heads,
	}
}

// hello asks the victim where it stands.
func (l *liar) hello() (envelope.Hello, error) {
	wire, err := l.codec.SealHello(l.own())
	if err != nil {
		return envelope.Hello{}, err
	}
	reply, err := l.ask(transport.KindHello, wire)
	if err != nil {
		return envelope.Hello{}, err
	}
	theirs, err := l.codec.OpenHello(reply)
	if err == nil && theirs.Rival != (envelope.Boot{}) {
		return theirs, fmt.Errorf("another process: %+v", theirs)
	}
	return theirs, err
}

func (l *liar) ask(kind transport.Kind, wire []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(l.t.Context(), 2*time.Second)
	defer cancel()
	return l.link.Request(ctx, kind, wire)
}

// answer is what a peer answers: hellos, receipts, and the pieces of files.
func (l *liar) answer(_ context.Context, kind transport.Kind, body []byte) ([]byte, error) {
	switch kind {
	case transport.KindHello:
		theirs, err := l.codec.OpenHello(body)
		if err != nil {
			return nil, err
		}
		ours := l.own()
		ours.Reply, ours.Answers, ours.Known = true, theirs.Nonce, theirs.Boot
		return l.codec.SealHello(ours)
	case transport.KindEnvelope:
		return l.take(body)
	case transport.KindBlob:
		return l.piece(body)
	}
	return nil, errors.New("no answer")
}

func (l *liar) take(body []byte) ([]byte, error) {
	cut, _, err := l.codec.Open(body)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range cut.Entries {
		if m, err := envelope.Decode(e.Bytes); err == nil && m.Outcome != nil {
			l.outcomes = append(l.outcomes, *m.Outcome)
		}
	}
	head := &l.heads[0]
	if cut.Stream == envelope.Control {
		head = &l.heads[1]
	}
	*head = envelope.Place{Epoch: cut.Epoch, Through: cut.Last(), Run: cut.After()}
	return l.codec.SealReceipt(envelope.Receipt{
		Connection: cut.Connection, Epoch: cut.Epoch, Stream: cut.Stream, Through: head.Through, Run: head.Run, Window: 4,
	})
}

func (l *liar) piece(body []byte) ([]byte, error) {
	raw, err := l.codec.OpenBlob("ask", body)
	serve := l.serve.Load()
	if err != nil || serve == nil {
		return nil, errors.Join(err, errors.New("no file"))
	}
	var sha string
	var offset int64
	if _, err := fmt.Sscanf(strings.NewReplacer(`{"sha256":"`, "", `","offset":`, " ", "}", "").Replace(string(raw)), "%s %d", &sha, &offset); err != nil {
		return nil, err
	}
	return l.codec.SealBlob(fmt.Sprintf("piece %s %d", sha, offset), (*serve)(offset))
}

// cut is the next stretch of our stream, with these events.
func (l *liar) cut(events ...[]byte) envelope.Cut {
	c := envelope.Cut{
		Connection: l.agreement.Connection, Epoch: l.at.Epoch, Stream: envelope.Data, First: l.at.Through + 1, Before: l.at.Run,
	}
	for _, raw := range events {
		e := envelope.Entry{Bytes: raw}
		_, _ = rand.Read(e.Salt[:])
		c.Entries = append(c.Entries, e)
	}
	return c
}

// send sends a cut and gives the receipt.
func (l *liar) send(c envelope.Cut) (envelope.Receipt, error) {
	wire, _, err := l.codec.Seal(c)
	if err != nil {
		return envelope.Receipt{}, err
	}
	reply, err := l.ask(transport.KindEnvelope, wire)
	if err != nil {
		return envelope.Receipt{}, err
	}
	return l.codec.OpenReceipt(reply)
}

// say sends events that the victim takes, whatever they say.
func (l *liar) say(events ...[]byte) event.Seq {
	l.t.Helper()
	c := l.cut(events...)
	r, err := l.send(c)
	must(l.t, err)
	if r.Through != c.Last() || r.Stop {
		l.t.Fatalf("receipt %+v for events to %d", r, c.Last())
	}
	l.at.Through, l.at.Run = c.Last(), c.After()
	return c.Last()
}

// verdict waits for what became of an event.
func (l *liar) verdict(seq event.Seq) event.Outcome {
	l.t.Helper()
	var found event.Outcome
	eventually(l.t, fmt.Sprintf("outcome of event %d", seq), func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, o := range l.outcomes {
			if o.Seq == seq {
				found = o
				return nil
			}
		}
		return errors.New("none")
	})
	return found
}

// change is a change of a twin of our making, with fields and items.
func (l *liar) change(edit func(*event.ChangeBody)) []byte {
	l.t.Helper()
	c := event.ChangeBody{First: true, Filter: "v1", Cause: event.CauseEdit, At: "2026-01-02T03:04:05Z"}
	_, _ = rand.Read(c.Twin[:])
	_, _ = rand.Read(c.Origin[:])
	if edit != nil {
		edit(&c)
	}
	raw, err := envelope.Encode(event.Message{Change: &c})
	must(l.t, err)
	return raw
}
