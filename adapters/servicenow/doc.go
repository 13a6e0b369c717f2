// Package servicenow is the adapter for ServiceNow: incidents, or the records of
// another table that extends Task, by the Table API and the Attachment API.
//
// # Promises
//
//   - Every query names fields that the dictionary has, and every row that comes is
//     held to the query again: ServiceNow leaves out a condition that it does not
//     understand, and answers with all rows.
//   - A short or empty page is not taken for the end: limits count rows that the
//     account may not see. The end is where the total that ServiceNow tells is
//     reached.
//   - Polling goes by change time, then by sys_id, and looks back by as long as a
//     transaction may take. Files are polled beside the tickets, whose change time
//     they do not move.
//   - Times in queries are read in the account's time zone: nothing is polled before
//     a query has proved that this zone is GMT.
//   - A comment carries its marker in its text, in the request that adds it; a create
//     in correlation_id; a file in its name. A journal that is hidden from the account
//     is an error, never a ticket without comments.
//   - A 404 counts as a deletion only if no row is behind it that the account may not
//     see, here or in the archive.
//   - Text of a peer never becomes HTML in a journal, and no value becomes a script in
//     a query.
//
// # What it does not do
//
// There is no optimistic lock, and comments cannot be changed. Tags,
// related lists, time cards and approvals are not read. Changes written without system
// fields (autoSysFields(false)) are not seen by the poll.
//
// # What ServiceNow says, and what it means
//
//	404 for a record        deleted, archived or hidden: see above
//	200, fewer rows         nothing, unless the total says so
//	403 to a write          an ACL, or a data policy or business rule: told apart by its words
//	200 to a write          the record is saved; a field that the account may not write was left out
//	429                     the hourly limit of a rule: wait
//
// # Sources
//
// ServiceNow publishes no OpenAPI document. The requests of the tests are held to one
// of a third party and to the samples of ServiceNow's own documentation (Table API,
// Attachment API). What is known less well is named in docs/adapters/servicenow.md.
package servicenow
