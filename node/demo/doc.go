// Package demo runs two companies on one machine: each with a built-in ticket
// desk, and a node of its own in front of it. Tickets flow both ways.
//
// The desks run in this process, the nodes in two child processes with their
// own folders, keys and encrypted stores; they talk over NATS on 127.0.0.1 and
// are joined as any two nodes are, by an invitation.
//
//	this process                       children
//	┌────────────────────┐   HTTP   ┌────────────────┐
//	│ Acme's desk        │ ◀──────▶ │ Acme's node    │
//	│                    │          └───────┬────────┘
//	│ watches both desks │                  │ NATS
//	│                    │          ┌───────┴────────┐
//	│ Globex's desk      │ ◀──────▶ │ Globex's node  │
//	└────────────────────┘   HTTP   └────────────────┘
//
// # Promises
//
//   - What is in the folder stays: a second start goes on with it, also after
//     a first start that was cut off anywhere.
//   - A node that dies is started again. When Run or Once returns, both nodes
//     have ended.
//   - What is told of a crossing, and the times of Once, is what the two desks
//     say, not what the nodes believe.
//   - Text of tickets is printed without control characters, in bounded length.
//
// It is for one machine and for looking at; it is no way to run nodes for work.
package demo
