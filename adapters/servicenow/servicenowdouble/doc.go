// Package servicenowdouble is an instance of ServiceNow for tests, as far as tickets go:
// the Table API over a few tables (incident, sys_user, sys_journal_field, sys_attachment,
// sys_audit, sys_dictionary, sys_choice, …) and the Attachment API.
//
// It has the habits that make an adapter fail. Conditions that it does not understand are
// left out of a query. Limits count rows that the account may not see. Times in queries
// are read in the account's time zone, to the second. A column takes any text, cut to its
// length, and columns that are not there are ignored. Journals are columns that are
// written and never read back as a value; their rows can be hidden. A file does not move
// its ticket's change time. Closing and holding are held to data policies, which answer
// 403 as rights do. A row may become visible later than its change time says. Deleted
// rows are gone.
//
// Its bodies have the columns of recorded ones (Madrid) and the forms of ServiceNow's
// documentation. It shares nothing with the adapter.
package servicenowdouble
