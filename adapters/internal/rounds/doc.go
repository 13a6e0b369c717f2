// Package rounds is how a poll goes through a tracker's changes where all that it
// has is a list by change time.
//
// A poll goes in rounds, over several calls if need be: from a time that is final
// to the newest change. Where the next round begins is decided when one begins:
// what was older than the overlap by then is final; all that is known is, once
// nothing newer came for as long as the overlap. A tracker whose clock was set back
// is followed back.
//
// # Promises
//
//   - Nothing is left out that shows within the overlap of its change time.
//   - What is given in one call is in the order of time and id, and never more than
//     the limit.
//   - A cursor stays valid for good.
//
// How rows are read, and in which pages, is the adapter's.
package rounds
