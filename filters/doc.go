// Package filters decides what leaves a node and what enters it.
//
// Two independent things do that. A script (the filter) says which fields of a
// ticket become which fields of the replica, or of our ticket. A gate says what
// may pass at all, whatever the script's author wrote.
//
//	CompileOutgoing  issue   -> replica   Egress gate
//	CompileIncoming  replica -> issue     Accept gate
//	CompileScope     issue   -> bool
//
// # Promises
//
// All mistakes of a script are reported at once, as Problems. A compiled script
// is immutable and safe for concurrent use. A run is a function of its input:
// it reads no clock but the event's, no environment, no disk, and reaches the
// outside through Lookups only. Nothing is set that no line names. A line that
// reads a field the peer did not send does nothing.
//
// A script is hostile until proven otherwise: source, nesting, nodes, memory,
// time, look-ups and the size of the result are bounded by Limits, and no value
// inside a script has methods. The texts of stops and traces stay home.
//
// # How it works
//
// A script is cut into statements (token.go, parse.go). Each right-hand side is
// an expr expression: its names are resolved to plain slots (resolve.go), its
// types checked by expr's checker, and every operation that could cost more
// than it looks is replaced by a counted one (guard.go). A run fills the slots
// that a statement reads, and runs the statements in order (run.go, script.go).
//
// # What it does not do
//
// It does not talk to trackers, merge, or remember anything between runs.
package filters
