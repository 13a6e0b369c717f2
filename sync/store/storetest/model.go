package storetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"parley/sync/store"
)

// model runs random transactions on the store and on plain maps side by side.
func model(t *testing.T, open func(testing.TB) Subject) {
	subject := open(t)
	s := subject.Store
	// One store serves all runs; each works below a prefix of its own.
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		m := machine{s: s, prefix: fmt.Sprintf("x/%d/", run), seen: map[string]string{}, committed: map[string]string{}}
		rt.Repeat(map[string]func(*rapid.T){
			"Update": func(rt *rapid.T) { m.transact(rt, s.Update, false) },
			"Finish": func(rt *rapid.T) { m.transact(rt, s.Finish, false) },
			"Lazy":   func(rt *rapid.T) { m.transact(rt, s.Lazy, true) },
			"View":   m.view,
		})
	})
}

type machine struct {
	s      store.Store
	prefix string
	// seen is what the next transaction sees; committed is what a View sees at
	// least. They differ by what Lazy wrote.
	seen, committed map[string]string
}

func (m *machine) key(rt *rapid.T) string {
	return m.prefix + rapid.StringMatching(`[abc]{0,3}`).Draw(rt, "key")
}

func (m *machine) transact(rt *rapid.T, call func(func(store.Tx) error) error, lazy bool) {
	steps := rapid.IntRange(0, 6).Draw(rt, "steps")
	fail := rapid.IntRange(0, 3).Draw(rt, "fail") == 0
	own := maps.Clone(m.seen)
	err := call(func(tx store.Tx) error {
		for range steps {
			m.step(rt, tx, own)
		}
		if fail {
			return errOurs
		}
		return nil
	})
	switch {
	case fail && err != errOurs: //nolint:errorlint // as it is
		rt.Fatalf("error = %v, want the function's own", err)
	case !fail && err != nil:
		rt.Fatalf("error = %v", err)
	case !fail:
		m.seen = own
	}
	if !lazy {
		m.committed = m.seen
	}
}

func (m *machine) step(rt *rapid.T, tx store.Tx, own map[string]string) {
	key := m.key(rt)
	switch rapid.SampledFrom([]string{"put", "delete", "get", "scan"}).Draw(rt, "step") {
	case "put":
		own[key] = rapid.StringMatching(`[xyz]{0,2}`).Draw(rt, "value")
		if err := tx.Put([]byte(key), []byte(own[key])); err != nil {
			rt.Fatalf("Put: %v", err)
		}
	case "delete":
		delete(own, key)
		if err := tx.Delete([]byte(key)); err != nil {
			rt.Fatalf("Delete: %v", err)
		}
	case "get":
		value, ok := own[key]
		if got, err := tx.Get([]byte(key)); string(got) != value || (err == nil) != ok {
			rt.Fatalf("Get(%q) = %q, %v; want %q, %v", key, got, err, value, ok)
		}
	case "scan":
		m.compare(rt, tx, own)
	}
}

// compare scans below a random prefix after a random key, both from the run's keys.
func (m *machine) compare(rt *rapid.T, r store.Reader, want map[string]string) {
	prefix, after := m.key(rt), m.key(rt)
	if !equal(rt, r, want, prefix, after) {
		rt.Fatalf("Scan(%q, %q) differs from %v", prefix, after, want)
	}
}

func equal(rt *rapid.T, r store.Reader, want map[string]string, prefix, after string) bool {
	var wanted, got []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if strings.HasPrefix(key, prefix) && key > after {
			wanted = append(wanted, key+"="+want[key])
		}
	}
	err := r.Scan([]byte(prefix), []byte(after), func(k, v []byte) (bool, error) {
		got = append(got, string(k)+"="+string(v))
		return true, nil
	})
	if err != nil {
		rt.Fatalf("Scan: %v", err)
	}
	return slices.Equal(got, wanted)
}

func (m *machine) view(rt *rapid.T) {
	err := m.s.View(func(r store.Reader) error {
		// Lazy's writes are committed all or, from one call on, not yet.
		if !equal(rt, r, m.committed, m.prefix, "") && maps.Equal(m.committed, m.seen) {
			rt.Fatalf("View differs from %v", m.committed)
		}
		return nil
	})
	if err != nil {
		rt.Fatalf("View: %v", err)
	}
}
