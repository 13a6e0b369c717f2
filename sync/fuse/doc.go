// Package fuse bounds how many tickets may be created, closed, deleted or taken out
// of step in a minute, so that a runaway filter or a hostile peer does no more than
// a minute's harm.
//
// Two kinds of bound: a brake slows and gives way by itself (Creates: a load that
// an admin asked for takes longer and ends well, and a ticket too many is easily
// seen and closed). A fuse blows and waits for a person (the others: what was
// closed, deleted or ended by mistake is hard to find again). What does not get
// through stays where it waits; nothing is lost.
//
//	allowed --limit reached in a minute, brake--> slowed until the minute has passed
//	allowed --limit reached in a minute, fuse--> blown --Reset--> allowed
//
// A ticket counts once a minute, however often it is tried. The counts are in
// memory: a restart forgets one minute. What is blown the caller stores. It is
// pure, and may be used from several goroutines.
package fuse
