//go:build real

package gitlab_test

import (
	"encoding/json"
	"errors"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters/gitlab/gitlabdouble"
	"parley/sync/event"
)

// TestClients_PythonGitlabDoesItsEverydayWork: Debian's python3-gitlab, which was written
// for GitLab and knows nothing of us, takes the double for one; and the adapter reads
// what it made.
func TestClients_PythonGitlabDoesItsEverydayWork(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	// What other clients send is not held to the description, which knows less than GitLab takes.
	address := newServer(t, b.site.Double)
	// Not the first python3 of the path: Debian's modules belong to its own.
	client := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/everyday.py", address, alice().Token, projectPath)
	client.WaitDelay = 10 * time.Second
	raw, err := client.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("the client failed: %v\n%s", err, failed.Stderr)
	}
	b.must(err)
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	list := func(all ...any) []any { return all }
	upTo := func(n int) []any {
		var out []any
		for i := range n {
			out = append(out, float64(i+1))
		}
		return out
	}
	said := got["notes"].([]any)
	file, _ := said[2].([]any)[0].(string)
	want := map[string]any{
		"me": "alice", "project": list(projectPath, "private"),
		"created": list(1.0, "opened", "alice", list("a::b", "bug"), "2.0", "alice", "2027-01-02"),
		"file":    "627974657300ff206f66206120636c69656e74", "spent": 5400.0,
		"links": list(list(2.0, "blocks")), "back": list(list(1.0, "is_blocked_by")),
		"unlinked": list(list(2.0, "blocks")),
		"ordered":  "closed", "read": list("Edited by a client", "closed", list("bug", "client"), false),
		"notes": list(list("Said better by a client", false), list("For few", true), list(file, false), list("done\n", false)),
		"told": list("changed title from **Made by a client** to **Edited by a client**", "marked this issue as related to #2",
			"marked this issue as related to #3", "removed the relation with #3", "closed", "reopened", "closed"),
		"pages": list(12.0, 3.0, 5.0), "all": upTo(12), "closed": list(1.0), "mine": list(1.0),
		"moved": list("closed", true),
		"errors": list(list(404.0, "GitlabGetError"), list(400.0, "GitlabCreateError"), list(404.0, "GitlabGetError"),
			list(403.0, "GitlabDeleteError"), list(409.0, "GitlabCreateError"), list(404.0, "GitlabDeleteError"), list(401.0, "GitlabAuthenticationError")),
	}
	if d := cmp.Diff(got, want); d != "" {
		t.Errorf("python-gitlab (-got +want):\n%s", d)
	}
	ticket := b.read(b.ref("1"))
	if f := ticket.Fields; f[event.FieldSummary] != "Edited by a client" || f[event.FieldStatus] != "closed" || f["fields.Milestone"] != "2.0" ||
		f[event.FieldSpent] != 5400.0 || len(ticket.Comments) != 3 || !ticket.Comments[1].Internal || len(ticket.Attachments) != 1 || ticket.Attachments[0].Size != 19 {
		t.Errorf("the adapter reads %+v", ticket)
	}
}
