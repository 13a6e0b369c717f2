package badgerstore_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"parley/sync/store"
	"parley/sync/store/badgerstore"
)

const (
	childDir     = "PARLEY_STORE_CHILD_DIR"
	childWriters = "PARLEY_STORE_CHILD_WRITERS"
	// killsEnv asks for more and later kills than a normal run makes.
	killsEnv = "PARLEY_STORE_KILLS"

	parts = 5 // keys of one transaction
)

// TestKill_LosesNoAcknowledgedWriteAndLeavesNoHalfTransaction starts a child that
// writes and says what was acknowledged, kills it after a random number of
// those, and reads what is left.
func TestKill_LosesNoAcknowledgedWriteAndLeavesNoHalfTransaction(t *testing.T) {
	t.Parallel()
	kills, most := 6, 500
	if v := os.Getenv(killsEnv); v != "" {
		n, err := strconv.Atoi(v)
		must(t, err)
		kills, most = n, 3000
	}
	o := options(t.TempDir(), &disk{})
	o.Free = nil
	o.MinFree = -1
	acked := map[string]int{} // writer → the highest number acknowledged
	random := rand.New(rand.NewPCG(1, uint64(kills)))
	for range kills {
		killOne(t, o.Dir, acked, 1+random.IntN(most))
		s := open(t, o)
		for writer, n := range acked {
			check(t, s, writer, n)
		}
		must(t, s.Close())
	}
	t.Logf("%d kills, acknowledged: %v", kills, acked)
}

// killOne runs a child until it has acknowledged so many writes.
func killOne(t *testing.T, dir string, acked map[string]int, after int) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childDir+"="+dir, childWriters+"=8")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if n == after {
			must(t, cmd.Process.Kill())
		}
		// Lines behind the kill count too: they were acknowledged before it.
		writer, number, ok := strings.Cut(lines.Text(), " ")
		i, err := strconv.Atoi(number)
		if !ok || err != nil {
			continue // cut by the kill
		}
		acked[writer] = max(acked[writer], i)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("child was not killed: %v", err)
	}
}

// check wants every transaction of a writer up to n whole, and those above whole
// or not there, without a gap: each writer waits for one before the next.
func check(t *testing.T, s store.Store, writer string, n int) {
	t.Helper()
	last := 0
	must(t, s.View(func(r store.Reader) error {
		head, err := r.Get([]byte("h/" + writer))
		if err != nil {
			return err
		}
		last, err = strconv.Atoi(string(head))
		return err
	}))
	if last < n || last > n+1 {
		t.Errorf("writer %s: %d is on disk, %d was acknowledged", writer, last, n)
	}
	counts := map[string]int{}
	must(t, s.View(func(r store.Reader) error {
		return r.Scan([]byte("e/"+writer+"/"), nil, func(k, v []byte) (bool, error) {
			number := strings.Split(string(k), "/")[2]
			if want := body(number); string(v) != want {
				t.Errorf("%s: wrong value", k)
			}
			counts[number]++
			return true, nil
		})
	}))
	for i := 1; i <= last; i++ {
		if got := counts[fmt.Sprintf("%08d", i)]; got != parts {
			t.Fatalf("writer %s: transaction %d of %d has %d of %d parts", writer, i, last, got, parts)
		}
	}
	if len(counts) != last {
		t.Errorf("writer %s: %d transactions, head says %d", writer, len(counts), last)
	}
}

func body(number string) string { return strings.Repeat(number, 100) }

// child writes until it is killed. Each writer goes on where the store says.
func child(dir, writers string) int {
	s, err := badgerstore.Open(badgerstore.Options{Dir: dir, Key: [32]byte{1}, MinFree: -1})
	if err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		return 1
	}
	n, err := strconv.Atoi(writers)
	if err != nil {
		return 1
	}
	var out sync.Mutex
	var all sync.WaitGroup
	for w := range n {
		all.Go(func() {
			for {
				next, err := writeNext(s, w)
				if err != nil {
					fmt.Fprintln(os.Stderr, "child:", err)
					return
				}
				out.Lock()
				_, _ = io.WriteString(os.Stdout, fmt.Sprintf("%d %d\n", w, next))
				out.Unlock()
			}
		})
	}
	all.Wait()
	return 1
}

func writeNext(s store.Store, writer int) (next int, err error) {
	err = s.Update(func(tx store.Tx) error {
		next = 1
		key := fmt.Appendf(nil, "h/%d", writer)
		switch v, err := tx.Get(key); {
		case err == nil:
			last, err := strconv.Atoi(string(v))
			if err != nil {
				return err
			}
			next = last + 1
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		number := fmt.Sprintf("%08d", next)
		for part := range parts {
			if err := tx.Put(fmt.Appendf(nil, "e/%d/%s/%d", writer, number, part), []byte(body(number))); err != nil {
				return err
			}
		}
		return tx.Put(key, []byte(strconv.Itoa(next)))
	})
	return next, err
}
