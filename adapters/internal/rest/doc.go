// Package rest is the one HTTP layer of all adapters: it sends one request and
// says in the classes of adapters.Error what became of it.
//
// # Promises
//
//   - The credential goes to the origin of Options.Base and to no other, also
//     when the tracker redirects.
//   - A request is sent once. Nothing here retries; redirects of reads are
//     followed, those of writes are not.
//   - A write is ErrTransient only if nothing of it can have reached the
//     tracker, and ErrDoubt whenever the answer does not tell what it did.
//   - An answer that should be JSON and is not, or is not whole, is an error.
//   - Bodies, headers, nesting, redirects, time and requests at once are bounded.
//   - The trace (zerolog of the context, debug) holds method, path template,
//     status and duration. Query values, bodies and credentials are never in
//     it, and never in an error except the tracker's own words in Detail.
//
// # Classes
//
//	                                   read              write
//	no connection, TLS refused         ErrTransient      ErrTransient
//	time-out, cut connection, 408, 5xx ErrTransient      ErrDoubt
//	429, 403 that says it is a limit   ErrLimited        ErrLimited
//	401, 403                           ErrDenied         ErrDenied
//	404, 410                           ErrGone           ErrGone
//	400, 409, 413, 422                 ErrRejected       ErrRejected
//	412                                ErrChanged        ErrChanged
//	423, 425                           ErrTransient      ErrTransient
//	other 4xx                          ErrConfiguration  ErrConfiguration
//	301, 307, 308                      followed          ErrConfiguration
//	302, 303                           followed          ErrDoubt
//	other status not expected          ErrConfiguration  ErrDoubt
//	HTML for JSON, not JSON            ErrConfiguration  ErrDoubt
//	JSON or body that ends too early   ErrTransient      ErrDoubt
//
// Whether a 404 is to be believed is for the adapter to decide.
//
// What it does not do: rate limiting ahead of time, caching, cookies.
package rest
