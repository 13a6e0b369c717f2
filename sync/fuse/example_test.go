package fuse_test

import (
	"fmt"
	"time"

	"parley/sync/fuse"
)

// What closes or deletes too many tickets in a minute waits for a person; what
// creates them is only slowed, since somebody asked for a load.
func ExampleFuse_Allow() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	limits := fuse.Limits{Creates: 2, Closes: 2}
	var f fuse.Fuse
	for _, kind := range []fuse.Kind{fuse.Creates, fuse.Closes} {
		for i := range 4 {
			verdict, at := f.Allow(kind, fmt.Sprint("T-", i), limits, now)
			if verdict == fuse.Slow {
				fmt.Println(kind, i, verdict, at.Sub(now))
				continue
			}
			fmt.Println(kind, i, verdict)
		}
	}
	// Output:
	// creates 0 go
	// creates 1 go
	// creates 2 slow 1m0s
	// creates 3 slow 1m0s
	// closes 0 go
	// closes 1 go
	// closes 2 blew
	// closes 3 shut
}
