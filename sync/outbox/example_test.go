package outbox_test

import (
	"fmt"

	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/outbox"
)

// A receipt is believed only if it proves what it claims: the chain over all
// digests fixes everything up to a number.
func ExampleReceipt() {
	head := outbox.New(1)
	runs := []envelope.Run{{}}
	for _, text := range []string{"created", "status", "comment"} {
		var stored outbox.Stored
		head, stored = head.Append(envelope.Entry{Bytes: []byte(text)})
		runs = append(runs, stored.Run)
	}
	claim := func(through event.Seq, run envelope.Run) {
		next, verdict := outbox.Receipt(head, envelope.Receipt{Epoch: 1, Through: through, Run: run}, runs[through])
		fmt.Println(verdict, next.Through)
	}
	claim(2, runs[2])
	claim(3, runs[2]) // another history under our number
	// Output:
	// advance 2
	// stop 0
}

// At each contact the peer tells how far it has come. One that has less than it
// gave receipts for was restored from a backup: a new epoch begins.
func ExampleNext() {
	head := outbox.New(1)
	runs := []envelope.Run{{}}
	for _, text := range []string{"created", "status"} {
		var stored outbox.Stored
		head, stored = head.Append(envelope.Entry{Bytes: []byte(text)})
		runs = append(runs, stored.Run)
	}
	head, verdict := outbox.Next(head, envelope.Place{Epoch: 1, Through: 2, Run: runs[2]}, runs[2])
	fmt.Println(verdict)
	_, verdict = outbox.Next(head, envelope.Place{Epoch: 1, Through: 1, Run: runs[1]}, runs[1])
	fmt.Println(verdict)
	// Output:
	// advance
	// new-epoch
}
