// Package azuredevops is the adapter for work items of Azure DevOps Services and Azure
// DevOps Server (REST API 7.1).
//
// # Promises
//
//   - Polling goes by the watermark of the feed of revisions, and by that of the feed
//     of discussions, since the text of a comment changes without a revision. No time
//     is compared but for the place to begin at.
//   - No list is believed before the sign-in was accepted: a page to sign in at, which
//     comes with 203 or 302, counts as a refusal.
//   - An update is one patch: fields, status and comment are there together or not at
//     all. It tests the revision that it was decided on.
//   - A create carries its marker as a tag or in a field, in the request that makes the
//     work item; a comment in a last line, a file in the comment of its relation.
//   - A 404 counts as a deletion only if the work item is in the recycle bin, or if its
//     number was never given out.
//   - What Azure DevOps asks to wait, with an answer of success too, is waited.
//
// # What it does not do
//
// Azure DevOps has no internal comments: one is refused. Links beside the parent are
// read and not written. Who attached a file is not read. Pictures inside a text are
// kept as their addresses.
//
// # Sources
//
// Microsoft's specifications of the work item, service hook and identity APIs; each
// request of the tests is held to them. docs/adapters/azuredevops.md names what they
// leave open.
package azuredevops
