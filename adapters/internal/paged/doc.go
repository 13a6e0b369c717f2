// Package paged reads lists that come in pages which the tracker counts.
//
// # Promises
//
//   - Each row is given once, and none that is there from beginning to end is left
//     out: what is taken out of the list meanwhile moves the rest over the edge of a
//     page, so that each page is read again when the next one was, and the list begun
//     anew if it ends otherwise.
//   - Of a link only what names the place in the list is taken: where the list is, is
//     known, and a link may lead to a host that the credential was not entered for.
//   - A list that does not end, or moves faster than it can be read, is an error.
package paged
