// Package flow is the data path: a ticket's way out and an event's way in.
// Read outgoing.go and incoming.go: one function per step, in order.
//
//	our tracker ─▶ filter ─▶ outbox ─▶ sign ─▶ NATS ─▶ verify ─▶ inbox ─▶ filter ─▶ their tracker
//	                           ▲                                                        │
//	                           └────── settle ◀──────── outcome ◀───────────────────────┘
//
// A Path does one piece of work per call and keeps no goroutines: Poll, Work,
// Ship, Receive, Apply, Fetch, Attach. Runner calls them from goroutines, the
// simulation from a single one. Between calls the store holds everything; a
// process that dies at any moment goes on from there.
//
// # Promises
//
//   - Nothing is decided inside a store transaction, and nothing is stored
//     outside one: a transaction re-reads the rows that it changes.
//   - One ticket has one lane: no two calls of Work, Apply or Attach for one
//     ticket run side by side. Runner and simulation keep that; Path relies on it.
//   - At most one data event per twin and direction has no outcome. Later
//     changes wait in the work row and leave as one.
//   - No tracker, filter, transport or blob is called with a transaction open.
//
// What it does not do: keep connections' configuration, move bytes, or decide
// how often to try again (sync/retry).
package flow
