// Package audit keeps a record of what people do with a node: who, when, from where,
// with which connection or ticket, and what it changed.
//
// A record holds the hash of the one before it. Whoever notes a Head, the number and
// hash of a record, anywhere else can find out later that records before it were
// rewritten, or that the end was cut off.
//
// # Promises
//
//   - Append returns when the record is on the disk; numbers have no holes.
//   - Check finds a record that was changed, left out, put in or put elsewhere, and an
//     end that was cut off behind a head that is known.
//   - What Prune removes is named by a signed record that stays.
//   - No text of a ticket and no secret is kept: records hold names, numbers and what
//     the caller says of them, cleaned and bounded.
//
// Who owns the machine can rewrite all of it from the first record on; only heads that
// were noted elsewhere tell.
package audit
