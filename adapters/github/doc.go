// Package github is the adapter for the issues of one repository at GitHub.com or
// at a GitHub Enterprise Server, by the REST API.
//
// # Promises
//
//   - Polling walks by change time from a second that is final and never by page
//     number, since rows move to the end of the list while it is read; pages are
//     followed only within one second, by the Link header, and read twice.
//   - No list is believed before the repository said what the account may do there:
//     a public one lists its issues to nobody too.
//   - A create and a comment carry their marker as a line of their text, in the
//     request that makes them. It is looked for in the list of what changed since,
//     never by the search, whose index lags.
//   - What GitHub drops silently from accounts that may not set it (labels,
//     assignees, milestone, type, fields) is refused before the request.
//   - Labels and assignees are added and removed one by one: what a person adds
//     meanwhile stays.
//   - Pull requests, which GitHub lists among the issues, are no tickets.
//   - Names after an @ and numbers after a # in what is written notify and link
//     nobody; they read back as they were.
//
// # What it does not do
//
// GitHub has no internal comments and no files: both are refused, since everybody
// who sees the repository would see the comment, and the API takes no uploads.
// Pictures that people put into a text stay links. There is no optimistic lock.
// Edits of a text are not in the history. Projects, reactions and links to pull
// requests are not read.
//
// # What GitHub says, and what it means
//
//	404 for an issue         never was, if its number is above the newest; else hidden
//	410                      deleted, or the repository has no issues
//	301                      transferred, or the repository was renamed
//	403 with a limit's signs wait as told, at least a minute where it is not said
//	200, without permissions the sign-in does not count
//
// # Sources
//
// GitHub's OpenAPI description; each request of the tests is held to it. What it
// leaves open is named in docs/adapters/github.md.
package github
