// Package hook tells authentic webhooks from forged ones, in the forms that vendors
// use: a signature of the body (hexadecimal or base64, with or without a time in it),
// Standard Webhooks, a shared token, a basic sign-in, and a secret in the path.
//
// # Promises
//
//   - Secrets and signatures are compared in constant time, also where their lengths
//     differ. An empty secret fits nothing.
//   - Where a time is signed, a delivery counts for five minutes. Where none is, the
//     digest of what was signed tells a repeat (Once), for the node to drop.
//   - Nothing of what came is in an error.
//
// It does not parse bodies: what they are about is each adapter's to know.
package hook
