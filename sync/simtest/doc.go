// Package simtest runs whole nodes under seeded faults in virtual time, on one
// goroutine: two nodes, two trackers with people in them, a network that loses,
// repeats and delays, processes that die between any two commits or calls of a
// tracker. A seed replays exactly.
//
// It drives the same flow.Path, machines, filters and memstore as production;
// only the goroutines, the cryptography and the trackers are its own.
package simtest
