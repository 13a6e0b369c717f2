//go:build real

package realtest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// redmineDesk is alice at a Redmine; admin reads.
type redmineDesk struct{ alice, admin web }

var _ desk = redmineDesk{}

func newRedmine(s *server) redmineDesk {
	as := func(key string) web {
		return web{s.Env["URL"], http.Header{"X-Redmine-Api-Key": {key}}}
	}
	return redmineDesk{as(s.Env["ALICE_API_KEY"]), as(s.Env["ADMIN_API_KEY"])}
}

// What Redmine's statuses and priorities are called on the wire.
func redmineStatuses() map[string]int {
	return map[string]int{"Open": 1, "In progress": 2, "Resolved": 3, "Waiting": 4, "Closed": 5}
}

func redminePriorities() map[string]int {
	return map[string]int{"Low": 1, "Normal": 2, "High": 3, "Urgent": 4}
}

func word(words map[string]int, id int) string {
	for w, i := range words {
		if i == id {
			return w
		}
	}
	return fmt.Sprintf("unknown (%d)", id)
}

func issue(v values) map[string]any {
	out := map[string]any{}
	for name, value := range map[string]string{"subject": v.summary, "description": v.description} {
		if value != "" {
			out[name] = value
		}
	}
	if v.status != "" {
		out["status_id"] = redmineStatuses()[v.status]
	}
	if v.priority != "" {
		out["priority_id"] = redminePriorities()[v.priority]
	}
	if v.systems != nil {
		out["custom_fields"] = []any{map[string]any{"id": 3, "value": v.systems}}
	}
	return map[string]any{"issue": out}
}

func (d redmineDesk) create(ctx context.Context, v values) (string, error) {
	body := issue(v)
	if fields, ok := body["issue"].(map[string]any); ok {
		fields["project_id"], fields["tracker_id"] = "sync", 1
	}
	var made struct {
		Issue struct{ ID int }
	}
	err := d.alice.send(ctx, http.MethodPost, "/issues.json", body, &made)
	return strconv.Itoa(made.Issue.ID), err
}

func (d redmineDesk) put(ctx context.Context, id string, body any) error {
	return d.alice.send(ctx, http.MethodPut, "/issues/"+id+".json", body, nil)
}

func (d redmineDesk) edit(ctx context.Context, id string, v values) error {
	return d.put(ctx, id, issue(v))
}

func (d redmineDesk) comment(ctx context.Context, id, text string, internal bool) error {
	return d.put(ctx, id, map[string]any{"issue": map[string]any{"notes": text, "private_notes": internal}})
}

func (d redmineDesk) attach(ctx context.Context, id, name, message string, data []byte) error {
	var up struct {
		Upload struct{ Token string }
	}
	_, err := d.alice.call(ctx, http.MethodPost, "/uploads.json?filename="+url.QueryEscape(name),
		"application/octet-stream", bytes.NewReader(data), &up)
	if err != nil {
		return err
	}
	return d.put(ctx, id, map[string]any{"issue": map[string]any{
		"notes": message, "uploads": []any{map[string]any{"token": up.Upload.Token, "filename": name}},
	}})
}

func (d redmineDesk) list(ctx context.Context) (map[string][]string, error) {
	out := map[string][]string{}
	for offset := 0; ; offset += 100 {
		var page struct {
			Issues []struct {
				ID      int
				Subject string
			}
		}
		path := fmt.Sprintf("/issues.json?status_id=*&sort=id&limit=100&offset=%d", offset)
		if _, err := d.admin.get(ctx, path, &page); err != nil {
			return nil, err
		}
		for _, i := range page.Issues {
			out[tagOf(i.Subject)] = append(out[tagOf(i.Subject)], strconv.Itoa(i.ID))
		}
		if len(page.Issues) < 100 {
			return out, nil
		}
	}
}

// redmineIssue is what is read of an issue.
type redmineIssue struct {
	Issue struct {
		Subject, Description string
		Status, Priority     struct{ ID int }
		Journals             []struct {
			Notes   string
			Private bool `json:"private_notes"`
		}
		Attachments []struct {
			Filename string
			URL      string `json:"content_url"`
		}
	}
}

func (d redmineDesk) read(ctx context.Context, id string) (*seen, error) {
	var got redmineIssue
	raw, err := d.admin.get(ctx, "/issues/"+id+".json?include=journals,attachments", &got)
	if err != nil {
		return nil, err
	}
	i := got.Issue
	out := &seen{values: values{
		summary: i.Subject, description: flat(i.Description),
		status: word(redmineStatuses(), i.Status.ID), priority: word(redminePriorities(), i.Priority.ID),
	}}
	out.raw.Write(raw)
	for _, j := range i.Journals {
		if j.Notes != "" {
			out.notes = append(out.notes, note{j.Notes, j.Private})
		}
	}
	for _, a := range i.Attachments {
		_, path, ok := strings.Cut(a.URL, "/attachments/")
		if !ok {
			return nil, fmt.Errorf("attachment of issue %s is at %q", id, a.URL)
		}
		data, err := d.admin.get(ctx, "/attachments/"+path, nil)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		out.files = append(out.files, file{a.Filename, hex.EncodeToString(sum[:])})
	}
	return out, nil
}
