package node_test

import (
	"encoding/json"
	"io/fs"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/adapters/desk"
	"parley/filters/examples"
	"parley/filters/filtertest"
	"parley/sync/event"
)

// deskFor is a desk that has what a side of a pair needs.
func deskFor(t *testing.T, e examples.Example) desk.Options {
	t.Helper()
	o := desk.Options{
		Token: token, Types: e.Types, Projects: e.Projects, Fields: []desk.CustomField{}, Tokens: map[string]string{"alice-token": "alice"},
	}
	for _, v := range e.Vars {
		if project, ok := v.Sample.(string); ok && v.Name == "project" {
			o.Projects = append(o.Projects, project)
		}
	}
	for name, need := range e.Needs {
		field := desk.CustomField{Name: name, Type: event.TypeOption}
		switch need := need.(type) {
		case string:
			field.Type = event.Type(need)
		case []any:
			for _, option := range need {
				field.Options = append(field.Options, option.(string))
			}
		default:
			t.Fatalf("%s: field %q is neither a type nor options", e.Name, name)
		}
		o.Fields = append(o.Fields, field)
	}
	return o
}

// TestExamples_TheSchemaOfTheirTestsIsThatOfADesk: each side is checked and tested
// against what a desk with its fields says of itself. UPDATE=1 writes it.
func TestExamples_TheSchemaOfTheirTestsIsThatOfADesk(t *testing.T) {
	t.Parallel()
	pairs, err := examples.Pairs()
	must(t, err)
	for _, p := range pairs {
		for _, e := range p.Sides {
			t.Run(e.Name, func(t *testing.T) {
				t.Parallel()
				options := deskFor(t, e)
				server, err := desk.Open(filepath.Join(t.TempDir(), "desk"), options)
				must(t, err)
				web := httptest.NewServer(server)
				t.Cleanup(func() { web.Close(); must(t, server.Close()) })
				schema, err := openDesk(t, web.URL, "alice-token", options.Projects[0]).Schema(t.Context())
				must(t, err)
				want, err := json.MarshalIndent(schema, "", "  ")
				must(t, err)
				want = append(want, '\n')
				if os.Getenv("UPDATE") != "" {
					folder := filepath.Join("..", "filters", "examples", "pairs", filepath.FromSlash(e.Name), "tests")
					must(t, os.MkdirAll(folder, 0o755))
					must(t, os.WriteFile(filepath.Join(folder, filtertest.SchemaFile), want, 0o644))
					return
				}
				got, err := fs.ReadFile(e.Files, path.Join("tests", filtertest.SchemaFile))
				must(t, err)
				if diff := cmp.Diff(string(got), string(want)); diff != "" {
					t.Errorf("write it with UPDATE=1 (-got +want):\n%s", diff)
				}
			})
		}
	}
}
