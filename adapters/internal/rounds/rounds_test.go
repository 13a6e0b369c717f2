package rounds_test

import (
	"cmp"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
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

func newTable(t *testing.T) *table {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	clock, err := rest.New(rest.Options{Base: base})
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

func TestPoll_GivesWhatShowsWithinTheOverlap(t *testing.T) {
	t.Parallel()
	x := newTable(t)
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
}

func TestPoll_IsFinalOnceNothingNewerCame(t *testing.T) {
	t.Parallel()
	x := newTable(t)
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
	s := newTable(t).source(0)
	for _, c := range []event.Cursor{"x", "{}x", `{"t":-1}`, "[]"} {
		if _, _, err := s.Poll(t.Context(), c, 5); err == nil {
			t.Errorf("%q was taken for a cursor", c)
		}
	}
}
