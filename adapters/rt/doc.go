// Package rt speaks to Request Tracker 5 through its REST 2 interface.
//
// # Promises
//
//   - Changes walks LastUpdated, then id, upwards from its cursor and never by
//     page number, so that nothing is left out while tickets move. A round
//     starts a minute before the newest ticket of the round before it.
//   - Times in queries are written for an account whose time zone is UTC; that
//     it is one is checked with a ticket of known time, and an account with
//     another zone is refused: it would leave tickets out.
//   - A Comment is internal, a Correspond is public; other transactions, the
//     copies of outgoing mail among them, are no comments.
//   - What a create adds is marked in the custom field named by marker_field,
//     else by the last line of its text ("[sync:…]"); comments and files by the
//     last line of their text. Only texts of our own account are searched for
//     markers, and only their last line.
//   - A ticket that was deleted or merged is ErrGone.
//   - Step.Lock is honoured: by If-Match for fields, by comparing just before
//     for a comment, which RT does not lock.
//
// What it does not do: edit comments and descriptions (RT cannot), read custom
// fields that hold images or files, notice deletions by polling (RT takes them
// out of every list), keep the type of text files (RT would change their bytes).
//
// # What RT says, and what it means
//
//	404 to a good token    there is no such ticket, or none any more: ErrGone
//	200, status deleted    it was deleted: ErrGone; another EffectiveId: ErrMerged
//	403                    it is there, and hidden from the account: ErrDenied
//	200 to a PUT           some of it was done: the sentences in the body say what not
//	201 to a create        unknown fields and values were dropped without a word
//
// Times have whole seconds, and the mail that RT sends of a change moves LastUpdated
// once more, so that Precision is three. RT cuts subjects and pages silently.
//
// # Sources
//
// docs.bestpractical.com has the API (RT::REST2) and the query language (Ticket SQL).
// What they do not say stands in scripts/trackers/README.md, as RT 5.0.3 was seen to
// do it, and the tests named TestTrap hold a real one to it.
package rt
