// Package gitlabdouble is a GitLab that tests run: one project with its issues, with
// the state of one and the habits that an adapter has to live with. It shares nothing
// with the adapter.
//
// # What it does as GitLab does
//
//   - The list of issues holds only those that one made, unless all are asked for. Its
//     order within one moment is not that of the numbers, and pages are counted.
//   - Nobody sees a private project, and sees a public one without permissions.
//   - Confidential issues and internal notes are hidden from those below Planner, as if
//     they were not there.
//   - What was done stands among the notes, as notes of the system.
//   - Lines of a text that begin with a slash and an order are done and taken out; a
//     note of an emoji alone is a reaction.
//   - An application's access token ends after two hours, and a refresh token is good
//     once.
//   - Files are uploads of the project, under a name that GitLab makes of theirs.
//
// It is not for use outside of tests: it keeps everything in memory for good.
package gitlabdouble
