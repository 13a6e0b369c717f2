// Package salesforce is the adapter for the cases of Salesforce (REST API).
//
// # Promises
//
//   - Polling goes by SystemModstamp and id, in the order of both, over cases, their
//     comments and their links to files: many rows bear one time, and neither a comment
//     nor a file need change the case. What shows late is seen within the overlap.
//   - A create is an upsert by its marker, where an administrator made the field for it:
//     sent twice it makes one case. Else the marker stands in the description.
//   - Fields and comment of a step are written in one request, both or none.
//   - A write is refused by Salesforce if the case changed since the read that it was
//     decided on, and by the adapter if it changed within the second that
//     Salesforce's condition does not see.
//   - No text from anywhere becomes a part of a query but as a literal.
//   - Every request goes to the org's own address, the ones for tokens too.
//   - What Salesforce refuses is told by its own code, with the fields.
//
// # What it does not do
//
// Feed posts, e-mail messages, the older kind of attachments, topics, teams, milestones,
// entitlements and related issues are not read. Comments cannot be changed by an account
// that may not modify all data.
//
// # What Salesforce says, and what it means
//
//	403 REQUEST_LIMIT_EXCEEDED    a limit: the calls of the day are used up
//	400 UNABLE_TO_LOCK_ROW        somebody is writing: nothing happened
//	400 INVALID_FIELD, in a query the account does not see the field
//	412                           the lock: somebody changed the case since
//	300 to an upsert              several cases have the marker
//	404 ENTITY_IS_DELETED         in the recycle bin: see IsDeleted and MasterRecordId
//
// # Sources
//
// Salesforce's own collection of requests, to which each request of the tests is held,
// and its developer guides. What they leave open is named in docs/adapters/salesforce.md.
package salesforce
