// Package gitlab is the adapter for the issues of one project at GitLab.com or at a
// GitLab of one's own, from version 16 on, by the REST API (version 4).
//
// # Promises
//
//   - Polling and listing walk by time from a moment that is final and never by page
//     number, since rows move while a list is read; pages are followed only within one
//     moment, and read twice.
//   - No list is believed before the project said what the account may do there: a
//     public one lists its issues to nobody too.
//   - A create, a comment and a file carry their marker as a line of text, in the
//     request that makes them visible.
//   - A note whose visibility is not said counts as internal.
//   - Labels are added and removed: what a person adds meanwhile stays.
//   - Quick actions, names and numbers in what is written do nothing; they read back
//     as they were.
//   - An issue that was moved to another project is gone.
//   - A 404 counts as a deletion only if the account sees confidential issues too.
//
// # What it does not do
//
// GitLab has no files of issues, but uploads of a project that texts link to: a file is
// uploaded, and a note links to it. There is no optimistic lock. The API tells who set
// states, labels and milestones, but not who edited titles and texts: what is not whole
// would be taken for whole, so that no history is told. Status and fields of work items
// are not read; neither are epics, iterations and what is above an issue. What is above a task
// is, by GraphQL.
//
// # Sources
//
// GitLab's OpenAPI description (version 2), which each request of the tests is held to,
// and its documents. What they leave open is named in docs/adapters/gitlab.md.
package gitlab
