// Package envelope is the wire form of what two nodes say to each other. It has
// two layers:
//
//	Message ──Encode──▶ bytes ──Entry──▶ Cut ──Codec.Seal──▶ wire
//	Message ◀──Decode── bytes ◀──Entry── Cut ◀──Codec.Open── wire
//
// Encode and Decode turn an event.Message into its one canonical spelling and
// back: what Decode takes, Encode writes again byte for byte, so a digest over
// the bytes is a digest over the meaning. The bytes are fixed when the event is
// appended and never made again.
//
// A Codec signs and seals for one connection. What it opens was signed by the
// peer, for us, for this connection, in this direction, as this kind of
// message; the digests in the signed token are those of the entries; nothing is
// decrypted before the signature was verified and nothing is handed out before
// all of it holds. An envelope's token, kept, proves later who said what.
//
// The package keeps no order and knows no store: whether a number fits, whether
// a run continues the last one and whether a hello is fresh is decided in
// sync/flow. It does not hide sizes, counts or times.
//
// # Sources and limits
//
// A token is a compact JWS (RFC 7515) with Ed25519 (RFC 8037), bodies are sealed under
// a key that HPKE exports (RFC 9180; X25519, HKDF-SHA256, AES-256-GCM). HPKE's own
// contexts count their nonces, which allows no loss, repeat or reordering, so that
// nonces are random here: 4,096 bodies under one key are far below the 2^32 that NIST
// SP 800-38D allows. An envelope has at most 256 events and 512 KiB, a message 256 KiB.
//
// What is wrong with what came wraps ErrRefused or ErrMessage. The rest of the error
// is for this side's log: the sender is told that it was refused, and not how far it
// got.
//
// docs/wire-format.md is the specification; testdata holds vectors that another
// implementation must take or refuse.
package envelope
