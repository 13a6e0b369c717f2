// Package backup writes a node's memory into one file and reads it back.
//
//	three lines of text: what this is, that the key is not in it, which node and when
//	32 bytes: salt, and a check that tells a wrong key from damage
//	sealed pieces of 64 KiB, AES-256-GCM, each with its number, the last one marked
//
// Sealed is a list of records: what the node is, its files (configuration,
// filters, tables, vault, attachments) and every row of its store in order, and
// at the end how many there were and the digest of them all.
//
// # Promises
//
//   - The rows are those of one moment. Files that they speak of are all there:
//     attachments are read after that moment, and none is ever removed.
//   - The file opens only under a key derived from the node's master key. That key
//     is not in it. The vault in it is sealed once more, as on disk.
//   - A file that was cut off, changed in any bit or put together from others is
//     ErrDamaged, found before anything of it is in force.
//   - Memory is bounded by a piece and a row, whatever the size.
//   - Create leaves a whole file, readable by its owner only, or none. Restore
//     leaves a whole node or what was there; it overwrites nothing.
//
// It does not keep several backups, prune or send them anywhere: files can be
// copied, and other programs do it well.
package backup
