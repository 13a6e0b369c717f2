package node_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"parley/node/admin"
	"parley/node/audit"
	"parley/sync/store"
)

// whole holds a node's record against heads.
func (s *site) whole(heads []audit.Head) error {
	s.t.Helper()
	page, err := s.node.Audit(s.t.Context(), admin.AuditQuery{})
	must(s.t, err)
	check := audit.NewChecker(nil, heads...)
	for _, r := range page.Records {
		line, err := r.Line()
		must(s.t, err)
		if err := check.Line(line); err != nil {
			return err
		}
	}
	_, err = check.End()
	return err
}

// TestWitness_AnOldRecordPutBackIsFoundByWhatPeersKeep: each side keeps heads of the
// other's record of what people did. Who owns the machine may put an old record back,
// which is whole by itself; the peer's heads tell, and the peer itself warns.
func TestWitness_AnOldRecordPutBackIsFoundByWhatPeersKeep(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, "acme", ""), newSite(t, "globex", "127.0.0.1:0")
	theirs := &written{}
	b.log = theirs
	a.run()
	b.run()
	var early audit.Head
	for i := range 6 {
		_, err := a.node.OnRecord(audit.Record{Who: "alice", Action: fmt.Sprint("deed ", i)})
		must(t, err)
		if i == 2 {
			h, err := a.node.AuditHead(t.Context())
			must(t, err)
			early = h.Head
		}
	}
	join(t, b, a)
	var kept []audit.Head
	eventually(t, "the peer keeps the head of the record", func() error {
		said, err := a.node.AuditWitnesses(t.Context())
		must(t, err)
		if len(said) != 1 || len(said[0].Heads) == 0 || said[0].Problem != "" {
			return fmt.Errorf("the peer says %+v", said)
		}
		kept = said[0].Heads
		return nil
	})
	must(t, a.whole(kept))
	there, err := b.node.Witnessed(t.Context(), "peer")
	must(t, err)
	if len(there.Heads) != 1 || there.Heads[0] != kept[0] || there.Latest.IsZero() || kept[0].Number < early.Number+3 {
		t.Errorf("%+v is kept, told is %+v", there, kept)
	}

	a.stop()
	a.damage(func(tx store.Tx) error {
		var late [][]byte
		err := tx.Keys(store.AuditPrefix(), store.AuditKey(early.Number), func(key []byte) (bool, error) {
			late = append(late, append([]byte(nil), key...))
			return true, nil
		})
		for _, key := range late {
			err = errors.Join(err, tx.Delete(key))
		}
		return errors.Join(err, tx.Put(store.MetaKey("audit"), []byte(early.String())))
	})
	a.run()
	must(t, a.whole(nil))
	eventually(t, "the peer's heads tell", func() error {
		said, err := a.node.AuditWitnesses(t.Context())
		must(t, err)
		if len(said) != 1 || said[0].Problem != "" {
			return fmt.Errorf("the peer says %+v", said)
		}
		fault := (*audit.Fault)(nil)
		if err := a.whole(said[0].Heads); !errors.As(err, &fault) {
			return fmt.Errorf("against %v the record is %w", said[0].Heads, err)
		}
		return nil
	})
	eventually(t, "the peer warns its people", func() error {
		if !bytes.Contains(theirs.bytes(), []byte("record went back")) {
			return errors.New("nothing is said of it")
		}
		return nil
	})
}
