package github_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/github/githubdouble"
	"parley/sync/event"
)

func TestTrap_DeletedTransferredAndHiddenAreToldApart(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	b := newBench(t, githubdouble.Options{Now: clock.now}, nil)
	var refs []event.Ref
	for _, what := range []string{"deleted", "transferred", "hidden"} {
		clock.unix.Add(1)
		refs = append(refs, b.ref(b.made(what)))
	}
	b.site.Delete(1)
	b.site.Transfer(2, "2") // the same number there, which must not be read
	b.site.Hide(3)
	for n, want := range []error{adapters.ErrGone, adapters.ErrGone, adapters.ErrDenied} {
		_, err := b.tracker.Read(t.Context(), refs[n])
		class(t, "Read of issue "+refs[n].ID, err, want)
		class(t, "a write to issue "+refs[n].ID, b.set(refs[n], event.Fields{event.FieldSummary: "x"}), want)
		_, err = b.tracker.Find(t.Context(), event.Step{Kind: event.StepComment, Ref: refs[n], Marker: mark})
		class(t, "Find at issue "+refs[n].ID, err, want)
	}
	_, err := b.tracker.Locate(t.Context(), "#4")
	class(t, "a number that never was", err, adapters.ErrGone)
}

func TestTrap_ARenamedRepositoryAndOneWithoutIssuesAreSetUpWrongly(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{}, nil)
	ref := b.ref(b.made("there"))
	b.site.Rename("helpdesk")
	_, err := b.tracker.Read(t.Context(), ref)
	class(t, "Read under the old name", err, adapters.ErrConfiguration)
	_, _, err = b.tracker.Changes(t.Context(), "", 10)
	class(t, "Changes under the old name", err, adapters.ErrConfiguration)
	class(t, "a write under the old name", b.set(ref, event.Fields{event.FieldSummary: "x"}), adapters.ErrConfiguration)
	b.site.Rename(repository)
	b.site.SwitchIssuesOff()
	_, err = b.tracker.Read(t.Context(), ref)
	class(t, "Read without issues", err, adapters.ErrConfiguration)
	_, err = b.write(event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{event.FieldSummary: "x"}})
	class(t, "a create without issues", err, adapters.ErrConfiguration)
}

func TestTrap_LimitsAreWaitedForAsTold(t *testing.T) {
	t.Parallel()
	const words = `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}`
	now := time.Now()
	reset := strconv.FormatInt(now.Add(20*time.Minute).Unix(), 10)
	date := now.UTC().Format(http.TimeFormat)
	for _, c := range []struct {
		name   string
		status int
		header http.Header
		after  time.Duration
	}{
		{"403 with Retry-After", 403, http.Header{"Retry-After": {"30"}}, 30 * time.Second},
		{"429 with Retry-After", 429, http.Header{"Retry-After": {"30"}}, 30 * time.Second},
		{"403 with nothing left until a reset", 403, http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {reset}, "Date": {date}}, 20 * time.Minute},
		{"403 in words only", 403, http.Header{}, time.Minute},
		{"403 in words, the other limit is far", 403, http.Header{"X-Ratelimit-Remaining": {"4000"}, "X-Ratelimit-Reset": {reset}}, time.Minute},
		{"429, the other limit is far", 429, http.Header{"X-Ratelimit-Remaining": {"4000"}, "X-Ratelimit-Reset": {reset}}, time.Minute},
	} {
		b := newBench(t, githubdouble.Options{}, nil)
		ref := b.ref(b.made("limited"))
		for _, do := range []func() error{
			func() error { _, err := b.tracker.Read(t.Context(), ref); return err },
			func() error { return b.set(ref, event.Fields{event.FieldSummary: "x"}) },
		} {
			_, _ = b.tracker.Read(t.Context(), ref)
			b.site.AnswerNext(c.status, maps.Clone(c.header), words)
			err := do()
			var known *adapters.Error
			if !errors.As(err, &known) || !errors.Is(err, adapters.ErrLimited) || (known.After-c.after).Abs() > 5*time.Second {
				t.Errorf("%s: got %v, want ErrLimited and %v", c.name, err, c.after)
			}
		}
	}
}

