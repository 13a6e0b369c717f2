package envelope_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hpke"
	"errors"
	"fmt"

	"parley/sync/envelope"
	"parley/sync/event"
)

// A message has one spelling, so that a digest over its bytes is one over its
// meaning. Every other spelling of the same is refused.
func ExampleDecode() {
	raw, err := envelope.Encode(event.Message{Note: &event.Note{Twin: event.TwinID{1}, Code: event.CodeEnded}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(raw) > 0)
	_, err = envelope.Decode(raw)
	fmt.Println("as it was:", err)
	_, err = envelope.Decode(append(raw, ' '))
	fmt.Println("and a blank:", errors.Is(err, envelope.ErrMessage))
	// Output:
	// true
	// as it was: <nil>
	// and a blank: true
}

// Envelopes are cuts of a stream: cut in two or not, the chain over the digests
// ends alike, so one comparison at a number stands for all before it.
func ExampleCut_After() {
	entries := []envelope.Entry{{Bytes: []byte("created")}, {Bytes: []byte("status")}, {Bytes: []byte("comment")}}
	whole := envelope.Cut{First: 1, Entries: entries}
	first := envelope.Cut{First: 1, Entries: entries[:1]}
	rest := envelope.Cut{First: 2, Before: first.After(), Entries: entries[1:]}
	fmt.Println(whole.Last(), rest.Last(), whole.After() == rest.After())
	entries[0].Bytes = []byte("deleted")
	fmt.Println("with another past:", whole.After() == rest.After())
	// Output:
	// 3 3 true
	// with another past: false
}

// What a Sealer opens was signed by the peer, for us, for this connection.
func ExampleSealer() {
	seal := func() hpke.PrivateKey {
		key, err := hpke.DHKEM(ecdh.X25519()).GenerateKey()
		if err != nil {
			panic(err)
		}
		return key
	}
	ours, theirs := seal(), seal()
	_, sign, _ := ed25519.GenerateKey(nil)
	_, other, _ := ed25519.GenerateKey(nil)
	public := func(key ed25519.PrivateKey) []ed25519.PublicKey {
		return []ed25519.PublicKey{key.Public().(ed25519.PublicKey)}
	}
	con := event.ConnectionID{1}
	acme, err := envelope.NewCodec(envelope.Config{
		Us: "acme", Peer: "globex", Connection: con, Inviter: true,
		Sign: sign, Verify: public(other), Unseal: []hpke.PrivateKey{ours}, SealTo: theirs.PublicKey(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	globex, err := envelope.NewCodec(envelope.Config{
		Us: "globex", Peer: "acme", Connection: con,
		Sign: other, Verify: public(sign), Unseal: []hpke.PrivateKey{theirs}, SealTo: ours.PublicKey(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	wire, _, err := acme.Seal(envelope.Cut{Connection: con, Epoch: 1, Stream: envelope.Data, First: 1, Entries: []envelope.Entry{{Bytes: []byte("a change")}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("can be read on the way:", bytes.Contains(wire, []byte("a change")))
	cut, _, err := globex.Open(wire)
	fmt.Printf("%s %v\n", cut.Entries[0].Bytes, err)
	_, _, err = acme.Open(wire)
	fmt.Println("sent back to its sender:", errors.Is(err, envelope.ErrRefused))
	// Output:
	// can be read on the way: false
	// a change <nil>
	// sent back to its sender: true
}
