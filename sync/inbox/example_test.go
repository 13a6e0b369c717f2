package inbox_test

import (
	"fmt"
	"time"

	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/inbox"
)

// An envelope is any cut of the stream. However it is cut or repeated, each event
// is taken once; another text under a known number stops the connection.
func ExampleAccept() {
	entries := []envelope.Entry{{Bytes: []byte("created")}, {Bytes: []byte("status")}, {Bytes: []byte("comment")}}
	runs := []envelope.Run{{}}
	for _, e := range entries {
		runs = append(runs, runs[len(runs)-1].Next(e.Digest()))
	}
	have := inbox.Head{Epoch: 1, Through: 2, Run: runs[2]} // created and status
	runAt := func(n event.Seq) (envelope.Run, error) { return runs[n], nil }
	try := func(first event.Seq, entries ...envelope.Entry) {
		cut := envelope.Cut{Epoch: 1, First: first, Before: runs[first-1], Entries: entries}
		verdict, skip, err := inbox.Accept(have, cut, runAt)
		fmt.Println(verdict, skip, err)
	}
	try(1, entries...)
	try(1, entries[:2]...)
	try(2, envelope.Entry{Bytes: []byte("something else")})
	have.Through, have.Run = 1, runs[1]
	try(3, entries[2])
	// Output:
	// take 2 <nil>
	// repeat 2 <nil>
	// stop 0 <nil>
	// gap 0 <nil>
}

// A newer event takes the place of one that waits for a person, as long as
// nothing of that one was begun. Otherwise it comes after it.
func ExampleNext() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	row := inbox.Next(nil, inbox.Arrive{Epoch: 1, Seq: 4}, now)
	row = inbox.Next(row, inbox.Park{Code: event.CodeRejected}, now)
	row = inbox.Next(row, inbox.Arrive{Epoch: 1, Seq: 5}, now)
	fmt.Println(row.Seq, row.State)

	row = inbox.Next(row, inbox.Planned{Plan: []byte("steps")}, now)
	row = inbox.Next(row, inbox.Arrive{Epoch: 1, Seq: 6}, now)
	fmt.Println(row.Seq, row.State, "then", row.NextSeq)
	row = inbox.Next(row, inbox.Done{}, now)
	fmt.Println(row.Seq, row.State)
	// Output:
	// 5 ready
	// 5 applying then 6
	// 6 ready
}
