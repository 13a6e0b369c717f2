package azuredevops

// Recorded bodies are decoded by what is internal: the types of the wire.

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/adapters/internal/contract"
	"parley/adapters/internal/rest"
)

// sample is one exchange of the vendor's.
type sample struct {
	Responses map[string]struct {
		Body json.RawMessage `json:"body"`
	} `json:"responses"`
}

func one[T any](sound func(*T) bool) func([]byte) error {
	return func(raw []byte) error {
		var out T
		if err := rest.Decode(raw, &out); err != nil {
			return err
		}
		if !sound(&out) {
			return errIncomplete
		}
		return nil
	}
}

// many reads {count, value}, which the specification calls an array.
func many[T any](sound func(*T) bool) func([]byte) error {
	return func(raw []byte) error {
		var out struct {
			Count int  `json:"count"`
			Value *[]T `json:"value"`
		}
		if err := rest.Decode(raw, &out); err != nil {
			return err
		}
		if out.Value == nil || len(*out.Value) == 0 {
			return errors.New("the list is empty")
		}
		for n := range *out.Value {
			if !sound(&(*out.Value)[n]) {
				return fmt.Errorf("row %d: %w", n, errIncomplete)
			}
		}
		return nil
	}
}

func soundItem(i *item) bool {
	ok := i.ID > 0 && i.Rev > 0 && i.Fields != nil
	for n := range i.Relations {
		if i.Relations[n].Rel == "" || i.Relations[n].last() == "" {
			return false
		}
	}
	return ok
}

// wholeItem is one that must be dated, and whose files can be read.
func wholeItem(i *item) bool {
	all, err := files(i)
	return soundItem(i) && i.settle() == nil && err == nil && i.change().Ref.ID != "" && (len(all) > 0 || !strings.Contains(fmt.Sprint(i.Relations), relFile))
}

func soundSaid(s *said) bool {
	return s.number() > 0 && !s.Created.IsZero() && s.By.event().ID != "unknown"
}
func soundUse(f *fieldUse) bool      { return f.Ref != "" && f.Name != "" }
func soundInfo(f *fieldInfo) bool    { return f.Ref != "" && f.Name != "" && f.Type != "" }
func soundType(w *workItemType) bool { return w.Name != "" && len(w.next("")) > 0 }
func soundRevision(r *revision) bool {
	return !r.at().IsZero() && r.at().Year() < 9000 && r.By.event().ID != "unknown"
}

func soundPerson(p *person) bool {
	return p.ID != "" && p.identity().Name != "" && p.identity().UniqueName != ""
}

type sampleFeed struct {
	Values []item `json:"values"`
	Last   *bool  `json:"isLastBatch"`
	Next   string `json:"nextLink"`
}

func soundFeed(f *sampleFeed) bool {
	for n := range f.Values {
		if f.Values[n].settle() != nil {
			return false
		}
	}
	return len(f.Values) > 0 && f.Last != nil && f.Next != ""
}

// readers say how the adapter reads what a folder's samples answer.
func readers() map[string]func(name string) func([]byte) error {
	same := func(read func([]byte) error) func(string) func([]byte) error {
		return func(string) func([]byte) error { return read }
	}
	return map[string]func(string) func([]byte) error{
		"workItems": func(name string) func([]byte) error {
			switch {
			case strings.HasPrefix(name, "GET__wit_WorkItems_ids"):
				return many(soundItem)
			}
			return one(wholeItem)
		},
		"comments": func(name string) func([]byte) error {
			if strings.HasPrefix(name, "GET__wit_workitems__taskId_") {
				return nil // of version 3.0, another call of the same name
			}
			if strings.Contains(name, "GET__") && !strings.Contains(name, "commentId") {
				return one(func(l *struct {
					Total    *int   `json:"totalCount"`
					Comments []said `json:"comments"`
				},
				) bool {
					for n := range l.Comments {
						if !soundSaid(&l.Comments[n]) {
							return false
						}
					}
					return l.Total != nil && len(l.Comments) > 0
				})
			}
			return one(soundSaid)
		},
		"fields": func(name string) func([]byte) error {
			if name == "GET__wit_fields.json" {
				return many(soundInfo)
			}
			return one(soundInfo)
		},
		"workItemTypes": func(name string) func([]byte) error {
			if strings.Contains(name, "_Bug") {
				return one(soundType)
			}
			return many(soundType)
		},
		"workItemTypesField": func(name string) func([]byte) error {
			if strings.Contains(name, "_fields") {
				return many(soundUse)
			}
			return one(soundUse)
		},
		"updates": func(name string) func([]byte) error {
			if strings.Contains(name, "list") {
				return many(soundRevision)
			}
			return one(soundRevision)
		},
		"revisions": func(name string) func([]byte) error {
			if strings.Contains(name, "list") {
				return many(soundItem)
			}
			return one(soundItem)
		},
		"workItemRevisions": same(one(soundFeed)),
		"recycleBin": func(name string) func([]byte) error {
			if strings.Contains(name, "_ids_") {
				return nil // several at once, which the adapter does not ask for
			}
			return one(func(b *struct {
				Resource item `json:"resource"`
			},
			) bool {
				return soundItem(&b.Resource)
			})
		},
		"Identities": same(many(soundPerson)),
	}
}

// unread are folders of calls that the adapter does not make.
var unread = []string{
	"artifactlinktypes", "artifacturiquery", "classificationNodes", "githubConnections", "queries", "queriesBatch", "tags", "tempQueries", "templates",
	"workItemIcons", "workItemLinks", "workItemRelationTypes", "workItemTransitions", "workItemTypeCategories", "workItemsDelete", "wiql", "attachments",
}

func TestRecorded_EverySampleOfAReadIsRead(t *testing.T) {
	t.Parallel()
	dir, err := contract.Dir()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Logf("no recorded bodies are read: %v", err)
		return
	}
	how, read := readers(), 0
	skip := map[string]bool{}
	for _, name := range unread {
		skip[name] = true
	}
	for _, part := range []string{"wit", "ims"} {
		root := filepath.Join(dir, "azure-devops", part, "7.1", "httpExamples")
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			folder := filepath.Base(filepath.Dir(path))
			if err != nil || d.IsDir() || skip[folder] {
				return err
			}
			if how[folder] == nil {
				t.Errorf("%s: nobody knows how to read it", path)
				return nil
			}
			n := readSample(t, path, how[folder](d.Name()))
			read += n
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d bodies were read", read)
	if read < 50 {
		t.Errorf("%d recorded bodies were read, want at least 50", read)
	}
}

// readSample reads the answers of success of one sample.
func readSample(t *testing.T, path string, read func([]byte) error) int {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var s sample
	if err := rest.Decode(raw, &s); err != nil {
		t.Errorf("%s: %v", path, err)
		return 0
	}
	if read == nil {
		return 0
	}
	n := 0
	for status, r := range s.Responses {
		if status[0] != '2' || len(r.Body) == 0 || string(r.Body) == "null" {
			continue
		}
		if err := read(r.Body); err != nil {
			t.Errorf("%s: %v", strings.TrimPrefix(path, filepath.Dir(filepath.Dir(path))), err)
		}
		n++
	}
	return n
}
