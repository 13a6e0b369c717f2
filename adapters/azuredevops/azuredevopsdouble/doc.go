// Package azuredevopsdouble is an Azure DevOps for tests: work items of one
// organisation, kept in memory, behind the REST API as Microsoft's specification and
// its samples have it, with its habits:
//
//   - a credential that is not taken is answered with a page to sign in at (203, or 302
//     for writes), nobody's with the anonymous account
//   - lists are {count, value}; the feeds of revisions and of discussions go by
//     watermark, without long texts; a comment that is edited makes no revision
//   - a patch is done whole or not at all; its test of a revision is refused with 412,
//     or 409; add of tags adds, replace replaces
//   - queries read times to the day unless told otherwise, and have at most so many
//     results
//   - posted HTML is cleaned: comments, scripts and inputs go
//   - deleted items go to the recycle bin and answer 404, as do those that are hidden
//   - an update's revisedDate is that of the next one; the last has the year 9999
//
// It shares no types with the adapter. It does not check requests: the tests hold them
// to the specification.
package azuredevopsdouble
