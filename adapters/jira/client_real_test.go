//go:build real

package jira_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters/jira/jiradouble"
	"parley/sync/event"
)

// TestReal_AClientOfOthersDoesItsEverydayWorkAtTheDouble: Debian's python3-jira, which
// was written for Jira and knows nothing of us, takes the double for one. It speaks
// version 2 of the API, as a Data Center has it.
func TestReal_AClientOfOthersDoesItsEverydayWorkAtTheDouble(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	s := &site{url: "http://" + server.Listener.Addr().String()}
	s.Double = jiradouble.New(jiradouble.Options{Site: s.url, Project: project, Accounts: []jiradouble.Account{bot(), alice()}})
	server.Config.Handler = s.Double
	server.Start()
	t.Cleanup(server.Close)
	for n := range 4 {
		_, _, err := hand{s}.Create(t.Context(), event.Fields{
			event.FieldProject: project, event.FieldType: "Bug", event.FieldSummary: fmt.Sprint("by hand ", n),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// Not the first python3 of the path: Debian's modules belong to its own.
	client := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/everyday.py", s.url, alice().Email, alice().Token, project)
	client.WaitDelay = 10 * time.Second
	raw, err := client.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("the client failed: %v\n%s", err, failed.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	name := alice().Name
	want := map[string]any{
		"me": name, "created": []any{"SUP-5", "Made by a client", "To Do", name},
		"comments":    []any{[]any{name, "Said better by a client"}},
		"attached":    []any{"réport.bin", 20.0},
		"attachments": []any{[]any{"réport.bin", 20.0, "62797465732000ff206f66206120636c69656e74"}},
		"transitions": []any{"Start"},
		"read":        []any{"Edited by a client", "Done", "Won't Do", []any{"client", "everyday"}},
		"page":        []any{2.0, 5.0}, "all": []any{"SUP-1", "SUP-2", "SUP-3", "SUP-4", "SUP-5"},
		"missing": 404.0, "jql": 400.0, "workflow": 400.0, "deleted": true,
		"linked": []any{"is blocked by", "SUP-1", "blocks", true}, "unlinked": true, "parent": true,
	}
	if d := cmp.Diff(got, want); d != "" {
		t.Error(d)
	}
}
