// Package salesforcedouble is an org of Salesforce for tests: cases with comments and
// files behind the REST API, kept in memory, with the habits that the vendor's guides and
// reports of users describe. It shares nothing with the adapter.
//
// # Habits
//
//   - Change times are whole seconds. A comment changes its case's time only if the
//     options say so, a file never does.
//   - Queries are SOQL, read by a parser of their own. A field that is hidden from the
//     account is no column; a long text cannot be filtered; links to files cannot be
//     queried but by what they link.
//   - Texts lose the spaces at their ends, and an empty one is none.
//   - Upserts by an external id make one record; a second of the same id is an update.
//   - The recycle bin is seen by queryAll only. A case that was merged names its master.
//   - Assignment rules give a case to a queue unless the request says not to.
//   - Each answer says how many calls the org has made.
//
// What it does not do: record types' own lists of values, sharing, triggers, flows.
package salesforcedouble
