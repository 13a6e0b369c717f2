// Package shape is what two nodes tell each other of what they send: the names of
// fields, their types as far as they are known, and the options that a filter names.
//
//	filters.Outgoing.Shape ──▶ Egress.Shape ──▶ Of ──▶ Tell ──▶ the peer: Env.Peer
//	                                                    │
//	                                  Held ◀────────────┘
//
// # Promises
//
//   - A shape holds no value of a ticket, nothing of a script, no variable, and no
//     options of a tracker that the filter does not name itself.
//   - One shape has one spelling, and so one digest.
//   - What was decoded is bounded, and holds no control or format characters.
//
// It does not decide when a shape is told, or which is the newer one on disk: see
// sync/flow.
package shape
