// Package contract holds the requests of an adapter to its vendor's own OpenAPI
// specification. It is for tests only.
//
// # Promises
//
//   - Every request that passes a Spec's Handler is checked: the path and the
//     method are the specification's, no query parameter or member of a JSON
//     body is unknown to it, and every value has its type.
//   - Nothing is left out silently. What the specification does not describe, or
//     describes wrongly, is declared with its evidence, as Outside or Erratum, and
//     one that no request needed is a failure of Finish.
//   - Without the specifications a test says so in one line and goes on; with
//     CI=true it fails.
//
// The specifications are no part of the project. They are looked for in the
// directory that PARLEY_VENDOR_SPECS names, or in shared/vendor-specs beside
// the source tree.
//
// What it does not do: the check of answers, which are decoded from recorded
// bodies, of credentials, and of multipart bodies beyond that they hold a file.
package contract
