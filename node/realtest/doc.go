// Package realtest runs the whole product against real trackers: three nodes
// as processes of their own, each in front of a Redmine or a Request Tracker,
// with people at work on all three desks while nodes and trackers are killed.
//
// It is tests only, with the build tag "real": `make test-real` runs them. Compare
// serves the same test against the desk too.
// PARLEY_REAL_TICKETS scales the scenario (200 by default), PARLEY_REAL_KEEP=1
// keeps the folders with logs for a look afterwards.
//
// It does not test what an adapter does by itself: the adapters' own tests do.
package realtest
