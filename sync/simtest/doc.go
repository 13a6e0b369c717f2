// Package simtest runs whole nodes under seeded faults in virtual time, on one
// goroutine: two nodes or three, their trackers with people in them, a network
// that loses, repeats, delays and is cut, processes that die between any two
// commits or calls of a tracker, writes that land after their caller has given
// up, backups that are put back, trackers that refuse their node, whose clocks jump,
// and which give out ids again. In the midst of a call other tasks, nodes and
// people go on, as other goroutines would. A seed replays exactly.
//
// It drives the same flow.Path, machines, filters and memstore as production;
// only the goroutines, the cryptography and the trackers are its own.
//
// What a quiet world must be is in check_test.go. Seeds that once failed are in
// oncefailed_test.go.
package simtest
