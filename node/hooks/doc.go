// Package hooks is the listener for a tracker's webhooks: it lets authentic ones in
// and hands on what they hint at.
//
// # Promises
//
//   - Only the adapter decides what is authentic (adapters.Hooked). What is not is
//     answered with 401 and has no effect; nobody learns more from the answer.
//   - An authentic delivery is answered with 204, or with the receipt that its tracker
//     wants, at once, before anything is asked of the tracker, also when more come than
//     are followed up.
//   - Bodies, headers, time, requests at once and requests a second are bounded, for
//     authentic ones and others alike.
//   - A delivery that is repeated within ten minutes has no second effect.
//   - Hints are gathered for a moment and followed up together, at most once a second:
//     a flood of webhooks is no flood of requests to the tracker. Too many tickets at
//     once become one hint that something has changed.
//
// # What it does not do
//
// It speaks HTTP: for one that others reach, a proxy that ends TLS stands in front. It
// keeps nothing: hints that are lost cost time until the next poll, and no more.
package hooks
