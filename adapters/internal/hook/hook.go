package hook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
)

// Window is how far a signed time may be from ours.
const Window = 5 * time.Minute

const op = "check a webhook"

// Forged is the error of a delivery that is not authentic.
func Forged() error {
	return &adapters.Error{
		Class: adapters.ErrDenied, Op: op, Err: errors.New("it is not signed with our secret"),
		Hint: "enter the same secret at the tracker's webhook and in " + adapters.SettingHookSecret,
	}
}

// Stale is the error of a delivery whose signed time is out of the window.
func Stale() error {
	return &adapters.Error{
		Class: adapters.ErrDenied, Op: op, Err: errors.New("it was signed too long ago, or in the future"),
		Hint: "check this machine's clock",
	}
}

// sum is HMAC-SHA256 over the parts, one after the other.
func sum(secret []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, secret)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// Hex checks "sha256=<hex>" (prefix "sha256="), as GitHub and Jira sign.
func Hex(secret, prefix, signature string, body []byte) error {
	text, ok := strings.CutPrefix(strings.TrimSpace(signature), prefix)
	got, err := hex.DecodeString(text)
	if secret == "" || !ok || err != nil || !hmac.Equal(got, sum([]byte(secret), body)) {
		return Forged()
	}
	return nil
}

// Stamped checks base64 over a time and the body after it, as Zendesk signs.
func Stamped(secret, signature, stamp string, body []byte, at time.Time) error {
	got, err := base64.StdEncoding.DecodeString(strings.TrimSpace(signature))
	if secret == "" || err != nil || !hmac.Equal(got, sum([]byte(secret), []byte(stamp), body)) {
		return Forged()
	}
	return fresh(stamp, at)
}

// Standard checks the headers of Standard Webhooks: base64 over id, time and body,
// under any of the signatures given. A secret may begin with whsec_.
func Standard(secret string, h http.Header, body []byte, at time.Time) error {
	key := []byte(secret)
	if text, ok := strings.CutPrefix(secret, "whsec_"); ok {
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return Forged()
		}
		key = decoded
	}
	id, stamp := h.Get("Webhook-Id"), h.Get("Webhook-Timestamp")
	want := sum(key, []byte(id+"."+stamp+"."), body)
	good := false
	for one := range strings.FieldsSeq(h.Get("Webhook-Signature")) {
		text, ok := strings.CutPrefix(one, "v1,")
		got, err := base64.StdEncoding.DecodeString(text)
		good = good || ok && err == nil && hmac.Equal(got, want)
	}
	if len(key) == 0 || id == "" || !good {
		return Forged()
	}
	return fresh(stamp, at)
}

// fresh reads seconds since 1970 or RFC 3339.
func fresh(stamp string, at time.Time) error {
	when, err := time.Parse(time.RFC3339, stamp)
	if seconds, number := strconv.ParseInt(stamp, 10, 64); number == nil && seconds < math.MaxInt32*1000 {
		when, err = time.Unix(seconds, 0), nil
	}
	if err != nil || at.Sub(when).Abs() > Window {
		return Stale()
	}
	return nil
}

// Token checks a secret that is sent as it is, as GitLab does.
func Token(secret, got string) error {
	// Digests are of one length: comparing them tells nothing of the secret's.
	a, b := sha256.Sum256([]byte(secret)), sha256.Sum256([]byte(got))
	if secret == "" || subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
		return Forged()
	}
	return nil
}

// Basic checks a basic sign-in; secret is USER:PASSWORD, or a password for any user.
func Basic(secret string, h http.Header) error {
	user, password, ok := (&http.Request{Header: h}).BasicAuth()
	if !ok {
		return Forged()
	}
	if strings.Contains(secret, ":") {
		return Token(secret, user+":"+password)
	}
	return Token(secret, password)
}

// Path checks a secret that is the last part of the address.
func Path(secret, called string) error { return Token(secret, path.Base(called)) }

// Once is a digest of what was signed.
func Once(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(strconv.AppendInt(nil, int64(len(p)), 10))
		h.Write([]byte{':'})
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
