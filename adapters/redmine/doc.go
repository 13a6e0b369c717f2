// Package redmine is the adapter for Redmine 5 and later, by its REST API.
//
// # Promises
//
//   - Polling goes by change time, then by id, never by offset, so that rows
//     which move while it pages are not left out; it looks back 15 seconds,
//     until that time has passed without a newer change.
//   - No list is believed before the key was accepted by /users/current.json: a
//     wrong key counts as anonymous in Redmine and gets an empty list.
//   - A status that the workflow does not allow is refused before anything is
//     written: Redmine would ignore it and say nothing.
//   - An id that was given out again is not taken for the ticket that had it.
//   - Every create, comment and file carries its marker in the request that
//     makes it: in a custom field, or in a line that Textile and Markdown do
//     not show, or in the description of a file.
//
// # What it does not do
//
// Edits and deletions of notes do not move a ticket's change time: they are
// seen when something else about the ticket changes. A link does not
// move it either, at neither issue. There is no optimistic lock, no label, and one
// category for a ticket. Time entries are not read, nor the delay of a link.
//
// # What Redmine says, and what it means
//
//	404 to a good key      the issue was deleted: ErrGone
//	403                    it is there, and hidden from the account: ErrDenied
//	204 to a write         nothing: what the account may not set was ignored
//	200, no rows           nothing, before the key was accepted: see above
//
// Times have whole seconds, so that Precision is one of them and a second of skew
// between application servers. A subject has 255 characters, a page 100 rows.
//
// # Sources
//
// Redmine's wiki has the API (Rest_api, Rest_Issues, Rest_Journals). It does not say
// most of the above: scripts/trackers/README.md has what Redmine 5.0.4 was seen to
// do, and the tests named TestTrap hold a real one to it.
package redmine
