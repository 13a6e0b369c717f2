package github

// Recorded bodies are decoded by what is internal: the types of the wire.

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/adapters"
	"parley/adapters/internal/contract"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

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

func many[T any](sound func(*T) bool) func([]byte) error {
	return func(raw []byte) error {
		var out []T
		if err := rest.Decode(raw, &out); err != nil {
			return err
		}
		if len(out) == 0 {
			return errors.New("the list is empty")
		}
		for n := range out {
			if !sound(&out[n]) {
				return fmt.Errorf("row %d: %w", n, errIncomplete)
			}
		}
		return nil
	}
}

func soundLabel(l *label) bool         { return l.Name != "" }
func soundMilestone(m *milestone) bool { return m.Number > 0 && m.Title != "" }
func soundUser(u *user) bool           { return u.ID > 0 && u.Login != "" }
func soundActivity(a *activity) bool   { return a.Event != "" && !a.Created.IsZero() }
func soundField(f *fieldDef) bool      { return f.ID > 0 && f.Name != "" && f.kindOf() != "" }

func soundRepository(r *repository) bool {
	return r.ID > 0 && r.FullName != "" && r.Owner.Login != "" && r.HasIssues != nil
}

// whole reads an issue to its fields.
func whole(i *issue) bool {
	t := &Tracker{api: client{owner: "o", repo: "r"}, dir: newDirectory(client{})}
	if !i.sound() || i.User == nil || i.web() == "" || i.key() == "" {
		return false
	}
	_ = t.parentOf(i)
	return i.ref() != event.Ref{}
}

// exchange is a request to api.github.com and its answer.
type exchange struct {
	Method   string          `json:"method"`
	Path     string          `json:"path"`
	Status   int             `json:"status"`
	Response json.RawMessage `json:"response"`
}

// read says how an answer is read; nil if nobody here does.
func (e *exchange) read() func([]byte) error {
	path, _, _ := strings.Cut(e.Path, "?")
	last := path[strings.LastIndex(path, "/")+1:]
	switch {
	case e.Status == 204:
		return func(raw []byte) error {
			if len(raw) > 2 {
				return errors.New("no content, and there is some")
			}
			return nil
		}
	case path == "/search/issues":
		return func(raw []byte) error {
			var out struct {
				Items json.RawMessage `json:"items"`
			}
			if err := rest.Decode(raw, &out); err != nil {
				return err
			}
			return many(whole)(out.Items)
		}
	case last == "issues":
		return one(whole)
	case last == "labels" && e.Status == 201:
		return one(soundLabel)
	case last == "labels":
		return many(soundLabel)
	case strings.Contains(path, "/labels/"):
		return one(soundLabel)
	case last == "repos", strings.Count(path, "/") == 3 && strings.HasPrefix(path, "/repos/"):
		return one(soundRepository)
	case path == "/":
		return one(func(m *map[string]string) bool { return (*m)["repository_url"] != "" })
	case strings.HasPrefix(path, "/markdown"):
		// Text, which the adapter does not ask for.
		return one(func(s *string) bool { return *s != "" })
	}
	return nil
}

// vendorFiles is where the specification and the recordings are; "" where not.
func vendorFiles(t *testing.T) string {
	t.Helper()
	dir, err := contract.Dir()
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	if err != nil {
		t.Logf("no recorded bodies are read: %v", err)
		return ""
	}
	return filepath.Join(dir, "github")
}

