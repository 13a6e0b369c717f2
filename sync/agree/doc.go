// Package agree is what two nodes compare when they verify a connection: of each
// twin and direction, what the one side last said and had confirmed, and what the
// other last received. It has the digests, the comparison, and the messages that
// carry both.
//
//	asker                                peer
//	buckets 0 to 15, … ────────────────▶ two digests of each (sent, received)
//	twins of a bucket that differs ────▶ two digests of each, and what is under way
//	one twin that differs ─────────────▶ its facts: fields, comments, files
//	heal these ────────────────────────▶ how many will be sent whole
//
// Everything is salted by the asker and bound to the connection, the sender and the
// twin, so that a digest tells nothing to somebody who lacks what it is of.
//
// It is pure. It promises that equal records have equal digests, that a difference
// is named by the very field, comment or file, and that every message has one
// spelling and a bound. It reads no store and decides no repair.
package agree
