package connection_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"parley/sync/connection"
)

// random is the same in every run.
func random(seed uint64) *rand.ChaCha8 {
	return rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
}

// node is one organisation's keys.
type node struct {
	identity ed25519.PrivateKey
	keys     connection.Operating
	document connection.Document
}

func newNode(tb testing.TB, seed uint64) node {
	tb.Helper()
	r := random(seed)
	identity, err := connection.NewIdentity(r)
	if err != nil {
		tb.Fatal(err)
	}
	keys, err := connection.NewOperating(r)
	if err != nil {
		tb.Fatal(err)
	}
	document, err := connection.Certify(identity, 1, keys)
	if err != nil {
		tb.Fatal(err)
	}
	return node{identity, keys, document}
}

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

func invite(tb testing.TB, n node, route connection.Route) connection.Invitation {
	tb.Helper()
	i, err := connection.NewInvitation(random(99), route, n.document, noon.Add(time.Hour))
	if err != nil {
		tb.Fatal(err)
	}
	return i
}

func parse(tb testing.TB, code string) connection.Invitation {
	tb.Helper()
	i, err := connection.ParseCode(code)
	if err != nil {
		tb.Fatal(err)
	}
	return i
}

// desk is an inviter with its store: what was taken and agreed, as JSON.
type desk struct {
	host   connection.Host
	taken  []byte
	agreed []byte
	fail   error // of the store
}

func newDesk(tb testing.TB, n node, i connection.Invitation) *desk {
	tb.Helper()
	d := &desk{}
	d.host = connection.Host{
		Invitation: i, Document: n.document, Keys: n.keys, Terms: connection.DefaultTerms(),
		Now: at(noon), Random: random(5),
		Take:  func(t connection.Taken) error { return d.store(&d.taken, t) },
		Agree: func(a connection.Agreement) error { return d.store(&d.agreed, a) },
	}
	return d
}

func (d *desk) store(to *[]byte, v any) error {
	if d.fail != nil {
		return d.fail
	}
	raw, err := json.Marshal(v)
	*to = raw
	return err
}

func (d *desk) agreement(tb testing.TB) connection.Agreement {
	tb.Helper()
	var a connection.Agreement
	if err := json.Unmarshal(d.agreed, &a); err != nil {
		tb.Fatalf("no agreement at the inviter: %v", err)
	}
	return a
}

// receiver starts the inviter, or starts it again from what it stored.
func (d *desk) receiver(tb testing.TB) *connection.Receiver {
	tb.Helper()
	if d.taken != nil {
		d.host.Taken = new(connection.Taken)
		if err := json.Unmarshal(d.taken, d.host.Taken); err != nil {
			tb.Fatal(err)
		}
	}
	r, err := connection.NewReceiver(d.host)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// direct hands messages straight to the inviter; edit may change or lose them.
type direct struct {
	to   *connection.Receiver
	edit func(count int, msg, answer []byte) ([]byte, error)
	sent [][]byte
}

var errLost = errors.New("lost")

func (d *direct) Exchange(ctx context.Context, msg []byte) ([]byte, error) {
	d.sent = append(d.sent, bytes.Clone(msg))
	answer, err := d.to.Answer(ctx, msg)
	if err != nil {
		return nil, err
	}
	if d.edit != nil {
		return d.edit(len(d.sent), msg, answer)
	}
	return answer, nil
}

func guest(n node, i connection.Invitation) connection.Guest {
	return connection.Guest{Invitation: i, Document: n.document, Keys: n.keys, Now: at(noon), Try: 5 * time.Second, Take: func(connection.Taken) error { return nil }}
}
