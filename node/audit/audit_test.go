package audit_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"parley/node/audit"
	"parley/sync/store"
	"parley/sync/store/memstore"
)

// bench is a log over a store that can crash.
type bench struct {
	*testing.T
	store *memstore.Store
	log   *audit.Log
	key   ed25519.PrivateKey
	now   time.Time
	// heads are those that were told, by number.
	mu    sync.Mutex
	heads map[uint64]audit.Head
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		T: t, store: memstore.New(), key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)),
		now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), heads: map[uint64]audit.Head{},
	}
	b.open()
	return b
}

func (b *bench) open() {
	b.log = audit.New(audit.Options{Store: b.store, Now: func() time.Time { return b.now }, Key: b.key, Told: func(_ audit.Record, h audit.Head) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.heads[h.Number] = h
	}})
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// fill appends n records, a minute apart.
func (b *bench) fill(n int) {
	b.Helper()
	for i := range n {
		b.now = b.now.Add(time.Minute)
		_, err := b.log.Append(audit.Record{Who: "alice (uid 7)", From: "socket", Action: "pause", Outcome: audit.Asked, Connection: fmt.Sprintf("c%d", i%3)})
		b.must(err)
	}
}

// lines are all records as they are kept.
func (b *bench) lines() []string {
	b.Helper()
	var out []string
	b.must(b.store.View(func(r store.Reader) error {
		return r.Scan(store.AuditPrefix(), nil, func(_, line []byte) (bool, error) {
			out = append(out, string(line))
			return true, nil
		})
	}))
	return out
}

func (b *bench) check(lines []string, against ...audit.Head) (audit.Report, error) {
	public, _ := b.key.Public().(ed25519.PublicKey)
	c := audit.NewChecker(public, against...)
	for _, line := range lines {
		if err := c.Line([]byte(line)); err != nil {
			return audit.Report{}, err
		}
	}
	return c.End()
}

func TestAppend_NumbersHaveNoHolesAndWhatReturnedIsOnTheDisk(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 25 {
				if _, err := b.log.Append(audit.Record{Action: "pause"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	b.store = b.store.Crash()
	b.open()
	report, err := b.check(b.lines(), b.heads[200], b.heads[1], b.heads[77])
	if err != nil || report.Records != 200 || report.Held != 3 {
		t.Errorf("got %+v, %v", report, err)
	}
	if head, err := b.log.Head(); err != nil || head != b.heads[200] {
		t.Errorf("got head %v, %v", head, err)
	}
}

func TestAppend_ALostHeadCostsNoRecord(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fill(5)
	b.must(b.store.Update(func(tx store.Tx) error { return tx.Delete(store.MetaKey("audit")) }))
	b.fill(1)
	if report, err := b.check(b.lines(), b.heads[5]); err != nil || report.Records != 6 {
		t.Errorf("got %+v, %v", report, err)
	}
}

func TestCheck_FindsWhatWasChanged(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fill(12)
	whole := b.lines()
	if report, err := b.check(whole, b.heads[12], b.heads[3]); err != nil || report.Held != 2 || report.Head != b.heads[12] {
		t.Fatalf("what nobody touched: %+v, %v", report, err)
	}
	// Somebody who rewrites the whole log has every link right again.
	forged := newBench(t)
	forged.fill(3)
	forged.now = forged.now.Add(time.Second)
	forged.fill(9)
	for name, c := range map[string]struct {
		lines   []string
		against []audit.Head
		number  uint64
	}{
		"a word":                 {swap(whole, 4, strings.Replace(whole[4], "alice", "mallo", 1)), nil, 5},
		"a time":                 {swap(whole, 4, strings.Replace(whole[4], "12:05", "12:04", 1)), nil, 5},
		"the last, with a head":  {swap(whole, 11, strings.Replace(whole[11], "alice", "mallo", 1)), []audit.Head{b.heads[12]}, 12},
		"another spelling":       {swap(whole, 4, strings.Replace(whole[4], `"who"`, ` "who"`, 1)), nil, 5},
		"an unknown key":         {swap(whole, 4, strings.Replace(whole[4], `{`, `{"x":1,`, 1)), nil, 5},
		"one left out":           {slices.Delete(slices.Clone(whole), 4, 5), nil, 5},
		"two in another order":   {swap(swap(whole, 4, whole[5]), 5, whole[4]), nil, 5},
		"one put in twice":       {slices.Insert(slices.Clone(whole), 4, whole[3]), nil, 5},
		"the beginning":          {whole[2:], nil, 2},
		"the end":                {whole[:9], []audit.Head{b.heads[12]}, 10},
		"all of it, with a head": {forged.lines(), []audit.Head{b.heads[7]}, 7},
		"rolled back and on":     {forged.lines(), []audit.Head{b.heads[3], b.heads[4]}, 4},
		"nothing is left":        {nil, []audit.Head{b.heads[12]}, 1},
	} {
		report, err := b.check(c.lines, c.against...)
		fault := (*audit.Fault)(nil)
		if !errors.As(err, &fault) || fault.Number != c.number {
			t.Errorf("%s: got %+v, %v, want a fault at %d", name, report, err, c.number)
		}
	}
}

func swap(lines []string, i int, line string) []string {
	out := slices.Clone(lines)
	out[i] = line
	return out
}

func TestPrune_LeavesASignedRecordOfIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fill(10)
	early := b.heads[2]
	n, err := b.log.Prune(b.now.Add(-4*time.Minute), audit.Record{Who: "alice", From: "socket", Said: map[string]string{"reason": "a year is enough"}})
	if err != nil || n != 5 {
		t.Fatalf("removed %d: %v", n, err)
	}
	b.fill(2)
	lines := b.lines()
	report, err := b.check(lines, early, b.heads[5], b.heads[6], b.heads[11])
	if err != nil || report.First != 6 || report.Pruned != 5 || report.Gone != 1 || report.Held != 3 {
		t.Errorf("got %+v, %v", report, err)
	}
	// Nobody else removes records in this way.
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize))
	public, _ := other.Public().(ed25519.PublicKey)
	c := audit.NewChecker(public)
	for _, line := range lines {
		if err = c.Line([]byte(line)); err != nil {
			break
		}
	}
	if fault := (*audit.Fault)(nil); !errors.As(err, &fault) || !strings.Contains(fault.What, "did not sign") {
		t.Errorf("signed by another: %v", err)
	}
	// More than it said is missing.
	if _, err := b.check(lines[1:]); err == nil {
		t.Error("a record that nobody removed may be missing")
	}
	// There is always one left, and what is recent stays.
	if n, err := b.log.Prune(b.now.Add(-time.Hour), audit.Record{}); n != 0 || err != nil || len(b.lines()) != len(lines) {
		t.Errorf("removed %d: %v", n, err)
	}
}

