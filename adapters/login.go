package adapters

import (
	"context"
	"net/url"
)

// The settings of a Kind with a Login: where its refresh token stands, and the address
// that its application was registered with, "" for one on this machine.
const (
	SettingRefreshToken = "refresh_token"
	SettingRedirect     = "redirect_uri"
)

// Login is one sign-in of a person in a browser, by which Parley may act for an account
// (RFC 6749, section 4.1, with the proof of RFC 7636).
type Login interface {
	// Address is where the person's browser begins. It is sent on to redirect, with the
	// answer as its query.
	Address(redirect string) string
	// Ours tells whether an answer belongs to this sign-in.
	Ours(answer url.Values) bool
	// Finish exchanges the answer for a refresh token. An answer is good once, whatever
	// comes of it.
	Finish(ctx context.Context, answer url.Values) (refresh string, err error)
}
