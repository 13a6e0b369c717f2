package node_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/desk"
	"parley/sync/event"
)

// hookedDesk is a desk that cannot be watched, but signs webhooks: their body is the
// key of a ticket, or empty.
type hookedDesk struct{ adapters.Tracker }

const hookSecret = "signs-webhooks"

func signed(body string) string {
	h := hmac.New(sha256.New, []byte(hookSecret))
	h.Write([]byte(body))
	return hex.EncodeToString(h.Sum(nil))
}

// Hook implements adapters.Hooked.
func (hookedDesk) Hook(d adapters.Delivery) (adapters.Hint, error) {
	if !hmac.Equal([]byte(d.Header.Get("X-Signature")), []byte(signed(string(d.Body)))) {
		return adapters.Hint{}, &adapters.Error{Class: adapters.ErrDenied, Op: "check a webhook"}
	}
	if len(d.Body) == 0 {
		return adapters.Hint{}, nil
	}
	return adapters.Hint{Tickets: []event.Change{{Key: string(d.Body)}}}, nil
}

func hookedKind() adapters.Kind {
	kind := desk.Kind()
	kind.Name = "hooked"
	kind.Settings = append(kind.Settings, adapters.Setting{Name: adapters.SettingHookSecret, Secret: true})
	open := kind.Open
	kind.Open = func(o adapters.Options) (adapters.Tracker, error) {
		delete(o.Settings, adapters.SettingHookSecret)
		tracker, err := open(o)
		return hookedDesk{tracker}, err
	}
	return kind
}

func deliver(t *testing.T, port, body, signature string, want int) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+net.JoinHostPort("127.0.0.1", port)+"/", strings.NewReader(body))
	must(t, err)
	q.Header.Set("X-Signature", signature)
	answer, err := http.DefaultClient.Do(q)
	must(t, err)
	must(t, answer.Body.Close())
	if answer.StatusCode != want {
		t.Errorf("the webhook got status %d, want %d", answer.StatusCode, want)
	}
}

// TestWebhook_BringsAChangeOverBeforeThePoll: with an hour between two polls a change
// crosses at once when an authentic webhook names it or says that something changed,
// and a forged one does nothing.
func TestWebhook_BringsAChangeOverBeforeThePoll(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	a, b := newSite(t, "acme", "127.0.0.1:0"), newSite(t, "globex", "")
	a.kinds = []adapters.Kind{hookedKind()}
	must(t, os.WriteFile(filepath.Join(a.dir, "hook.secret"), []byte(hookSecret), 0o600))
	text, err := os.ReadFile(a.file())
	must(t, err)
	hooked := strings.NewReplacer("kind: desk", "kind: hooked", "poll: 1s", "poll: 1h\n  webhook: {listen: \"127.0.0.1:"+port+"\"}",
		"settings: {", "settings: {webhook_secret: \"${file:hook.secret}\", ").Replace(string(text))
	must(t, os.WriteFile(a.file(), []byte(hooked), 0o600))
	a.run()
	b.run()
	join(t, a, b)
	var polled time.Time
	eventually(t, "the first poll is over", func() error {
		s, err := a.node.Status(t.Context())
		if polled = s.Tracker.LastPoll; err == nil && polled.IsZero() {
			err = errors.New("not polled yet")
		}
		return err
	})

	forged, named := a.create("Named by a forged webhook"), a.create("Named by a webhook")
	a.create("Named by nobody")
	deliver(t, port, forged.Key, signed("another body"), http.StatusUnauthorized)
	deliver(t, port, "", "", http.StatusUnauthorized)
	if f := a.hookFinding(); f.Level != adapters.LevelWarning {
		t.Errorf("before an authentic webhook the probe says %+v", f)
	}
	deliver(t, port, "ACME-999", signed("ACME-999"), http.StatusNoContent) // not there
	deliver(t, port, named.Key, signed(named.Key), http.StatusNoContent)
	eventually(t, "the ticket that it names crosses", func() error { _, err := b.find("Named by a webhook"); return err })
	for _, summary := range []string{"Named by a forged webhook", "Named by nobody"} {
		if _, err := b.find(summary); err == nil {
			t.Errorf("%q crossed as well", summary)
		}
	}
	if s, err := a.node.Status(t.Context()); err != nil || !s.Tracker.LastPoll.Equal(polled) {
		t.Errorf("the tracker was polled again at %v, %v", s.Tracker.LastPoll, err)
	}
	deliver(t, port, "", signed(""), http.StatusNoContent)
	eventually(t, "what it does not name crosses", func() error {
		_, first := b.find("Named by a forged webhook")
		_, second := b.find("Named by nobody")
		return errors.Join(first, second)
	})
	if f := a.hookFinding(); f.Level != adapters.LevelOK {
		t.Errorf("after an authentic webhook the probe says %+v", f)
	}
}

// hookFinding is what the probe says of webhooks.
func (s *site) hookFinding() adapters.Finding {
	s.t.Helper()
	findings, err := s.node.Probe(s.t.Context())
	must(s.t, err)
	for _, f := range findings {
		if strings.Contains(f.What, "webhook") {
			return f
		}
	}
	s.t.Error("the probe says nothing of webhooks")
	return adapters.Finding{}
}
