package hooks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"parley/adapters"
	"parley/node/hooks"
	"parley/sync/event"
)

// tracker takes bodies that begin with "signed:"; what follows are keys, and "once=X".
type tracker struct{}

// Hook implements adapters.Hooked.
func (tracker) Hook(d adapters.Delivery) (adapters.Hint, error) {
	text, ok := strings.CutPrefix(string(d.Body), "signed:")
	if !ok || d.Path != "/jira" || d.Header.Get("X-Test") != "1" || d.At.IsZero() {
		return adapters.Hint{}, &adapters.Error{Class: adapters.ErrDenied, Op: "check", Err: errors.New("forged")}
	}
	var hint adapters.Hint
	for word := range strings.FieldsSeq(text) {
		if once, ok := strings.CutPrefix(word, "once="); ok {
			hint.Once = once
		} else if receipt, ok := strings.CutPrefix(word, "receipt="); ok {
			hint.Answer, hint.Type = receipt, "text/xml"
		} else {
			hint.Tickets = append(hint.Tickets, event.Change{Key: word})
		}
	}
	return hint, nil
}

// looks are the calls of Options.Look.
type looks struct {
	mu  sync.Mutex // guards the fields below
	all []string
}

func (l *looks) look(_ context.Context, tickets []event.Change, other bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	keys := []string{}
	for _, t := range tickets {
		keys = append(keys, t.Key)
	}
	l.all = append(l.all, fmt.Sprint(keys, other))
}

func (l *looks) so(t *testing.T, want ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := cmp.Diff(l.all, want); d != "" {
		t.Error(d)
	}
}

// inTime runs test in virtual time with a Receiver at work.
func inTime(t *testing.T, settle time.Duration, test func(*testing.T, *hooks.Receiver, *looks)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l := &looks{}
		r := hooks.New(hooks.Options{Hooked: tracker{}, Look: l.look, Settle: settle, Log: zerolog.Nop()})
		ended := make(chan struct{})
		go func() { defer close(ended); r.Run(ctx) }()
		test(t, r, l)
		cancel()
		<-ended
	})
}

// after lets virtual time pass, and all that is due in it happen.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func post(r http.Handler, body string) int {
	q := httptest.NewRequest(http.MethodPost, "/jira", strings.NewReader(body))
	q.Header.Set("X-Test", "1")
	w := httptest.NewRecorder()
	r.ServeHTTP(w, q)
	return w.Code
}

func wantStatus(t *testing.T, what string, got, want int) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got status %d, want %d", what, got, want)
	}
}

func TestReceiver_OnlyAuthenticDeliveriesHaveAnEffect(t *testing.T) {
	t.Parallel()
	inTime(t, 0, func(t *testing.T, r *hooks.Receiver, l *looks) {
		wantStatus(t, "forged", post(r, "SUP-1"), http.StatusUnauthorized)
		after(time.Minute)
		l.so(t)
		if !r.Last().IsZero() {
			t.Error("a forged delivery counts as the last one")
		}
		wantStatus(t, "authentic", post(r, "signed:SUP-1"), http.StatusNoContent)
		after(time.Minute)
		l.so(t, "[SUP-1] false")
		if time.Since(r.Last()) != time.Minute {
			t.Errorf("the last delivery came at %v", r.Last())
		}
	})
}

func TestReceiver_ARepeatHasNoSecondEffect(t *testing.T) {
	t.Parallel()
	inTime(t, 0, func(t *testing.T, r *hooks.Receiver, l *looks) {
		for range 3 {
			wantStatus(t, "repeat", post(r, "signed:SUP-1 once=a"), http.StatusNoContent)
			after(3 * time.Minute)
		}
		l.so(t, "[SUP-1] false")
		after(2 * time.Minute)
		post(r, "signed:SUP-1 once=a")
		post(r, "signed:SUP-1 once=b")
		after(time.Minute)
		l.so(t, "[SUP-1] false", "[SUP-1] false")
	})
}

