// Package githubdouble is a GitHub that tests run: one repository with its issues,
// with the state of one and the habits that an adapter has to live with. It shares
// nothing with the adapter.
//
// # What it does as GitHub does
//
//   - The list of issues holds pull requests too. Its times are of a second, and the
//     order within one is not that of the numbers.
//   - Pages are by number and shift when rows move; beyond Options.Deep a number is
//     refused, and the cursor of the Link header is to be followed. The Link header
//     names the repository by its id.
//   - Nobody sees a private repository, and sees a public one without permissions.
//   - Labels, assignees, milestone, type and fields from those who may not set them
//     are dropped without a word; so is an assignee who cannot be assigned.
//   - A reason without a change of the state is ignored.
//   - A deleted issue is 410, a transferred one 301, a hidden one 404.
//   - Limits come as 403 or 429, with Retry-After, with a reset, or with words only.
//
// It is not for use outside of tests: it keeps everything in memory for good.
package githubdouble
