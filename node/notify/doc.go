// Package notify tells people what a node cannot mend by itself: a ticket is
// parked, a peer is away, a connection has stopped.
//
// It keeps two sets: what is wrong now (Raise, Clear) and who has been told of it
// (State, durable). A target is sent the difference, whatever happened in
// between: who was not told of something that is wrong, and who was told of
// something that is over. What came and went before it was told is not told.
//
//	Raise ──▶ wrong ──┐
//	                  ├─ difference per target ──▶ wait a little ──▶ one message ──▶ told
//	State ──▶ told  ──┘            ▲                                    │ failed: backoff
//	                               └────────────────────────────────────┘
//
// # Promises
//
//   - A target is told once of a trouble, and once that it is over, across
//     restarts too. A crash between sending and recording repeats one message.
//   - Raise and Clear never wait for a mail server, a webhook or the store.
//   - Troubles that come together go out together, in one message for each target.
//   - A message holds kinds, connection names, ticket keys and codes. No text of
//     a ticket, no secret, no control character.
//
// It does not decide what is wrong, or who is to be told.
package notify