func TestTrap_ARefusalThatIsNoLimitIsDenied(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{}, nil)
	ref := b.ref(b.made("refused"))
	_, _ = b.tracker.Read(t.Context(), ref)
	b.site.AnswerNext(403, http.Header{"X-Ratelimit-Remaining": {"4000"}}, `{"message":"Resource not accessible by personal access token"}`)
	_, err := b.tracker.Read(t.Context(), ref)
	class(t, "a refusal", err, adapters.ErrDenied)
}

func TestTrap_APublicRepositoryIsNotBelievedWithoutASignIn(t *testing.T) {
	t.Parallel()
	s := startSite(t, githubdouble.Options{Public: true})
	anonymous := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Authorization")
		s.Double.ServeHTTP(w, r)
	}))
	u, err := url.Parse(anonymous + "/api/v3")
	if err != nil {
		t.Fatal(err)
	}
	tracker := s.open(t, u, nil)
	defer func() { _ = tracker.Close() }()
	_, _, err = tracker.Changes(t.Context(), "", 10)
	class(t, "Changes", err, adapters.ErrDenied)
	_, _, err = tracker.List(t.Context(), "", "", 10)
	class(t, "List", err, adapters.ErrDenied)
	_, err = tracker.Schema(t.Context())
	class(t, "Schema", err, adapters.ErrDenied)
	_, err = tracker.Find(t.Context(), event.Step{Kind: event.StepCreate, Marker: mark})
	class(t, "Find", err, adapters.ErrDenied)
}

func TestTrap_TheProbeSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	opt := githubdouble.Options{Public: true, Accounts: []githubdouble.Account{
		{ID: 50, Login: "reader", Token: "github_pat_reader", Role: "read", Expires: time.Now().AddDate(0, 0, 3)},
	}}
	b := newBench(t, opt, map[string]string{"token": "github_pat_reader"})
	b.site.Archive()
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
	for _, want := range []string{"reader", "archived", "may not set labels", "public", "token ends at", "no internal comments"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("the probe does not say %q:\n%s", want, said.String())
		}
	}
}

func TestTrap_AnAppsTokenIsRenewedAndForOneRepository(t *testing.T) {
	t.Parallel()
	opt, change := installed(t)
	b := newBench(t, opt, change)
	step := event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{event.FieldSummary: "by the app"}}
	w, err := b.write(step)
	b.must(err)
	b.site.RevokeTokens()
	if _, err := b.tracker.Read(t.Context(), w.Ref); err != nil {
		t.Errorf("Read after the token was revoked: %v", err)
	}
	b.site.RevokeTokens()
	found, err := b.tracker.Find(t.Context(), step)
	if err != nil || found.Presence != event.FoundOne {
		t.Errorf("Find gave %+v, %v; want one", found, err)
	}
	elsewhere := newBench(t, opt, maps.Collect(func(yield func(string, string) bool) {
		for k, v := range change {
			if k == "installation_id" {
				v = "999"
			}
			if !yield(k, v) {
				return
			}
		}
	}))
	_, err = elsewhere.tracker.Schema(t.Context())
	class(t, "an installation that is not there", err, adapters.ErrDenied)
}

func TestTrap_WhatALinkNamesIsAskedForAtOurAddressOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{}, map[string]string{"page_size": "2"})
	id := b.made("with comments")
	ref := b.ref(id)
	_, _ = b.tracker.Read(t.Context(), ref)
	for n := range 4 {
		b.must(b.hand.Comment(t.Context(), id, fmt.Sprint("said ", n), false))
	}
	var leaked atomic.Int32
	stranger := newServer(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked.Add(1) }))
	proxy := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = strings.TrimPrefix(stranger, "http://") // the links lead there
		b.site.Double.ServeHTTP(w, r)
	}))
	u, err := url.Parse(proxy + "/api/v3")
	b.must(err)
	tracker := b.site.open(t, u, map[string]string{"page_size": "2"})
	defer func() { _ = tracker.Close() }()
	ticket, err := tracker.Read(t.Context(), ref)
	b.must(err)
	if len(ticket.Comments) != 4 || leaked.Load() > 0 {
		t.Errorf("got %d comments, and %d requests went elsewhere", len(ticket.Comments), leaked.Load())
	}
}
