// Package rest is the one HTTP layer of all adapters: it sends one request and
// says in the classes of adapters.Error what became of it.
//
// # Promises
//
//   - The credential goes to the origin of Options.Base and to no other, also
//     when the tracker redirects.
//   - What the tracker points to elsewhere is dialled only outside: no loopback, no
//     link-local address, no cloud's metadata, unless the base origin is at one itself.
//   - A request is sent once. Nothing here retries, with one exception: what was
//     refused because its access token had ended (401) did nothing, and is sent
//     once more with a fresh one. Redirects of reads are followed, those of writes
//     are not.
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
// # Access tokens
//
// With Options.Token, requests to the base origin carry an access token. It is
// renewed a minute before it ends and when it is refused; one renewal serves all who
// wait, and outlives whoever began it. A streamed body cannot be sent once more: it
// is ErrTransient, with the token renewed for the next try. A token that was never
// let in is not renewed for a 401, which is ErrDenied then, and so is a second 401.
//
//	source, err := rest.OAuth{
//		URL: tokenURL, Client: id, Secret: secret, // RFC 6749, section 4.4
//		UserAgent: opt.UserAgent,
//	}.Source()
//	…
//	client, err := rest.New(rest.Options{Base: opt.URL, Token: source, …})
//
// A refresh token takes Refresh, Name and Keeper: opt.Keeper instead of Secret (or
// beside it, as the server wants). The one that replaces it is on disk before its
// access token is used; entering another one voids what is kept. A JWT takes Assert:
//
//	key, err := rest.ParseKey(opt.Settings["private_key"])
//	OAuth{URL: tokenURL, Assert: rest.JWT{Key: key, Issuer: id, Subject: user, Audience: site}.Sign}
//
// A sign-in of another form is a Source of its own: a function that returns a token
// and when it ends.
//
//	no token, since                          class
//	the credential ended or was revoked      ErrDenied, with a date in the hint if known
//	the token host is down, or says 5xx      ErrTransient, also for writes
//	it says 429                              ErrLimited
//	anything else, 404 among it              ErrConfiguration
//
// The client's credentials and the refresh token go to the origin of OAuth.URL and to
// no other; neither host sees what is the other's. A tracker that says 401 for what the
// account may not do costs one renewal each time.
//
// What it does not do: rate limiting ahead of time, caching, cookies.
package rest
