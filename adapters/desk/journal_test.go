package desk

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
)

func testDesk(t *testing.T, dir string) *Server {
	t.Helper()
	s, err := Open(dir, Options{Token: "token-of-the-test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func mustCreate(t *testing.T, s *Server, summary string) result {
	t.Helper()
	r, err := s.create(t.Context(), "alice", "", event.Fields{event.FieldSummary: summary})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func count(t *testing.T, s *Server) (tickets int, seq uint64) {
	t.Helper()
	if err := s.view(func(st *state) error { tickets, seq = len(st.byAge()), st.seq; return nil }); err != nil {
		t.Fatal(err)
	}
	return tickets, seq
}

func TestJournal_LineCutByACrashIsDroppedAndNothingElse(t *testing.T) {
	t.Parallel()
	whole := t.TempDir()
	s := testDesk(t, whole)
	mustCreate(t, s, "first")
	mustCreate(t, s, "second")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(whole, journalName))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(bytes.TrimSuffix(raw, []byte("\n")), []byte("\n"))
	last := len(raw) - len(lines[2]) - 1
	for _, cut := range []int{last + 1, last + 10, len(raw) - 2, len(raw) - 1} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, journalName), raw[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s := testDesk(t, dir)
		if n, seq := count(t, s); n != 1 || seq != 1 {
			t.Errorf("cut at byte %d: got %d tickets and number %d, want 1 and 1", cut, n, seq)
		}
		mustCreate(t, s, "after the crash")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if n, seq := count(t, testDesk(t, dir)); n != 2 || seq != 2 {
			t.Errorf("cut at byte %d, opened again: got %d tickets and number %d, want 2 and 2", cut, n, seq)
		}
	}
}

func TestJournal_DamageIsAnErrorThatNamesTheLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := testDesk(t, dir)
	for range 3 {
		mustCreate(t, s, "ticket")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, journalName)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for want, damage := range map[string]func(string) string{
		"line 3": func(s string) string { return strings.Replace(s, `{"seq":2`, `{"seq"2`, 1) },
		"line 4": func(s string) string { return strings.Replace(s, `{"seq":3`, `{"seq":7`, 1) },
		"line 1": func(s string) string { return strings.Replace(s, `"desk"`, `"tree"`, 1) },
	} {
		broken := t.TempDir()
		if err := os.WriteFile(filepath.Join(broken, journalName), []byte(damage(string(raw))), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(broken, Options{Token: "token-of-the-test"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one that names %s", err, want)
		}
	}
}

func TestJournal_OneDeskAtATime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	testDesk(t, dir)
	if _, err := Open(dir, Options{Token: "token-of-the-test"}); err == nil {
		t.Error("a second desk opened the same folder")
	}
}

func TestJournal_FailedWriteStopsEveryAnswer(t *testing.T) {
	t.Parallel()
	s := testDesk(t, t.TempDir())
	mustCreate(t, s, "before")
	if err := s.journal.file.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.create(t.Context(), "alice", "", event.Fields{event.FieldSummary: "lost"}); err == nil {
		t.Error("a change that is not on disk was answered")
	}
	// What is in memory may not be on disk: reading it would tell of a change
	// that a restart takes back.
	if err := s.view(func(*state) error { return nil }); err == nil {
		t.Error("a desk whose journal failed still shows tickets")
	}
}

func TestCommit_ManyAtOnceGetNumbersWithoutHoles(t *testing.T) {
	t.Parallel()
	const writers, rounds = 8, 20
	dir := t.TempDir()
	s := testDesk(t, dir)
	var all sync.WaitGroup
	var mu sync.Mutex
	keys := map[string]bool{}
	errs := make(chan error, writers)
	for w := range writers {
		all.Go(func() {
			for r := range rounds {
				res, err := s.create(t.Context(), "alice", "", event.Fields{event.FieldSummary: fmt.Sprint(w, r)})
				if err != nil {
					errs <- err
					return
				}
				mu.Lock()
				keys[res.key] = true
				mu.Unlock()
			}
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		t.Fatal(err)
	}
	if n, seq := count(t, s); n != writers*rounds || seq != writers*rounds || len(keys) != writers*rounds {
		t.Errorf("got %d tickets, number %d, %d keys; want %d of each", n, seq, len(keys), writers*rounds)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n, _ := count(t, testDesk(t, dir)); n != writers*rounds {
		t.Errorf("after a restart there are %d tickets, want %d", n, writers*rounds)
	}
}

func TestChange_AfterCloseIsAnError(t *testing.T) {
	t.Parallel()
	s := testDesk(t, t.TempDir())
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.create(t.Context(), "alice", "", event.Fields{event.FieldSummary: "late"})
	if !errors.Is(err, errClosed) {
		t.Errorf("got %v, want %v", err, errClosed)
	}
}

func TestChanges_EachTicketOnceAndNoneLeftOut(t *testing.T) {
	t.Parallel()
	s := testDesk(t, t.TempDir())
	for _, name := range []string{"a", "b", "c"} {
		mustCreate(t, s, name)
	}
	if _, err := s.update(t.Context(), "alice", "1", 0, update{Fields: event.Fields{event.FieldSummary: "a again"}}); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := s.view(func(st *state) error {
		for _, c := range st.changes(1, "", 10) {
			got = append(got, fmt.Sprintf("%d@%d", c.id, c.version))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(got, []string{"2@2", "3@3", "1@4"}); d != "" {
		t.Errorf("-got +want:\n%s", d)
	}
}
