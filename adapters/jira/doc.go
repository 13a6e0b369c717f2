// Package jira is the adapter for Jira Cloud (REST API 3) and Jira Data Center
// from version 9.12 on (REST API 2).
//
// # Promises
//
//   - Polling goes by change time, then by id, and never trusts that the search
//     shows all that was written: it looks back by the index lag, until that time
//     has passed without a newer change.
//   - No list is believed before the sign-in was accepted by /myself: a search
//     without one answers with no issues.
//   - A create and a comment carry their marker as a property in the request that
//     makes them, a file in its name, since files have no properties.
//   - A comment is written as internal only where Jira has such comments: in a
//     project of Jira Service Management, or with a role or group to restrict it to.
//   - A 404 counts as a deletion only if the account may browse all of the
//     projects, and none of them has security levels that could hide an issue.
//
// # What it does not do
//
// Jira has no optimistic lock. Changes of properties, votes and remote links do
// not move an issue's change time. Worklogs and remote links are not read, issue links are not written. Pictures
// inside a description are kept as their names.
//
// # What Jira says, and what it means
//
//	404 for an issue       deleted, moved away or hidden: see above
//	200, no issues         nothing, before the sign-in was accepted
//	201 to a create        made, but without its creation time, which is read
//	400                    these values are not taken
//	429                    with or without Retry-After: wait
//
// Dates in JQL are read to the minute, and as text in the account's time zone:
// only milliseconds since 1970 are sent, and what comes is compared again.
//
// # Sources
//
// Atlassian's OpenAPI documents of both products; each request of the tests is
// held to them. What they leave open is named in docs/adapters/jira.md.
package jira
