package gitlab_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/gitlab/gitlabdouble"
	"parley/sync/event"
)

func TestTrap_AConfidentialIssueIsRestrictedAndNeverTakenForDeleted(t *testing.T) {
	t.Parallel()
	guest := gitlabdouble.Account{ID: 50, Username: "guest", Name: "Guest", Token: "glpat-guest", Level: 10}
	b := newBench(t, gitlabdouble.Options{Accounts: []gitlabdouble.Account{guest}}, nil)
	id := b.made("secret")
	ref := b.ref(id)
	b.must(b.hand.do(t.Context(), http.MethodPut, "issues/"+id, map[string]any{"confidential": true}, nil))
	if !b.read(ref).Restricted {
		t.Error("a confidential issue is not restricted")
	}
	u, err := url.Parse(b.site.url)
	b.must(err)
	few := b.site.open(t, u, map[string]string{"token": guest.Token})
	defer func() { _ = few.Close() }()
	_, err = few.Read(t.Context(), ref)
	class(t, "Read by a guest", err, adapters.ErrDenied)
	b.site.Delete(1)
	_, err = b.tracker.Read(t.Context(), ref)
	class(t, "Read of a deleted issue", err, adapters.ErrGone)
}

func TestTrap_APublicProjectIsNotBelievedWithoutASignIn(t *testing.T) {
	t.Parallel()
	s := startSite(t, gitlabdouble.Options{Public: true})
	anonymous := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Private-Token")
		s.Double.ServeHTTP(w, r)
	}))
	u, err := url.Parse(anonymous)
	if err != nil {
		t.Fatal(err)
	}
	tracker := s.open(t, u, nil)
	defer func() { _ = tracker.Close() }()
	_, _, err = tracker.Changes(t.Context(), "", 10)
	class(t, "Changes", err, adapters.ErrDenied)
	_, _, err = tracker.List(t.Context(), "", "", 10)
	class(t, "List", err, adapters.ErrDenied)
	_, err = tracker.Find(t.Context(), event.Step{Kind: event.StepCreate, Marker: mark})
	class(t, "Find", err, adapters.ErrDenied)
}

func TestTrap_AProjectByItsPathIsTheSame(t *testing.T) {
	t.Parallel()
	s := gitlabdouble.New(gitlabdouble.Options{Path: projectPath, ID: projectID, Accounts: []gitlabdouble.Account{bot()}})
	u, err := url.Parse(newServer(t, s))
	if err != nil {
		t.Fatal(err)
	}
	tracker := (&site{}).open(t, u, map[string]string{"project": projectPath})
	defer func() { _ = tracker.Close() }()
	w, err := tracker.Write(t.Context(), event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{event.FieldSummary: "x"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := tracker.Locate(t.Context(), projectPath+w.Key); err != nil || c.Ref != w.Ref {
		t.Errorf("Locate gave %v, %v", c, err)
	}
}

func TestTrap_ASignedWebhookCounts(t *testing.T) {
	t.Parallel()
	key := []byte("a key of thirty-two bytes, or so")
	secret := "whsec_" + base64.StdEncoding.EncodeToString(key)
	b := newBench(t, gitlabdouble.Options{}, map[string]string{"webhook_secret": secret})
	id := b.made("hooked")
	n, err := strconv.ParseInt(id, 10, 64)
	b.must(err)
	h, body := b.site.Webhook(n, "")
	now := time.Now()
	stamp := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("msg_1." + stamp + "."))
	mac.Write(body)
	h.Set("Webhook-Id", "msg_1")
	h.Set("Webhook-Timestamp", stamp)
	h.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	hooked, ok := b.tracker.(adapters.Hooked)
	if !ok {
		t.Fatal("there are no webhooks")
	}
	hint, err := hooked.Hook(adapters.Delivery{Header: h, Body: body, At: now})
	if err != nil || len(hint.Tickets) != 1 || hint.Tickets[0].Key != "#"+id {
		t.Errorf("got %+v, %v", hint, err)
	}
	_, err = hooked.Hook(adapters.Delivery{Header: h, Body: append(body, ' '), At: now})
	class(t, "another body", err, adapters.ErrDenied)
	_, err = hooked.Hook(adapters.Delivery{Header: h, Body: body, At: now.Add(time.Hour)})
	class(t, "an old signature", err, adapters.ErrDenied)
}

func TestTrap_TheProbeSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	guest := gitlabdouble.Account{ID: 50, Username: "guest", Name: "Guest", Token: "glpat-guest", Level: 10}
	b := newBench(t, gitlabdouble.Options{Public: true, Accounts: []gitlabdouble.Account{guest}}, map[string]string{"token": guest.Token})
	prober, ok := b.tracker.(adapters.Prober)
	if !ok {
		t.Fatal("there is no probe")
	}
	var said strings.Builder
	for _, f := range prober.Probe(t.Context()) {
		said.WriteString(string(f.Level) + " " + f.What + "\n")
		if (f.Hint == "") != (f.Level == adapters.LevelOK) {
			t.Errorf("%+v: a hint is for what is wrong, and only for that", f)
		}
	}
	for _, want := range []string{"signed in as guest", "confidential", "public", "the token ends on"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("the probe does not say %q:\n%s", want, said.String())
		}
	}
}
