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
// seen when something else about the ticket changes. There is no optimistic
// lock, no label, and one category for a ticket. Links and time entries are
// not read.
package redmine
