package adaptertest

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
)

// capabilities compares what this run of the suite holds the adapter to with what the
// kind's file in adapters/all says, from which `parley adapter show` and the table in
// the documents are made. UPDATE=1 writes the file.
func capabilities(t *testing.T, s *Subject) {
	if s.Kind == "" {
		return // this run is not the one that the table is about
	}
	e := newEnv(t, s)
	// Some trackers show their fields on tickets only.
	fields := e.fields(unique("capabilities"), "text")
	for name, values := range s.Fields {
		fields[name] = values[0]
	}
	e.read(e.write(event.Step{Kind: event.StepCreate, Marker: newMarker(), Fields: fields}).Ref)
	got := adapters.Capabilities{Abilities: s.abilities(e.tracker), Fields: s.fieldTypes(e.schema())}
	name := filepath.Join(moduleRoot(t), "adapters", "all", "capabilities", s.Kind+".json")
	if os.Getenv("UPDATE") != "" {
		text, err := json.MarshalIndent(got, "", "  ")
		e.must(err)
		e.must(os.WriteFile(name, append(text, '\n'), 0o644)) //nolint:gosec // a file of the source
		return
	}
	raw, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("there is no %s: run the suite with UPDATE=1", name)
	}
	e.must(err)
	var want adapters.Capabilities
	e.must(json.Unmarshal(raw, &want))
	if d := cmp.Diff(got, want); d != "" {
		t.Errorf("the table says otherwise (run the suite with UPDATE=1):\n%s", d)
	}
}

// abilities are what the promises of the suite are tried for with this Subject.
func (s *Subject) abilities(tracker adapters.Tracker) []string {
	has := func(ok bool, what string) string {
		if ok {
			return what
		}
		return ""
	}
	_, watcher := tracker.(adapters.Watcher)
	_, hooked := tracker.(adapters.Hooked)
	_, people := tracker.(adapters.People)
	_, assigner := tracker.(adapters.Assigner)
	_, searcher := tracker.(adapters.Searcher)
	_, historian := tracker.(adapters.Historian)
	_, workflow := tracker.(adapters.Workflow)
	_, deleter := tracker.(adapters.Deleter)
	_, remover := tracker.(adapters.Remover)
	_, maker := tracker.(adapters.Maker)
	_, prober := tracker.(adapters.Prober)
	return slices.DeleteFunc([]string{
		has(len(s.Statuses) > 0, "status"),
		has(workflow && len(s.Statuses) > 0, "workflow"),
		has(!s.DescriptionFixed, "edit of descriptions"),
		has(s.Parent != nil, "parent"), has(s.Children, "children"), has(len(s.Links) > 0, "links"),
		has(!s.PublicComments, "internal comments"),
		has(s.EditsComments, "edit of comments"),
		has(s.WritesAs != "", "comments in another's name"),
		has(!s.NoFiles, "attachments"),
		has(!s.NoFiles && !s.PublicFiles, "internal attachments"),
		has(s.Pictures != "", "pictures in texts"),
		has(s.Lock, "optimistic lock"),
		has(s.CreatesOnce, "creates once"),
		has(historian, "history"),
		has(people, "people"),
		has(assigner, "tells assignees"),
		has(maker, "makes versions and components"),
		has(searcher, "search by field"),
		has(s.BadQuery != "", "query"),
		has(deleter, "deletion"),
		has(remover, "removal of comments and files"),
		has(watcher, "told at once"),
		has(hooked, "webhooks"),
		has(s.Renews, "access tokens"),
		has(prober, "probe"),
	}, func(what string) bool { return what == "" })
}

// fieldTypes are the types of the fields that are written and read back.
func (s *Subject) fieldTypes(schema event.Schema) []string {
	var all []string
	for name := range s.Fields {
		all = append(all, string(schema.Fields[name].Type))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, found := os.Stat(filepath.Join(dir, "go.mod")); found == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	t.Fatalf("there is no go.mod above: %v", err)
	return ""
}
