// Package badgerstore is the store of a node: Badger on disk, encrypted.
//
// # Promises
//
//   - It keeps every promise of package store; storetest holds it to them, and a
//     test kills it in the middle of writing.
//   - One goroutine runs the functions of transactions, one after the other, into
//     a group; one more commits groups, one at a time. While one group is being
//     written the next one gathers and runs, and sees it. An answer, an error of
//     a function included, leaves only when all that the function saw is on disk.
//   - A function that returns an error or panics leaves nothing in its group; a
//     panic goes on in the goroutine that called.
//   - Memory is bounded by the options given to Badger, by the groups, of which
//     there are at most two, and by what the callers hold.
//   - Below the free-space mark Update returns ErrFull. A ballast file on the same
//     disk is given up when that is not enough, because Badger writes through
//     mapped files and would die of a full disk.
//   - What it cannot open it says why: ErrLocked, ErrWrongKey, ErrDamaged,
//     ErrNewer, each with what to do.
//
// Badger runs in its managed mode: this package gives out the versions. A
// snapshot is a number then, and neither View nor a transaction waits for the
// commit that is under way.
//
// It does not hold attachments (package blob does), makes no backups, and does
// not notice a power cut that loses what the disk said was written.
package badgerstore
