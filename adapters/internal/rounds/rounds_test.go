package rounds_test

import (
	"cmp"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"parley/adapters/internal/rest"
	"parley/adapters/internal/rounds"
	"parley/sync/event"
)

type row struct {
	id int64
	at time.Time
}

// table is a tracker's list by change time, two rows a page.
type table struct {
	clock *rest.Client
	rows  []row
}

// server answers after a while, and tells the time if it is dated.
type server struct {
	dated bool
	takes time.Duration
}

// RoundTrip implements http.RoundTripper.
func (s server) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(s.takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	w := httptest.NewRecorder()
	if s.dated {
		w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	w.WriteHeader(http.StatusNoContent)
	answer := w.Result()
	answer.Request = r
	return answer, nil
}

func newTable(t *testing.T, s server) *table {
	t.Helper()
	base, err := url.Parse("http://tracker.invalid")
	if err != nil {
		t.Fatal(err)
	}
	clock, err := rest.New(rest.Options{Base: base, Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(clock.Close)
	return &table{clock: clock}
}

func (x *table) source(overlap time.Duration) rounds.Source[row] {
	return rounds.Source[row]{
		Clock: x.clock, Overlap: overlap,
		At: func(r *row) (time.Time, int64) { return r.at, r.id },
		After: func(ctx context.Context, p *rounds.Position) ([]row, bool, error) {
			if _, err := x.clock.Do(ctx, rest.Request{Op: "ask", Path: "rows"}); err != nil {
				return nil, false, err
			}
			all := slices.DeleteFunc(slices.Clone(x.rows), func(r row) bool { return !p.Behind(r.at, r.id) })
			slices.SortFunc(all, func(a, b row) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) })
			n := min(2, len(all))
			return all[:n], n == len(all), nil
		},
	}
}

// poll gives the ids of one round.
func poll(t *testing.T, s rounds.Source[row], cursor *event.Cursor, limit int) []int64 {
	t.Helper()
	var out []int64
	for range 100 {
		rows, next, err := s.Poll(t.Context(), *cursor, limit)
		if err != nil {
			t.Fatal(err)
		}
		*cursor = next
		for _, r := range rows {
			out = append(out, r.id)
		}
		if len(rows) < limit {
			return out
		}
	}
	t.Fatal("the round does not end")
	return nil
}

// TestPoll_GivesWhatShowsWithinTheOverlap: what the tracker's own time keeps from being
// passed over must also be kept where nobody tells that time.
func TestPoll_GivesWhatShowsWithinTheOverlap(t *testing.T) {
	t.Parallel()
	for name, dated := range map[string]bool{"the tracker tells its time": true, "it does not": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newTable(t, server{dated: dated})
			now := time.Now().Truncate(time.Second)
			s := x.source(time.Minute)
			cursor := s.Start(time.Time{})
			x.rows = []row{{1, now.Add(-2 * time.Second)}, {2, now.Add(-time.Second)}, {3, now}}
			if got := poll(t, s, &cursor, 2); !slices.Equal(got, []int64{1, 2, 3}) {
				t.Errorf("got %v", got)
			}
			x.rows = append(x.rows, row{4, now.Add(-30 * time.Second)})
			if got := poll(t, s, &cursor, 2); !slices.Contains(got, 4) {
				t.Errorf("a row that shows late was left out: %v", got)
			}
			// The round before began where this row was seen first: it still counts.
			x.rows = append(x.rows, row{5, now.Add(-time.Minute).Add(time.Second)})
			if got := poll(t, s, &cursor, 2); !slices.Contains(got, 5) {
				t.Errorf("a row that shows at the end of the overlap was left out: %v", got)
			}
		})
	}
}

// TestPoll_ASlowAnswerIsNotOld: how long ago the newest row was seen counts from when
// it was seen, not from when it was asked for.
func TestPoll_ASlowAnswerIsNotOld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := newTable(t, server{takes: 20 * time.Second})
		s := x.source(15 * time.Second)
		cursor := s.Start(time.Time{})
		seen := time.Now().Add(20 * time.Second)
		x.rows = []row{{1, seen}}
		for range 2 {
			if got := poll(t, s, &cursor, 5); !slices.Equal(got, []int64{1}) {
				t.Fatalf("got %v", got)
			}
		}
		x.rows = append(x.rows, row{2, seen.Add(-10 * time.Second)})
		if got := poll(t, s, &cursor, 5); !slices.Contains(got, 2) {
			t.Errorf("a row that shows late was left out: %v", got)
		}
	})
}

func TestPoll_IsFinalOnceNothingNewerCame(t *testing.T) {
	t.Parallel()
	x := newTable(t, server{dated: true})
	s := x.source(0)
	cursor := s.Start(time.Now().Add(-time.Hour))
	x.rows = []row{{1, time.Now().Add(-time.Minute).Truncate(time.Second)}}
	if got := poll(t, s, &cursor, 5); !slices.Equal(got, []int64{1}) {
		t.Fatalf("got %v", got)
	}
	deadline := time.Now().Add(10 * time.Second)
	for len(poll(t, s, &cursor, 5)) > 0 {
		if time.Now().After(deadline) {
			t.Fatal("a row comes again for ever")
		}
	}
}

func TestPoll_RefusesACursorOfAnother(t *testing.T) {
	t.Parallel()
	s := newTable(t, server{dated: true}).source(0)
	for _, c := range []event.Cursor{"x", "{}x", `{"t":-1}`, "[]"} {
		if _, _, err := s.Poll(t.Context(), c, 5); err == nil {
			t.Errorf("%q was taken for a cursor", c)
		}
	}
}

// TestPoll_ATimeThatHasNotComeHidesNothing: a row bears a time of before the clock was
// set back.
func TestPoll_ATimeThatHasNotComeHidesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := newTable(t, server{dated: true})
		s := x.source(time.Minute)
		cursor := s.Start(time.Now())
		x.rows = []row{{1, time.Now().Add(24 * time.Hour)}}
		for range 3 {
			<-time.After(time.Minute)
			poll(t, s, &cursor, 5)
		}
		x.rows = append(x.rows, row{2, time.Now().Add(-45 * time.Second)})
		if got := poll(t, s, &cursor, 5); !slices.Contains(got, 2) {
			t.Errorf("a row that shows late was left out: %v", got)
		}
	})
}