func TestReceiver_AFloodIsFollowedUpTogether(t *testing.T) {
	t.Parallel()
	inTime(t, 0, func(t *testing.T, r *hooks.Receiver, l *looks) {
		for i := range 40 {
			wantStatus(t, "flood", post(r, fmt.Sprint("signed:SUP-", i%20)), http.StatusNoContent)
			after(50 * time.Millisecond)
		}
		after(10 * time.Second)
		l.mu.Lock()
		if len(l.all) > 3 {
			t.Errorf("40 deliveries became %d looks", len(l.all))
		}
		l.all = nil
		l.mu.Unlock()
		for i := range 500 {
			wantStatus(t, "flood", post(r, fmt.Sprint("signed:SUP-", i)), http.StatusNoContent)
		}
		after(10 * time.Second)
		l.mu.Lock()
		defer l.mu.Unlock()
		if last := l.all[len(l.all)-1]; len(l.all) > 2 || !strings.HasSuffix(last, " true") {
			t.Errorf("500 tickets became %d looks, the last %.60s", len(l.all), last)
		}
	})
}

func TestReceiver_WhatItDoesNotKnowIsLookedForAgainOnceTheListingHasSettled(t *testing.T) {
	t.Parallel()
	inTime(t, 2*time.Minute, func(t *testing.T, r *hooks.Receiver, l *looks) {
		post(r, "signed:")
		after(time.Minute)
		l.so(t, "[] true")
		after(time.Minute + 2*time.Second)
		l.so(t, "[] true", "[] true")
		after(time.Hour)
		l.so(t, "[] true", "[] true")
	})
}

func TestReceiver_BoundsWhatItTakes(t *testing.T) {
	t.Parallel()
	inTime(t, 0, func(t *testing.T, r *hooks.Receiver, l *looks) {
		wantStatus(t, "too large", post(r, "signed:"+strings.Repeat("x", 4<<20)), http.StatusRequestEntityTooLarge)
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/jira", nil))
		wantStatus(t, "GET", w.Code, http.StatusMethodNotAllowed)
		codes := map[int]int{}
		for range 2000 {
			codes[post(r, "forged")]++
		}
		if codes[http.StatusTooManyRequests] < 900 {
			t.Errorf("2000 requests at once: %v", codes)
		}
		after(time.Minute)
		wantStatus(t, "a minute later", post(r, "signed:"), http.StatusNoContent)
		after(time.Second)
		l.so(t, "[] true")
	})
}

// TestReceiver_AnswersBeforeAnythingIsAsked: vendors switch hooks off that are slow.
func TestReceiver_AnswersBeforeAnythingIsAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := hooks.New(hooks.Options{Hooked: tracker{}, Log: zerolog.Nop(), Look: func(ctx context.Context, _ []event.Change, _ bool) { <-ctx.Done() }})
		ended := make(chan struct{})
		go func() { defer close(ended); r.Run(ctx) }()
		began := time.Now()
		for range 100 {
			wantStatus(t, "while a look hangs", post(r, "signed:SUP-1"), http.StatusNoContent)
			synctest.Wait()
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %v", took)
		}
		cancel()
		<-ended
	})
}

func TestReceiver_LogsWhatItRefusesOnceAMinuteAndNothingOfIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := hooks.New(hooks.Options{Hooked: tracker{}, Log: zerolog.New(&log)})
		for range 10 {
			post(r, "forged s3cret")
		}
		after(2 * time.Minute)
		post(r, "forged s3cret")
		if lines := strings.Count(log.String(), "\n"); lines != 2 || !strings.Contains(log.String(), `"refused":10`) || strings.Contains(log.String(), "s3cret") {
			t.Errorf("got %d lines: %s", lines, log.String())
		}
	})
}

// TestReceiver_AnAuthenticDeliveryGetsTheReceiptItsTrackerWants: a repeated one too, and
// nobody else.
func TestReceiver_AnAuthenticDeliveryGetsTheReceiptItsTrackerWants(t *testing.T) {
	t.Parallel()
	inTime(t, 0, func(t *testing.T, r *hooks.Receiver, _ *looks) {
		for _, d := range []struct {
			body   string
			status int
			answer string
		}{
			{"signed:A-1 once=1 receipt=<ack/>", http.StatusOK, "<ack/>"},
			{"signed:A-1 once=1 receipt=<ack/>", http.StatusOK, "<ack/>"},
			{"signed:A-1", http.StatusNoContent, ""},
			{"forged:A-1 receipt=<ack/>", http.StatusUnauthorized, ""},
		} {
			q := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/jira", strings.NewReader(d.body))
			q.Header.Set("X-Test", "1")
			w := httptest.NewRecorder()
			r.ServeHTTP(w, q)
			if w.Code != d.status || w.Body.String() != d.answer || (d.answer != "") != (w.Header().Get("Content-Type") == "text/xml") {
				t.Errorf("%q: got %d %q %v", d.body, w.Code, w.Body, w.Header())
			}
		}
	})
}
