// Package natsbus carries messages between two nodes over NATS. It is the only
// package that imports NATS.
//
// A node that can be reached embeds a Server, and its peers Dial it:
//
//	private node                      reachable node
//	Dial ── TLS 1.3, pinned key ──▶ Server ◀── in process ── Server.Link
//
// Nodes that cannot be reached, or sites that run NATS already, both Dial an
// existing NATS by URL, credentials and subject prefix.
//
// # What the server promises
//
//   - Every connection is an account of its own: its peer sees no other
//     connection's subjects, publishes and subscribes to its own only, and has
//     its own bounds of clients, subscriptions and message size.
//   - A client signs in with the NKey that the connection agreed on, inside TLS
//     whose handshake comes before any NATS byte. There is no other way in.
//   - A pairing is an account with two subjects and a key that only the one-time
//     secret of an invitation yields.
//   - Nothing is stored: no JetStream, no clustering, no monitoring port.
//
// # What a client promises
//
// It never gives up reconnecting, keeps nothing for later (a request that
// cannot leave at once fails at once), takes no server addresses from the
// server, and reports every asynchronous error to the log.
//
// Order, repeats and durability are the business of sync/flow; who said what is
// that of sync/envelope. A NATS that lies can delay and lose, and learns sizes,
// times and ids.
package natsbus
