package node_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"parley/node/admin"
	"parley/node/secret"
	"parley/sync/store"
	"parley/sync/store/badgerstore"
)

// damage changes the store of a node that is stopped.
func (s *site) damage(fn func(tx store.Tx) error) {
	s.t.Helper()
	data := filepath.Join(s.dir, "data")
	key, err := secret.FindKey(data, func(string) string { return "" })
	must(s.t, err)
	vault, err := secret.Open(data, key)
	must(s.t, err)
	rows, err := badgerstore.Open(badgerstore.Options{
		Dir: filepath.Join(data, "store"), Key: vault.Derive(secret.PurposeStore), MinFree: -1, Logger: zerolog.Nop(),
	})
	must(s.t, err)
	must(s.t, rows.Update(fn))
	must(s.t, rows.Close())
}

// verified compares until fn is content with what is found.
func (s *site) verified(what string, r admin.VerifyRequest, fn func(admin.Verification) bool) (found admin.Verification) {
	s.t.Helper()
	eventually(s.t, what, func() error {
		v, err := s.node.Verify(s.t.Context(), "peer", r)
		if err == nil && !fn(v) {
			err = fmt.Errorf("it says %+v", v)
		}
		found = v
		return err
	})
	return found
}

// TestTwoNodes_CompareWhatTheyHold: what one node lost behind its back both find, name
// and mend, and status tells.
func TestTwoNodes_CompareWhatTheyHold(t *testing.T) {
	t.Parallel()
	a, b := joined(t, "")
	made := a.create("Printer on fire")
	eventually(t, "the ticket appears at Globex", func() error { _, err := b.find("Printer on fire"); return err })
	agreed := func(v admin.Verification) bool { return v.Twins == 1 && len(v.Differ)+len(v.Moving)+v.More == 0 }
	a.verified("the sides agree", admin.VerifyRequest{}, agreed)
	b.verified("the other side says so too", admin.VerifyRequest{}, agreed)

	b.stop()
	b.damage(func(tx store.Tx) error {
		var lost []byte
		err := tx.Keys([]byte("x/"), nil, func(key []byte) (bool, error) {
			lost = key
			return true, nil
		})
		if err != nil {
			return err
		}
		return tx.Delete(lost)
	})
	b.run()
	v := a.verified("the damage is found", admin.VerifyRequest{}, func(v admin.Verification) bool { return len(v.Differ) == 1 })
	want := []admin.Difference{}
	for _, name := range []string{"key", "status", "summary"} {
		want = append(want, admin.Difference{Direction: "outgoing", Kind: "field", Name: name, What: "missing"})
	}
	if diff := cmp.Diff(want, v.Differ[0].What); diff != "" || v.Differ[0].Key != made.Key {
		t.Errorf("of %s (-want +got):\n%s", v.Differ[0].Key, diff)
	}
	if c, err := a.node.Connections(t.Context()); err != nil || c[0].Differing != 1 || c[0].Verified.IsZero() {
		t.Errorf("status says %+v, %v", c, err)
	}
	// The side that lost it asks, and the other mends.
	healed := b.verified("it is mended", admin.VerifyRequest{Heal: true}, func(admin.Verification) bool { return true })
	if healed.HealedThere != 1 || healed.HealedHere != 0 {
		t.Errorf("healing says %+v", healed)
	}
	a.verified("the sides agree again", admin.VerifyRequest{}, agreed)
	if c, err := a.node.Connections(t.Context()); err != nil || c[0].Differing != 0 {
		t.Errorf("status says %+v, %v", c, err)
	}
	if k, err := b.find("Printer on fire"); err != nil || len(k.Comments) != 0 {
		t.Errorf("the ticket is %+v, %v", k, err)
	}
	if _, err := a.node.Verify(t.Context(), "nobody", admin.VerifyRequest{}); err == nil {
		t.Error("a connection that is not there was compared")
	}
}
