package node

import (
	"errors"
	"testing"

	"parley/node/admin"
	"parley/sync/event"
	"parley/sync/flow"
)

// TestOne_OfSeveralConnectionsNoneIsGuessed: what is asked of the wrong one may write to the wrong peer.
func TestOne_OfSeveralConnectionsNoneIsGuessed(t *testing.T) {
	t.Parallel()
	n := &Node{links: map[event.ConnectionID]*link{{1}: {record: record{Name: "globex"}, flow: &flow.Connection{}}}}
	if l, err := n.one(""); err != nil || l.record.Name != "globex" {
		t.Errorf("the only one: got %v, %v", l, err)
	}
	n.links[event.ConnectionID{2}] = &link{record: record{Name: "initech"}, flow: &flow.Connection{}}
	var got *admin.Error
	if l, err := n.one(""); !errors.As(err, &got) || got.Kind != admin.KindInvalid {
		t.Errorf("of two: got %v, %v", l, err)
	}
	if l, err := n.one("initech"); err != nil || l.record.Name != "initech" {
		t.Errorf("by name: got %v, %v", l, err)
	}
}
