// Package desk is the built-in ticket desk: a small tracker with a web page
// and a JSON API, and the adapter that connects Parley to it. Demos, tests and
// first steps use it; adapters for other trackers start from its Tracker.
//
// # The two halves
//
// Server is the tracker. It knows nothing of Parley. Tracker is an
// adapters.Tracker that speaks to a Server over HTTP and to nothing behind
// its back, as every other adapter has to.
//
// # Promises of the Server
//
//   - A change that was answered is on disk: each one is a line of an
//     append-only journal, synced before the answer. Nobody sees a change that
//     is not on disk. A crash in the middle of a line loses only that line,
//     which nobody was told of.
//   - Every change has the next number of one sequence; a ticket's version is
//     the number of its last change. Numbers are never given out again.
//   - The page is for people on this machine: it answers only to loopback host
//     names, refuses cross-origin writes, loads nothing from elsewhere and runs
//     no inline script. The API wants a bearer token.
//
// What it does not do: passwords, roles, mail, many thousand tickets on one
// page. It is not meant to be reachable from a network.
package desk