func TestPrune_ACrashInItLeavesALogThatHolds(t *testing.T) {
	t.Parallel()
	for commits := 1; ; commits++ {
		b := newBench(t)
		b.fill(8)
		head := b.heads[8]
		b.store.FailCommit(commits)
		_, err := b.log.Prune(b.now.Add(time.Second), audit.Record{Who: "alice"})
		b.store = b.store.Crash()
		b.store.FailCommit(0)
		b.open()
		b.fill(1)
		if report, err := b.check(b.lines(), head); err != nil {
			t.Errorf("after %d commits: %+v, %v", commits, report, err)
		}
		if err == nil {
			return
		}
		if commits > 10 {
			t.Fatal("it never ends")
		}
		if n, err := b.log.Prune(b.now, audit.Record{Who: "alice"}); err != nil || n == 0 {
			t.Errorf("after %d commits the next one removes %d: %v", commits, n, err)
		}
	}
}

func TestRecord_IsBoundedAndPlain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	evil := "a\x1b[2Jb\u202ec\nd\xffe" + strings.Repeat("ü", 5000)
	said, changed := map[string]string{}, []audit.Change{}
	for i := range 500 {
		said[fmt.Sprint(evil, i)] = evil
		changed = append(changed, audit.Change{What: evil, Was: evil, Is: evil})
	}
	_, err := b.log.Append(audit.Record{Who: evil, From: evil, Action: evil, Outcome: evil, Connection: evil, Ticket: evil, Said: said, Changed: changed})
	b.must(err)
	line := b.lines()[0]
	if len(line) > 32<<10 || !utf8.ValidString(line) || strings.ContainsAny(line, "\x1b\u202e\n") {
		t.Errorf("%d bytes: %.300q", len(line), line)
	}
	if _, err := b.check(b.lines()); err != nil {
		t.Error(err)
	}
}

func TestRead_ChoosesAndGoesOn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fill(30)
	var got []uint64
	q := audit.Query{Connection: "c1", Limit: 4}
	for {
		page, through, err := b.log.Read(q)
		b.must(err)
		for _, r := range page {
			got = append(got, r.Number)
		}
		if through == q.After {
			break
		}
		q.After = through
	}
	if want := []uint64{2, 5, 8, 11, 14, 17, 20, 23, 26, 29}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	page, _, err := b.log.Read(audit.Query{Since: b.now})
	if err != nil || len(page) != 1 || page[0].Number != 30 {
		t.Errorf("since the last minute: %+v, %v", page, err)
	}
}

func TestChanged_NotesWhatDiffers(t *testing.T) {
	t.Parallel()
	ctx, notes := audit.WithNotes(t.Context())
	audit.Changed(ctx, "filters", "1", "2")
	audit.Changed(ctx, "files", "same", "same")
	audit.Changed(t.Context(), "nobody", "keeps", "a record")
	if got := notes.All(); !slices.Equal(got, []audit.Change{{What: "filters", Was: "1", Is: "2"}}) {
		t.Errorf("got %v", got)
	}
}
