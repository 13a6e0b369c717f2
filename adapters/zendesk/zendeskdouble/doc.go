// Package zendeskdouble is a Zendesk Support account that tests run, with the state
// of one and the habits that an adapter has to live with. It shares nothing with the
// adapter.
//
// # What it does as Zendesk does
//
//   - Nobody gets 200 and a user without an id from users/me, and 401 elsewhere.
//   - The export leaves out the last minute, goes by a time that also counts changes
//     made by Zendesk itself, shows deleted tickets and later their remains, and is
//     limited to some requests a minute.
//   - Times are whole seconds.
//   - A create with a known Idempotency-Key answers with the first one's ticket for
//     two hours, and refuses another body. External ids are not unique.
//   - The first comment is the description. What a comment says of its visibility
//     holds for the next one that says nothing. No comment is changed.
//   - Tags replace; values of drop-downs and check boxes are tags as well.
//   - Uploads run out after an hour, and are then left out silently.
//   - A closed ticket takes nothing. Merges close the source. Deleted tickets are
//     kept for a while, then scrubbed.
//   - safe_update, limits of requests to one ticket, files on another host behind a
//     signed address.
//
// It is not for use outside of tests: it keeps everything in memory for good.
package zendeskdouble
