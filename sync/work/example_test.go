package work_test

import (
	"fmt"
	"time"

	"parley/sync/event"
	"parley/sync/work"
)

// However often a ticket changes, it has one row. A change that comes while the
// ticket is being read makes a newer generation, so that it is looked at again.
func ExampleNext() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	seen := work.Seen{Key: "T-1", Cause: event.CauseEdit}
	row := work.Next(nil, seen, now)
	row = work.Next(row, seen, now)
	read := row.Gen
	fmt.Println("two changes, generation", read)

	row = work.Next(row, seen, now) // while it is being read
	row = work.Next(row, work.Sent{Gen: read}, now)
	fmt.Println("still to look at:", row.State, row.Gen)

	row = work.Next(row, work.Nothing{Gen: row.Gen}, now)
	fmt.Println("nothing left:", row == nil)
	// Output:
	// two changes, generation 2
	// still to look at: dirty 3
	// nothing left: true
}

// A look that failed is kept, with the reason and since when it waits.
func ExampleNext_hold() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	row := work.Next(nil, work.Seen{Key: "T-1", Cause: event.CauseEdit}, now)
	hold := work.Hold{Code: event.CodeDenied, Reason: "status 403", Parked: true}
	for i := range 3 {
		hold.Next = now.Add(time.Duration(i+1) * time.Hour)
		row = work.Next(row, hold, now.Add(time.Duration(i)*time.Hour))
	}
	fmt.Println(row.State, row.Code, row.Attempt, "since", row.Since.Format(time.TimeOnly))
	row = work.Next(row, work.Release{}, now)
	fmt.Println(row.State, row.Code, row.Attempt)
	// Output:
	// held denied 3 since 12:00:00
	// dirty  0
}
