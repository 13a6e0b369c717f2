package node_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"parley/adapters/all"
	"parley/node"
	"parley/node/config"
)

// successor opens a node and tells whether it takes itself for the one that follows the
// last process on its store.
func (s *site) successor() bool {
	s.t.Helper()
	cfg, err := config.Load(s.file(), config.Options{Kinds: all.Kinds()})
	must(s.t, err)
	n, err := node.Open(s.t.Context(), cfg, node.Options{Kinds: all.Kinds(), Log: os.Stderr, MinFree: -1})
	must(s.t, err)
	defer func() { must(s.t, n.Close()) }()
	return n.Successor()
}

// TestHome_OnlyAFolderThatStayedHasASuccessor: a copy of it, wherever it is put, has none.
func TestHome_OnlyAFolderThatStayedHasASuccessor(t *testing.T) {
	t.Parallel()
	s := newSite(t, "acme", "")
	if s.successor() {
		t.Error("the first process follows another")
	}
	for range 2 {
		if !s.successor() {
			t.Error("a restart does not follow the process before it")
		}
	}
	data, aside := filepath.Join(s.dir, "data"), filepath.Join(s.dir, "aside")
	must(t, os.Rename(data, aside))
	must(t, os.CopyFS(data, os.DirFS(aside)))
	must(t, filepath.WalkDir(data, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return os.Chmod(name, 0o600)
	}))
	if s.successor() {
		t.Error("a copy takes itself for the node that it was made of")
	}
	must(t, os.RemoveAll(data))
	must(t, os.Rename(aside, data))
	if !s.successor() {
		t.Error("the folder that the copy was made of is not known again")
	}
}
