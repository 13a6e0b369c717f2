package node

import (
	"testing"

	"parley/filters"
	"parley/node/config"
)

// TestExport_LeavesOutWhatATableNeverUses: a version from before such pairs were refused
// in files can be exported, and means the same.
func TestExport_LeavesOutWhatATableNeverUses(t *testing.T) {
	t.Parallel()
	kept := filters.Table{Policy: filters.TablePass, Pairs: []filters.Pair{
		{Ours: "Open", Wire: "new"}, {Ours: "Done", Wire: "closed"}, {Ours: "Open", Wire: "closed"}, {Ours: "Done", Wire: "closed"}, {Ours: "Held", Wire: "new"},
	}}
	text, err := tableText(&config.Config{}, config.Connection{}, "status", kept)
	if err != nil {
		t.Fatal(err)
	}
	want := "policy: pass\npairs:\n  - [\"Open\",\"new\"]\n  - [\"Done\",\"closed\"]\n  - [\"Held\",\"new\"]\n"
	if text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}
