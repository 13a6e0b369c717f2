package node_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/node/admin"
	"parley/node/notify"
	"parley/sync/store"
)

// hook is a webhook that keeps what it was told.
type hook struct {
	mu    sync.Mutex // guards the fields below
	wrong map[notify.Kind]int
	over  map[notify.Kind]int
}

// told makes a webhook and has a site's node tell it of everything; the node must be
// stopped, or not be running yet.
func (s *site) told() *hook {
	s.t.Helper()
	h := &hook{wrong: map[notify.Kind]int{}, over: map[notify.Kind]int{}}
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m notify.Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			s.t.Error(err)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, l := range m.Wrong {
			h.wrong[l.Kind]++
		}
		for _, l := range m.Over {
			h.over[l.Kind]++
		}
	}))
	s.t.Cleanup(web.Close)
	text, err := os.ReadFile(s.file())
	must(s.t, err)
	notices := fmt.Sprintf("\nnotify:\n  to: [\"webhook:ops\"]\n  webhooks: {ops: {url: %q}}\n", web.URL)
	must(s.t, os.WriteFile(s.file(), []byte(string(text)+notices), 0o600))
	return h
}

func (h *hook) counts(kind notify.Kind) (wrong, over int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.wrong[kind], h.over[kind]
}

// TestNotices_WhatDiffersAndADamagedStoreAreTold, once, and when it is over.
func TestNotices_WhatDiffersAndADamagedStoreAreTold(t *testing.T) {
	t.Parallel()
	a, b := joined(t, "")
	a.create("Printer on fire")
	eventually(t, "the ticket appears at Globex", func() error { _, err := b.find("Printer on fire"); return err })
	quiet(t, a, b)
	b.stop()
	told := b.told()
	b.damage(func(tx store.Tx) error {
		var lost []byte
		err := tx.Keys([]byte("x/"), nil, func(key []byte) (bool, error) {
			lost = key
			return false, nil
		})
		if err != nil {
			return err
		}
		if err := tx.Delete(lost); err != nil {
			return err
		}
		row := fmt.Sprintf(`{"at":%q,"aside":"store-damaged-x"}`, time.Now().UTC().Format(time.RFC3339))
		return tx.Put(store.MetaKey("damage"), []byte(row))
	})
	aside := filepath.Join(b.dir, "data", "store-damaged-x")
	must(t, os.Mkdir(aside, 0o700))
	b.run()
	b.verified("they differ", admin.VerifyRequest{}, func(v admin.Verification) bool { return len(v.Differ) == 1 })
	kinds := []notify.Kind{notify.Differs, notify.Damaged}
	eventually(t, "people are told", func() error {
		for _, kind := range kinds {
			if wrong, over := told.counts(kind); wrong != 1 || over != 0 {
				return fmt.Errorf("%s: told %d times, and %d that it is over", kind, wrong, over)
			}
		}
		return nil
	})
	status, err := b.node.Status(t.Context())
	must(t, err)
	if d := status.Store.Damaged; d == nil || !strings.HasSuffix(d.Aside, "store-damaged-x") || status.Connections[0].Differing != 1 {
		t.Errorf("status says %+v, %+v", d, status.Connections)
	}
	must(t, os.Remove(aside))
	b.verified("it is mended", admin.VerifyRequest{Heal: true}, func(admin.Verification) bool { return true })
	b.verified("they agree", admin.VerifyRequest{}, func(v admin.Verification) bool { return len(v.Differ)+len(v.Moving) == 0 })
	eventually(t, "people are told that it is over", func() error {
		for _, kind := range kinds {
			if wrong, over := told.counts(kind); wrong != 1 || over != 1 {
				return fmt.Errorf("%s: told %d times, and %d that it is over", kind, wrong, over)
			}
		}
		return nil
	})
}
