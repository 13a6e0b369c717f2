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
package node
