//go:build linux

// Command torture kills real nodes while people work, and holds what is left to
// the promises. `make torture` runs it.
//
// Two organisations, each with a ticket desk and a node (`parley run`: real
// NATS, a real store), each of these a process of its own. People at both desks
// make tickets, change fields and statuses, write public and internal comments,
// edit comments and add files, all the time. Nodes and desks are killed (SIGKILL)
// at random moments: a few milliseconds after their start as well as seconds
// later, at times both nodes at once.
//
// Then people stop, everything runs until nothing waits, and both desks are
// read: every ticket has one twin, its fields agree, every public comment and
// every file stands once, in order, no internal comment crossed, nothing is
// parked. What people did is read from the desks too: a desk that is killed may
// have taken a change that it never answered.
//
// One line of JSON goes to stdout. If something is wrong it exits with 1, says
// what, and leaves the folders with stores, journals and logs.
//
// Processes are real, so a seed repeats what people do and when is killed, not
// what happens in between. It needs Linux: the children end with this process.
package main
