// Package connection is who two nodes are to each other and how they came to
// know each other.
//
// # Identity
//
// A node's identity key may live offline. It signs a Document that names the
// operating keys: signing, sealing, TLS. Peers keep to the identity; the
// operating keys may change under it. The node id is a hash of the identity.
//
// # Pairing
//
// One side invites and hands a code to the other by whatever way people have.
// The code says where the inviter is, which TLS key it has and which document
// it will show, until when, and holds a one-time secret. From the secret both
// derive a sign-in for pairing messages only, and the key that seals them.
//
//	acceptor                                          inviter
//	   ask:  its document, its transport key,            │
//	   │     a commitment to its nonce                   │
//	   ├────────────────────────────────────────────────▶│ stores who asked
//	   │ offer: its document, connection id, terms,       │
//	   │◀────────────────────────────────────────────────┤ its nonce, its signature
//	   │ holds the document to the code; a person         │
//	   │ may look at the terms; stores the offer          │
//	   │ confirm: its nonce, its signature                │
//	   ├────────────────────────────────────────────────▶│ stores the agreement
//	   │ done                                             │
//	   │◀────────────────────────────────────────────────┤
//	   │ stores the agreement                             │
//
// Both sign the same transcript: SHA-256 over ask and offer. Each keeps the
// other's signature, so neither can say later that it agreed to something else.
//
// A code works for one acceptor: who asked is stored before the offer leaves.
// Any message may be lost: the same acceptor that asks or confirms again gets
// the same answer, also after a crash of either side.
//
// The package sends nothing itself: an Exchanger does. It keeps nothing either:
// what must last goes through callbacks.
//
// # Words
//
// Whoever got hold of the code, and of the line, could stand between the two. So both
// make words of all that was said: four that the inviter's admin reads to the acceptor's,
// four the other way. Somebody in between has had to say one thing to each side; the
// words are alike only by chance, one in 2^32 for each direction, and there is one try:
// the acceptor commits to its nonce before it sees the inviter's, reveals it after, and
// reveals it for one offer only.
package connection
