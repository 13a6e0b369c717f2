// Package jiradouble is a Jira that tests run: Cloud or Data Center, with the
// state of one and the habits that an adapter has to live with. It shares nothing
// with the adapter.
//
// # What it does as Jira does
//
//   - The search shows what was written only after a while; an issue by its id is
//     always as it is.
//   - Times in JQL count to the minute, and as text in the account's time zone;
//     times in answers are in that zone too, without a colon in the offset.
//   - Pages are by token in the Cloud, by number in a Data Center, where they shift
//     when rows move.
//   - Nobody gets an empty list, and a 404 for every issue.
//   - A create answers without times, an edit and a transition with nothing.
//   - The status moves by transitions only, with a screen on one of them.
//   - Files of the Cloud are on another host.
//   - Limits come with seconds, with a date, with a reset time, or with nothing.
//
// It is not for use outside of tests: it keeps everything in memory for good.
package jiradouble
