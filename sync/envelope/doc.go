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
// docs/wire-format.md is the specification; testdata holds vectors that another
// implementation must take or refuse.
package envelope
