package agree_test

import (
	"fmt"

	"parley/sync/agree"
)

// Two nodes compare what each said with what the other holds of it, by hashes.
// What differs is named; the values stay home.
func ExampleCompare() {
	ours := agree.Record{Sent: []agree.Fact{
		{Kind: agree.Field, Name: "status", Hash: 11},
		{Kind: agree.Field, Name: "summary", Hash: 22},
	}}
	theirs := agree.Record{Received: []agree.Fact{
		{Kind: agree.Field, Name: "status", Hash: 99},
	}}
	for _, d := range agree.Compare(ours, theirs) {
		fmt.Println(d.Direction, d.Kind, d.Name, d.What)
	}
	theirs.Ended = true
	fmt.Println("an ended pair:", len(agree.Compare(ours, theirs)))
	// Output:
	// outgoing field status other
	// outgoing field summary missing
	// an ended pair: 0
}
