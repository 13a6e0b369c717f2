package jira

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

// recordedIssue checks whatever an issue in a recording holds.
func recordedIssue(i *issue) error {
	_, created := i.Fields["created"]
	_, updated := i.Fields["updated"]
	if created && updated {
		if err := i.settle(); err != nil {
			return err
		}
	}
	t := &Tracker{api: client{}}
	for id := range i.Fields {
		def := definition{id: id, kind: kindOf(id, fieldSchema{Type: recordedType(id)})}
		if id == "labels" || id == "components" || id == "fixVersions" || id == "versions" {
			def.kind, def.schema.Items = event.TypeSet, map[bool]string{true: "string", false: "version"}[id == "labels"]
		}
		if def.kind == "" {
			continue
		}
		if _, err := t.valueOf(i, &def); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	_, err := files(i, user{})
	return err
}

// recordedType is what Jira's own fields are declared as.
func recordedType(id string) string {
	switch id {
	case "summary":
		return "string"
	case "assignee", "reporter", "creator":
		return "user"
	case "created", "updated", "resolutiondate":
		return "datetime"
	case "duedate":
		return "date"
	}
	return ""
}

// recordedHint checks that a webhook leads to the issue that it is about.
func recordedHint(raw []byte, about *issue) error {
	const secret = "signs-webhooks"
	sum := hmac.New(sha256.New, []byte(secret))
	sum.Write(raw)
	t := &Tracker{set: settings{hookSecret: secret}}
	hint, err := t.Hook(adapters.Delivery{
		Header: http.Header{"X-Hub-Signature": {"sha256=" + hex.EncodeToString(sum.Sum(nil))}}, Body: raw,
	})
	switch {
	case err != nil:
		return err
	case about == nil && len(hint.Tickets) == 0:
		return nil
	case about == nil || len(hint.Tickets) != 1 || hint.Tickets[0].Key != about.Key:
		return fmt.Errorf("it is taken to be about %v", hint.Tickets)
	case about.Fields["created"] != nil && hint.Tickets[0].Ref.ID != about.ID:
		return errors.New("the issue's creation is not read")
	}
	return nil
}

func recordedWebhook(raw []byte) error {
	var out struct {
		Issue   *issue   `json:"issue"`
		Comment *comment `json:"comment"`
		Change  *history `json:"changelog"`
		User    *user    `json:"user"`
	}
	if err := rest.Decode(raw, &out); err != nil {
		return err
	}
	if out.Issue == nil && out.Comment == nil {
		return errors.New("it holds neither issue nor comment")
	}
	if err := recordedHint(raw, out.Issue); err != nil {
		return err
	}
	if out.Issue != nil {
		if err := recordedIssue(out.Issue); err != nil {
			return err
		}
	}
	if c := out.Comment; c != nil {
		if !isID(c.ID) || c.Created.IsZero() || c.Author == nil || c.Author.id() == "" {
			return errIncomplete
		}
		if _, err := (client{}).toMarkdown(c.Body); err != nil {
			return err
		}
	}
	return nil
}

// recordedScreens is the older form of createmeta: fields by their ids. One field
// is the same in both forms.
func recordedScreens(raw []byte) error {
	var out struct {
		Projects []struct {
			Key   string `json:"key"`
			Types []struct {
				named
				Fields map[string]fieldInUse `json:"fields"`
			} `json:"issuetypes"`
		} `json:"projects"`
	}
	if err := rest.Decode(raw, &out); err != nil {
		return err
	}
	options, kinds := 0, map[event.Type]bool{}
	for _, p := range out.Projects {
		for _, k := range p.Types {
			for id, f := range k.Fields {
				if f.Name == "" || f.Schema.Type == "" {
					return errIncomplete
				}
				options += len(f.options())
				kinds[kindOf(id, f.Schema)] = true
			}
		}
	}
	if options == 0 || !kinds[event.TypeRich] || !kinds[event.TypeText] {
		return fmt.Errorf("%d options and the types %v were read", options, kinds)
	}
	return nil
}

func recordedList[T any](check func(T) error) func([]byte) error {
	return func(raw []byte) error {
		var all []T
		if err := rest.Decode(raw, &all); err != nil {
			return err
		}
		if len(all) == 0 {
			return errors.New("the list is empty")
		}
		for _, x := range all {
			if err := check(x); err != nil {
				return err
			}
		}
		return nil
	}
}

func recordedName(n named) error {
	if n.ID == "" || n.Name == "" {
		return errIncomplete
	}
	return nil
}

func recordedLinkType(l linkType) error {
	if !isID(l.ID) || l.outward() == "" || l.inward() == "" {
		return errIncomplete
	}
	return nil
}

// recordedBy says how a recording is read, by its directory and name.
func recordedBy(dir, name string) func([]byte) error {
	switch {
	case dir == "webhooks-recorded":
		return recordedWebhook
	case strings.Contains(name, "create-issue-metadata"):
		return recordedScreens
	}
	switch name {
	case "all_fields.json":
		return recordedList(func(f fieldDetails) error {
			_, err := definitions([]fieldDetails{f})
			return err
		})
	case "all_priorities.json", "all_resolutions.json", "all_statuses.json":
		return recordedList(recordedName)
	case "status_category.json":
		return func(raw []byte) error {
			// As statusCategory of a status: its id is a number, and is not read.
			var n named
			if err := json.Unmarshal(fmt.Appendf(nil, `{"statusCategory":%s}`, raw), &n); err != nil {
				return err
			}
			if n.Category.Key == "" {
				return errIncomplete
			}
			return nil
		}
	case "project.json":
		return func(raw []byte) error {
			var n named
			if err := rest.Decode(raw, &n); err != nil {
				return err
			}
			if n.Key == "" && n.Name == "" {
				return errIncomplete
			}
			return nil
		}
	case "transitions.json":
		return func(raw []byte) error {
			var out struct {
				Transitions []transition `json:"transitions"`
			}
			err := rest.Decode(raw, &out)
			if err == nil && len(targets(out.Transitions)) == 0 {
				err = errIncomplete
			}
			return err
		}
	case "issues_in_sprint.json":
		return func(raw []byte) error {
			var out struct {
				Issues []issue `json:"issues"`
			}
			if err := rest.Decode(raw, &out); err != nil || len(out.Issues) == 0 {
				return errors.Join(err, errIncomplete)
			}
			for n := range out.Issues {
				if err := recordedIssue(&out.Issues[n]); err != nil {
					return err
				}
			}
			return nil
		}
	case "all_issuelinktypes.json":
		return recordedList(recordedLinkType)
	case "cloud-get-jira-project-metadata.json", "server-get-jira-project-metadata.json":
		// Answers to requests that the adapter does not make: JSON is all that can be
		// said of them.
		return func(raw []byte) error {
			var v any
			return json.Unmarshal(raw, &v)
		}
	}
	return nil
}

func TestRecorded_EveryBodyIsRead(t *testing.T) {
	t.Parallel()
	dir, err := contract.Dir()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Logf("no recorded bodies are read: %v", err)
		return
	}
	read := 0
	for _, vendor := range []string{"jira-cloud", "jira-dc"} {
		all, err := filepath.Glob(filepath.Join(dir, vendor, "*-recorded", "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range all {
			name := filepath.Base(path)
			check := recordedBy(filepath.Base(filepath.Dir(path)), name)
			if check == nil {
				t.Errorf("%s/%s: nobody knows how to read it", vendor, name)
				continue
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := check(raw); err != nil {
				t.Errorf("%s/%s: %v", vendor, name, err)
			}
			read++
		}
	}
	if read < 50 {
		t.Errorf("%d recorded bodies were read, want all of some 55", read)
	}
}
