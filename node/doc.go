// Package node is a running node: the one package that knows every other and
// puts them together.
//
// Open reads the keys and opens the store; Run works until its context ends, or
// until the store stops, and returns when everything it started has ended. In
// between the node answers as admin.Service. What it is told is on disk before
// it says so: agreements and pauses in the store, filters and scopes in the
// files that parley.yaml names, read again by Reload.
//
// A connection begins to work when it is agreed on, configured, its filters
// compile against the tracker's schema, and it is not paused. Until then its
// state says what is missing; nothing that arrives is lost meanwhile.
//
// # Life of a node
//
//	Open      keys ▶ store, salvaged if it is damaged ▶ tracker ▶ path ▶ NATS ▶ connections
//	Run       polls and works (flow.Runner); brings connections up; looks every 5 s for
//	          what people must be told, every 20 s for comparisons and sweeps that are due
//	Close     loads ▶ links to peers ▶ NATS ▶ tracker ▶ store
//
// The order of Close is that of dependence: what reads the tracker and the store ends
// before they do, and the store is last, since everything else may still have a row
// to write. A node that is killed skips all of it and loses nothing.
//
// # Limits
//
// Files kept beside the store take 20 GiB at most, a load hands over from one ticket a
// day to 10,000 a second, and memory follows limits.memory of parley.yaml. Errors for
// people are admin.Error: the kind decides the exit code, the hint says what to do.
//
// It has one tracker, and one process has the folder: admin.Listen sees to it.
package node
