// Package zendesk is the adapter for Zendesk Support (Ticketing API, version 2).
//
// # Promises
//
//   - Polling follows the incremental export, which leaves nothing out, shows
//     deletions and goes by the time that counts changes of Zendesk's own too. The
//     list of tickets by change time is read beside it, since the export is a
//     minute late.
//   - A create carries its marker as the key that makes Zendesk answer a repeated
//     request with the first one's ticket, and as the ticket's external id, which is
//     looked up in a list that does not lag. A comment and a file carry it in the
//     metadata of their audit, in the request that adds them.
//   - Every comment says whether it is public: what the last one said would hold
//     otherwise.
//   - A write is one request, and is refused by Zendesk if the ticket changed since
//     the read that it was decided on.
//   - Tags are added and removed, never replaced; those that stand for values of
//     fields are no labels.
//   - A file's bytes are fetched with the credential from Zendesk's own address only.
//
// # What it does not do
//
// Comments cannot be changed in Zendesk, nor can the description, which is a ticket's
// first comment. A closed ticket takes nothing more, and Parley closes none: Zendesk
// closes solved ones. Side conversations, copies, followers, organisations, ticket
// forms and time tracking are not read.
//
// # What Zendesk says, and what it means
//
//	200 to users/me, no id    nobody is signed in
//	404 for a ticket          deleted, if the account sees all tickets
//	409 UpdateConflict        the lock: somebody changed the ticket since
//	409                       somebody is writing to it: nothing happened
//	400 for a known key       an earlier create with other words arrived: look it up
//	422 closed prevents …     the ticket is closed
//	429                       a limit, with the seconds to wait
//
// # Sources
//
// Zendesk's own OpenAPI document; each request of the tests is held to it. What it
// leaves open is named in docs/adapters/zendesk.md.
package zendesk
