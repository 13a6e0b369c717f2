package hook_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/internal/hook"
)

// The first is the example of GitHub's documents; the other signatures were made with
// another implementation of HMAC-SHA256 than ours.
const (
	githubSecret    = "It's a Secret to Everybody"
	githubBody      = "Hello, World!"
	githubSignature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

	standardSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	standardID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	standardTime      = "1614265330"
	standardBody      = `{"test": 2432232314}`
	standardSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

	zendeskTime      = "2026-03-25T05:09:27Z"
	zendeskBody      = `{"ticket_id":"35436"}`
	zendeskSecret    = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
	zendeskSignature = "R5k0qCFhQpSUuuGpAYSPT5vd3uTpiteVMqi0GUXtDjM="
)

func want(t *testing.T, name string, err error, authentic bool) {
	t.Helper()
	if authentic && err != nil || !authentic && !errors.Is(err, adapters.ErrDenied) {
		t.Errorf("%s: got %v, authentic is %v", name, err, authentic)
	}
}

func TestHex_OnlyTheRightSignatureOfTheBodyCounts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, secret, signature, body string
		authentic                     bool
	}{
		{"as documented", githubSecret, githubSignature, githubBody, true},
		{"upper case", githubSecret, "sha256=" + strings.ToUpper(githubSignature[7:]), githubBody, true},
		{"other body", githubSecret, githubSignature, githubBody + " ", false},
		{"other secret", "x", githubSignature, githubBody, false},
		{"no secret", "", githubSignature, githubBody, false},
		{"no signature", githubSecret, "", githubBody, false},
		{"no prefix", githubSecret, githubSignature[7:], githubBody, false},
		{"cut", githubSecret, githubSignature[:39], githubBody, false},
		{"not hex", githubSecret, "sha256=zz", githubBody, false},
		// The signature of nothing under an empty secret.
		{"empty key", "", "sha256=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", "", false},
	} {
		want(t, tt.name, hook.Hex(tt.secret, "sha256=", tt.signature, []byte(tt.body)), tt.authentic)
	}
}

func TestStandard_OnlyTheRightSignatureInItsTimeCounts(t *testing.T) {
	t.Parallel()
	signed := time.Unix(1614265330, 0)
	for _, tt := range []struct {
		name, secret, id, stamp, signature, body string
		at                                       time.Time
		authentic                                bool
	}{
		{"as documented", standardSecret, standardID, standardTime, standardSignature, standardBody, signed, true},
		{"one of several", standardSecret, standardID, standardTime, "v1a,xx v1,AAAA " + standardSignature, standardBody, signed.Add(4 * time.Minute), true},
		{"late", standardSecret, standardID, standardTime, standardSignature, standardBody, signed.Add(6 * time.Minute), false},
		{"early", standardSecret, standardID, standardTime, standardSignature, standardBody, signed.Add(-6 * time.Minute), false},
		{"other id", standardSecret, standardID + "x", standardTime, standardSignature, standardBody, signed, false},
		{"other time", standardSecret, standardID, "1614265331", standardSignature, standardBody, signed, false},
		{"other body", standardSecret, standardID, standardTime, standardSignature, "{}", signed, false},
		{"no signature", standardSecret, standardID, standardTime, "", standardBody, signed, false},
		{"other version", standardSecret, standardID, standardTime, "v2" + standardSignature[2:], standardBody, signed, false},
		{"no secret", "", standardID, standardTime, standardSignature, standardBody, signed, false},
		{"odd secret", "whsec_%", standardID, standardTime, standardSignature, standardBody, signed, false},
	} {
		h := http.Header{"Webhook-Id": {tt.id}, "Webhook-Timestamp": {tt.stamp}, "Webhook-Signature": {tt.signature}}
		want(t, tt.name, hook.Standard(tt.secret, h, []byte(tt.body), tt.at), tt.authentic)
	}
}

func TestStamped_OnlyTheRightSignatureInItsTimeCounts(t *testing.T) {
	t.Parallel()
	signed := time.Date(2026, 3, 25, 5, 9, 27, 0, time.UTC)
	for _, tt := range []struct {
		name, secret, signature, stamp, body string
		at                                   time.Time
		authentic                            bool
	}{
		{"in time", zendeskSecret, zendeskSignature, zendeskTime, zendeskBody, signed.Add(time.Minute), true},
		{"late", zendeskSecret, zendeskSignature, zendeskTime, zendeskBody, signed.Add(time.Hour), false},
		{"other time", zendeskSecret, zendeskSignature, "2026-03-25T05:09:28Z", zendeskBody, signed, false},
		{"other body", zendeskSecret, zendeskSignature, zendeskTime, "{}", signed, false},
		{"other secret", "x", zendeskSignature, zendeskTime, zendeskBody, signed, false},
		{"no secret", "", zendeskSignature, zendeskTime, zendeskBody, signed, false},
		{"no signature", zendeskSecret, "", zendeskTime, zendeskBody, signed, false},
	} {
		want(t, tt.name, hook.Stamped(tt.secret, tt.signature, tt.stamp, []byte(tt.body), tt.at), tt.authentic)
	}
}

func TestToken_BasicAndPathTakeTheSecretAlone(t *testing.T) {
	t.Parallel()
	want(t, "token", hook.Token("s3cret", "s3cret"), true)
	want(t, "other token", hook.Token("s3cret", "s3cre"), false)
	want(t, "no token", hook.Token("s3cret", ""), false)
	want(t, "no secret", hook.Token("", ""), false)

	basic := func(text string) http.Header {
		return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(text))}}
	}
	want(t, "basic", hook.Basic("hooks:s3cret", basic("hooks:s3cret")), true)
	want(t, "any user", hook.Basic("s3cret", basic("hooks:s3cret")), true)
	want(t, "other user", hook.Basic("hooks:s3cret", basic("x:s3cret")), false)
	want(t, "other password", hook.Basic("s3cret", basic("hooks:x")), false)
	want(t, "no sign-in", hook.Basic("s3cret", http.Header{}), false)
	want(t, "no password", hook.Basic("", basic("hooks:")), false)

	want(t, "path", hook.Path("s3cret", "/hooks/s3cret"), true)
	want(t, "other path", hook.Path("s3cret", "/s3cret/x"), false)
	want(t, "no path", hook.Path("", "/"), false)
	want(t, "no secret in the path", hook.Path("", ""), false)
}

func TestOnce_TellsPartsApart(t *testing.T) {
	t.Parallel()
	first, again, other := hook.Once([]byte("a"), []byte("bc")), hook.Once([]byte("a"), []byte("bc")), hook.Once([]byte("ab"), []byte("c"))
	if first == other || first != again {
		t.Errorf("got %s, %s for the same, %s for another", first, again, other)
	}
}