func load(t *testing.T, path string, out any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, out); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func TestRecorded_EveryExchangeIsRead(t *testing.T) {
	t.Parallel()
	dir := vendorFiles(t)
	if dir == "" {
		return
	}
	all, err := filepath.Glob(filepath.Join(dir, "recorded", "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, path := range all {
		var exchanges []exchange
		load(t, path, &exchanges)
		for _, e := range exchanges {
			what := strings.TrimPrefix(path, dir) + ": " + e.Method + " " + e.Path
			check := e.read()
			if check == nil {
				t.Errorf("%s: nobody knows how to read it", what)
				continue
			}
			if err := check(e.Response); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			read++
		}
	}
	t.Logf("%d bodies were read", read)
	if read < 39 {
		t.Errorf("%d recorded bodies were read, want all of 39", read)
	}
}

// hinted gives a recorded webhook to its repository: those of an issue lead to it.
func hinted(t *testing.T, what string, body map[string]json.RawMessage) {
	t.Helper()
	const secret = "s"
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	var of struct {
		Issue      *issue     `json:"issue"`
		Repository repository `json:"repository"`
	}
	if err := json.Unmarshal(raw, &of); err != nil {
		t.Fatal(err)
	}
	owner, repo, _ := strings.Cut(of.Repository.FullName, "/")
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(raw)
	header := http.Header{"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}
	tracker := &Tracker{api: client{owner: owner, repo: repo}, set: settings{hookSecret: secret}}
	hint, err := tracker.Hook(adapters.Delivery{Header: header, Body: raw})
	switch {
	case err != nil:
		t.Errorf("%s: %v", what, err)
	case of.Issue == nil || of.Issue.Pull != nil:
		if len(hint.Tickets) > 0 {
			t.Errorf("%s is about no issue, and hints at %v", what, hint.Tickets)
		}
	case len(hint.Tickets) != 1 || hint.Tickets[0].Ref != of.Issue.ref():
		t.Errorf("%s hints at %v, want issue %d", what, hint.Tickets, of.Issue.Number)
	}
}

func TestRecorded_EveryWebhookIsRead(t *testing.T) {
	t.Parallel()
	dir := vendorFiles(t)
	if dir == "" {
		return
	}
	var all []struct {
		Name     string                       `json:"name"`
		Examples []map[string]json.RawMessage `json:"examples"`
	}
	load(t, filepath.Join(dir, "webhooks-examples.json"), &all)
	readers := map[string]func([]byte) error{
		"issue":   one((*issue).identified),
		"comment": one(func(c *comment) bool { return c.sound() && c.User != nil }),
		"label":   one(soundLabel), "milestone": one(soundMilestone), "assignee": one(soundUser), "sender": one(soundUser),
		"repository": one(soundRepository),
	}
	read := 0
	for _, kind := range all {
		for n, body := range kind.Examples {
			known := false
			for name, check := range readers {
				if raw, ok := body[name]; ok {
					if err := check(raw); err != nil {
						t.Errorf("%s %d: %s: %v", kind.Name, n, name, err)
					}
					known = true
				}
			}
			if !known {
				t.Errorf("%s %d: nobody knows how to read it", kind.Name, n)
			}
			hinted(t, fmt.Sprint(kind.Name, " ", n), body)
			read++
		}
	}
	t.Logf("%d webhooks were read", read)
	if read < 53 {
		t.Errorf("%d recorded webhooks were read, want all of 53", read)
	}
}

func TestExamples_OfTheSpecificationAreRead(t *testing.T) {
	t.Parallel()
	dir := vendorFiles(t)
	if dir == "" {
		return
	}
	var doc struct {
		Components struct {
			Examples map[string]struct {
				Value json.RawMessage `json:"value"`
			} `json:"examples"`
		} `json:"components"`
	}
	load(t, filepath.Join(dir, "api.github.com.issues-subset.json"), &doc)
	for name, check := range map[string]func([]byte) error{
		"issue": one(whole), "issue-items": many(whole), "issue-with-pinned-comment": one(whole),
		"issue-comment": one((*comment).sound), "issue-comment-items": many((*comment).sound),
		"issue-event-for-issue-items": many(soundActivity), "issue-event-items": many(soundActivity),
		"timeline-issue-events": many(soundActivity), "label-items": many(soundLabel), "milestone-items": many(soundMilestone),
		"full-repository": one(soundRepository), "simple-user-items": many(soundUser),
		"private-user-response-with-public-profile-information": one(soundUser),
		"issue-type-items":        many(func(k *issueType) bool { return k.Name != "" }),
		"issue-field-items":       many(soundField),
		"issue-field-value-items": many(func(v *fieldValue) bool { return v.value(&fieldDef{Kind: v.Kind}) != nil }),
	} {
		example, ok := doc.Components.Examples[name]
		if !ok {
			t.Errorf("the specification has no example %s", name)
			continue
		}
		if err := check(example.Value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
