package node

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/node/config"
	"parley/sync/connection"
	"parley/sync/event"
	"parley/sync/store"
	"parley/sync/store/memstore"
	"parley/sync/twin"
)

func TestOwners_AreFoundByTheNamesThatPeopleSee(t *testing.T) {
	t.Parallel()
	schema := event.Schema{Fields: map[string]event.Field{"priority": {}, "status": {}, "summary": {}, "fields.Severity": {}}}
	got, err := owners(config.Connection{Fields: map[string]string{
		"priority": config.OwnerTheirs, "Severity": config.OwnerOurs, "status": config.OwnerBoth,
	}}, schema)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]twin.Owner{"priority": twin.Theirs, "fields.Severity": twin.Ours}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
	_, err = owners(config.Connection{Fields: map[string]string{"Sevrity": config.OwnerOurs}}, schema)
	if err == nil || !strings.Contains(err.Error(), "Sevrity") {
		t.Errorf("a field that is not there: got %v", err)
	}
}

// TestStop_IsKeptForTheNextStart: whoever stopped a connection is not forgotten by a
// restart. That a connection comes up as its record says is connect's.
func TestStop_IsKeptForTheNextStart(t *testing.T) {
	t.Parallel()
	id := event.ConnectionID{7}
	rec := record{Name: "globex", Agreement: connection.Agreement{Connection: id}, PausedIn: true}
	n := &Node{store: memstore.New(), links: map[event.ConnectionID]*link{id: {record: rec}}}
	n.rememberStopped(n.byID(id), false)
	if n.byID(id).record.Stopped {
		t.Fatal("a connection that works is taken for stopped")
	}
	n.rememberStopped(n.byID(id), true)
	var kept record
	err := n.store.View(func(r store.Reader) error {
		raw, err := r.Get(store.AgreementKey(id))
		if err != nil {
			return err
		}
		return json.Unmarshal(raw, &kept)
	})
	if err != nil || !kept.Stopped || !kept.PausedIn || !n.byID(id).record.Stopped {
		t.Errorf("kept %+v, %v; want it stopped and else as it was", kept, err)
	}
}
