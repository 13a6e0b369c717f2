package rest_test

import (
	"net/http"
	"testing"
	"time"

	"parley/adapters/internal/rest"
)

// TestSetBack_GoesBackAsFarAsTheClockDid: no less, and not for the years that our own
// clock may have jumped.
func TestSetBack_GoesBackAsFarAsTheClockDid(t *testing.T) {
	t.Parallel()
	ahead := 90 * time.Minute
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	})
	c := newClient(t, s.URL)
	at := time.Now().Add(ahead).Add(-time.Minute)
	if got := c.SetBack(at, ahead+time.Hour); !got.Equal(at) {
		t.Errorf("before any answer: got %v, want %v", got, at)
	}
	if _, err := c.Do(t.Context(), rest.Request{Op: "read", Path: "x"}); err != nil {
		t.Fatal(err)
	}
	for was, want := range map[time.Duration]time.Duration{
		ahead: 0, ahead + time.Second: 0, ahead - 24*time.Hour: 0, ahead + time.Hour: time.Hour,
		ahead + 10*365*24*time.Hour: 26*time.Hour - time.Minute,
	} {
		if got := at.Sub(c.SetBack(at, was)); got < want-2*time.Second || got > want+2*time.Second {
			t.Errorf("ahead by %v then: went back by %v, want %v", was, got, want)
		}
	}
	// A place from long ago is no nearer for that.
	old := at.Add(-100 * 24 * time.Hour)
	if got := c.SetBack(old, ahead+10*365*24*time.Hour); !got.Equal(old) {
		t.Errorf("an old place moved from %v to %v", old, got)
	}
}

// TestSkew_WhatStandsBeforeATrackerHasAnotherClock: what answers in its place, with an
// error or a page, tells nothing of the tracker's time.
func TestSkew_WhatStandsBeforeATrackerHasAnotherClock(t *testing.T) {
	t.Parallel()
	const behind = -2 * time.Minute
	status, kind, skew := http.StatusOK, "application/json", behind
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(skew).UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
	})
	c := newClient(t, s.URL)
	for _, answer := range []struct {
		status int
		kind   string
		skew   time.Duration
	}{
		{http.StatusOK, "application/json", behind},
		{http.StatusServiceUnavailable, "application/json", 0},
		{http.StatusTooManyRequests, "", 0},
		{http.StatusOK, "text/html; charset=utf-8", 0},
		{http.StatusUnauthorized, "application/json", 0},
	} {
		status, kind, skew = answer.status, answer.kind, answer.skew
		_, _ = c.Do(t.Context(), rest.Request{Op: "read", Path: "x"})
		if got, known := c.Skew(); !known || (got-behind).Abs() > 3*time.Second {
			t.Errorf("after %d %s the clock is ahead by %v", answer.status, answer.kind, got)
		}
	}
}

// TestSettled_AJumpCountsWhenTwoAnswersAgree: one answer with a wrong Date moves nothing,
// and neither do two that are wrong each in its own way.
func TestSettled_AJumpCountsWhenTwoAnswersAgree(t *testing.T) {
	t.Parallel()
	var ahead time.Duration
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	})
	c := newClient(t, s.URL)
	if _, settled := c.Settled(); !settled {
		t.Error("a tracker that tells nothing is waited for")
	}
	for n, answer := range []struct {
		says, want time.Duration
		settled    bool
	}{
		{-time.Hour, -time.Hour, false},
		{24 * time.Hour, -time.Hour, false},
		{-time.Hour, -time.Hour, true},
		{24 * time.Hour, -time.Hour, false},
		{-24 * time.Hour, -time.Hour, false},
		{-24*time.Hour + time.Second, -24 * time.Hour, true},
		{time.Hour, -24 * time.Hour, false},
		{-24 * time.Hour, -24 * time.Hour, true},
		{time.Hour, -24 * time.Hour, false},
		{time.Hour, time.Hour, true},
	} {
		ahead = answer.says
		if _, err := c.Do(t.Context(), rest.Request{Op: "read", Path: "x"}); err != nil {
			t.Fatal(err)
		}
		if got, settled := c.Settled(); (got-answer.want).Abs() > 2*time.Second || settled != answer.settled {
			t.Errorf("answer %d says %v: the clock is ahead by %v, %v, want %v, %v", n, answer.says, got, settled, answer.want, answer.settled)
		}
	}
}
