// Package adapters is the seam between Parley and a tracker.
//
// An adapter turns one kind of tracker into a Tracker. It keeps no state of
// its own that a restart would lose, decides nothing about what is
// synchronised, and retries nothing: it says what happened, in the classes of
// Error, and sync/retry decides. Abilities that not every tracker has are
// small interfaces beside Tracker.
//
// # Obligations
//
//   - Changes MAY repeat a ticket and MUST NOT leave one out, whatever moves
//     while it pages, within the overlap that the tracker's precision and index
//     lag demand, nor where the tracker's clock was set back and its answers tell
//     its time. It MUST NOT take "no rows" from an anonymous or wrongly
//     scoped sign-in for an empty tracker: that is ErrDenied.
//   - Read MUST return the whole ticket with every marker taken out of the text
//     and put into Marker. Newlines MUST be \n. A comment whose visibility is
//     not certain MUST be Internal. A ticket that is gone is ErrGone, and only
//     if the tracker said so with a sign-in known to be good. Where a tracker
//     answers the same for a ticket that the account may not see, that answer is
//     ErrDenied, unless something else proves the deletion. A ticket that became
//     a part of another one is ErrMerged.
//   - Write MUST leave the step's marker with what it adds, in the same request
//     that adds it. It MUST NOT retry. An answer that does not tell whether the
//     write took effect MUST be ErrDoubt.
//   - Find MUST look for the marker of a step and nothing weaker, and MUST NOT
//     answer none as long as the tracker's index may lag: that is later.
//   - Schema MUST come from the tracker's own metadata, as this account sees it.
//   - Text is GitHub-flavoured Markdown; what cannot be converted is kept as text.
//   - A body that is not what the protocol says (HTML, cut JSON) MUST be an
//     error, never an empty result.
//   - Every method obeys its context and may be called from several goroutines.
//
// Package adaptertest holds an adapter to all of this.
package adapters
