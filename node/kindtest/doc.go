// Package kindtest keeps twenty tickets in step between whole nodes, both ways, for
// each kind of tracker: with the built-in desk and with a kind of another vendor, with
// comments, internal comments, attachments, status and formatted text, while the
// tracker misbehaves in every few requests (adaptertest.Trouble): limits, refusals, cut
// connections and bodies, answers that never come, rows given twice, and a clock that
// jumps, beside one that is wrong anyway. Every request of nodes and people is held to
// the vendor's own specification.
//
// It is tests only. A kind has one file: it starts its double, and says by which
// settings a node and a person sign in (side). It does not test what the adapter does
// by itself: adaptertest does.
package kindtest
