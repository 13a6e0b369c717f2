// Package adaptertest holds an adapter to the obligations of package adapters.
//
// Run is called from an adapter's own test with a Subject: a tracker that runs
// (a real one where there is one), how to open the adapter, and a Hand that
// acts as a person in the tracker, past the adapter. Every subtest is a
// promise by name. The adapter talks to the tracker through a proxy that the
// suite breaks on purpose: limits, errors after the effect, cut and hung
// connections, answers that are not the tracker's.
//
// What a tracker cannot do is declared in the Subject, and the suite then
// checks that the adapter says so. Nothing is skipped.
//
// The suite writes to the tracker: some eighty tickets. Each test makes its
// own, so that the tracker need not be empty and nothing is cleaned up.
package adaptertest
