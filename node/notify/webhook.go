package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"parley/node/secret"
)

// SignatureHeader holds "t=SECONDS,v1=HEX": the time of sending, and the
// HMAC-SHA256 of the time as it stands there, a dot and the body, under the
// webhook's secret. A receiver compares it, and refuses old times.
const SignatureHeader = "Parley-Signature"

// Webhook posts messages as JSON to one address.
type Webhook struct {
	// URL is the address; no error repeats it.
	URL string
	// Secret signs; none, no signature.
	Secret secret.Value
	// Client sends; nil is one with a time-out of ten seconds. Redirects are not
	// followed in any case: the message is for the address that was entered.
	Client *http.Client
	// UserAgent names Parley and its version.
	UserAgent string
}

// Send implements Sender. Anything but 2xx is an error.
func (w *Webhook) Send(ctx context.Context, m Message) (err error) {
	body, err := json.Marshal(struct {
		Version int    `json:"version"`
		Subject string `json:"subject"`
		Message
	}{1, m.Subject(), m})
	if err != nil {
		return fmt.Errorf("write webhook message: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("make webhook request: the address cannot be used")
	}
	request.Header.Set("Content-Type", "application/json")
	if w.UserAgent != "" {
		request.Header.Set("User-Agent", w.UserAgent)
	}
	if !w.Secret.IsZero() {
		request.Header.Set(SignatureHeader, Sign(w.Secret, m.At, body))
	}
	response, err := w.client().Do(request)
	if err != nil {
		// The cause alone: the address may be as good as a password.
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return fmt.Errorf("post to webhook: %w", err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	// Read what little is expected, so that the connection can be used again.
	if _, err := io.CopyN(io.Discard, response.Body, 64<<10); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read answer of webhook: %w", err)
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("webhook answered %s", response.Status)
	}
	return nil
}

// Sign returns the value of SignatureHeader.
func Sign(key secret.Value, at time.Time, body []byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte(seconds + "."))
	mac.Write(body)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// client returns a client that follows no redirect.
func (w *Webhook) client() *http.Client {
	client := http.Client{Timeout: 10 * time.Second}
	if w.Client != nil {
		client = *w.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// Ways are all the ways to tell people.
type Ways struct {
	// Mail is nil if there is no mail server.
	Mail     *Mail
	Webhooks map[string]*Webhook
}

// Sender returns the way to a target: "webhook:NAME" or an e-mail address.
func (w Ways) Sender(target string) (Sender, error) {
	if name, ok := strings.CutPrefix(target, "webhook:"); ok {
		hook, ok := w.Webhooks[name]
		if !ok {
			return nil, fmt.Errorf("there is no webhook %q", name)
		}
		return hook, nil
	}
	if w.Mail == nil {
		return nil, errors.New("there is no mail server")
	}
	if !strings.Contains(target, "@") {
		return nil, fmt.Errorf("%q is no e-mail address", target)
	}
	return mailbox{w.Mail, target}, nil
}
