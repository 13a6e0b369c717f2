package fuse_test

import (
	"strconv"
	"testing"
	"time"

	"parley/sync/fuse"
)

func at(seconds int) time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(seconds) * time.Second)
}

func limits() fuse.Limits { return fuse.Limits{Creates: 2, Closes: 2, Deletes: 1, Ends: 2} }

func want(t *testing.T, f *fuse.Fuse, k fuse.Kind, ticket string, now time.Time, want fuse.Verdict) time.Time {
	t.Helper()
	got, again := f.Allow(k, ticket, limits(), now)
	if got != want {
		t.Errorf("%s of %s at %s: %s, want %s", k, ticket, now.Format("15:04:05"), got, want)
	}
	return again
}

func TestFuse_BlowsAndWaitsForAPerson(t *testing.T) {
	t.Parallel()
	var f fuse.Fuse
	want(t, &f, fuse.Closes, "1", at(0), fuse.Go)
	want(t, &f, fuse.Closes, "2", at(1), fuse.Go)
	want(t, &f, fuse.Closes, "3", at(59), fuse.Blew)
	want(t, &f, fuse.Closes, "4", at(3600), fuse.Shut)
	want(t, &f, fuse.Deletes, "1", at(3600), fuse.Go)
	if got := f.Blown(); len(got) != 1 || got[fuse.Closes] != at(59) {
		t.Errorf("blown: %v, want closes", got)
	}
	var restarted fuse.Fuse
	restarted.Restore(f.Blown())
	want(t, &restarted, fuse.Closes, "4", at(3601), fuse.Shut)
	restarted.Reset()
	want(t, &restarted, fuse.Closes, "4", at(3602), fuse.Go)
}

func TestFuse_CreatesAreSlowedAndNeverBlow(t *testing.T) {
	t.Parallel()
	var f fuse.Fuse
	done, now := 0, at(0)
	for i := 0; i < 10; i++ {
		verdict, again := f.Allow(fuse.Creates, strconv.Itoa(i), limits(), now)
		if verdict == fuse.Slow {
			now = again
			i--
			continue
		}
		done++
	}
	if took := now.Sub(at(0)); done != 10 || took != 4*time.Minute || len(f.Blown()) != 0 {
		t.Errorf("%d of 10 created in %s, blown: %v; want all in 4m", done, took, f.Blown())
	}
}

func TestFuse_ATicketCountsOnceAMinute(t *testing.T) {
	t.Parallel()
	var f fuse.Fuse
	for range 10 {
		want(t, &f, fuse.Deletes, "1", at(0), fuse.Go)
	}
	want(t, &f, fuse.Deletes, "2", at(60), fuse.Go)
	// A clock that goes back keeps nobody out for long.
	want(t, &f, fuse.Deletes, "3", at(-3600), fuse.Go)
}

func TestFuse_NoLimitIsNoBound(t *testing.T) {
	t.Parallel()
	var f fuse.Fuse
	for i := range 1000 {
		if v, _ := f.Allow(fuse.Ends, strconv.Itoa(i), fuse.Limits{}, at(0)); v != fuse.Go {
			t.Fatalf("ticket %d: %s", i, v)
		}
	}
}
