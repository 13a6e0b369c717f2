package connection_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"parley/sync/connection"
)

// exchange hands a pairing message to the inviter; in a node, NATS carries it.
type exchange func(ctx context.Context, msg []byte) ([]byte, error)

func (e exchange) Exchange(ctx context.Context, msg []byte) ([]byte, error) { return e(ctx, msg) }

// made is one organisation's keys and the document that certifies them.
func made() (connection.Operating, connection.Document) {
	identity, err := connection.NewIdentity(rand.Reader)
	if err != nil {
		panic(err)
	}
	keys, err := connection.NewOperating(rand.Reader)
	if err != nil {
		panic(err)
	}
	document, err := connection.Certify(identity, 1, keys)
	if err != nil {
		panic(err)
	}
	return keys, document
}

// Two admins share one code. After it both sides hold the same agreement, signed
// by both, and can prove it to anybody.
func ExampleAccept() {
	hostKeys, host := made()
	guestKeys, guest := made()
	route := connection.Route{Addresses: []string{"sync.acme.example:4222"}}
	invitation, err := connection.NewInvitation(rand.Reader, route, host, time.Now().Add(time.Hour))
	if err != nil {
		fmt.Println(err)
		return
	}
	var stored connection.Agreement
	inviter, err := connection.NewReceiver(connection.Host{
		Invitation: invitation, Document: host, Keys: hostKeys, Terms: connection.DefaultTerms(),
		Now: time.Now, Random: rand.Reader,
		Take:  func(connection.Taken) error { return nil },
		Agree: func(a connection.Agreement) error { stored = a; return nil },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	code, err := connection.ParseCode(invitation.Code())
	if err != nil {
		fmt.Println(err)
		return
	}
	agreed, err := connection.Accept(context.Background(), connection.Guest{
		Invitation: code, Document: guest, Keys: guestKeys, Now: time.Now,
		Take: func(connection.Taken) error { return nil },
	}, exchange(inviter.Answer))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("one connection:", agreed.Connection == stored.Connection)
	fmt.Println("proved at both ends:", agreed.Verify(), stored.Verify())
	reads, _, err := stored.Words()
	if err != nil {
		fmt.Println(err)
		return
	}
	_, hears, err := agreed.Words()
	fmt.Println("nobody in between:", reads == hears, err)
	// Output:
	// one connection: true
	// proved at both ends: <nil> <nil>
	// nobody in between: true <nil>
}

// A code is long and may be read aloud: a slip is found before anybody is asked.
func ExampleParseCode() {
	_, document := made()
	route := connection.Route{Addresses: []string{"sync.acme.example:4222"}}
	invitation, err := connection.NewInvitation(rand.Reader, route, document, time.Now().Add(time.Hour))
	if err != nil {
		fmt.Println(err)
		return
	}
	code := []byte(invitation.Code())
	last := &code[len(code)-1]
	if *last++; *last > 'z' {
		*last = '2'
	}
	_, err = connection.ParseCode(string(code))
	fmt.Println(err)
	// Output:
	// the code is mistyped: check it, or copy it whole
}
