//go:build real

package redmine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"testing"

	"parley/adapters"
	"parley/adapters/redmine"
	"parley/scripts/trackers"
	"parley/sync/event"
)

// server is the Redmine that the tests of this package run against.
var server instance

type instance struct{ *trackers.Instance }

func TestMain(m *testing.M) {
	os.Exit(trackers.Main(m, "redmine", "redmine-adapter", func(in *trackers.Instance) { server = instance{in} }))
}

func (in instance) base(t testing.TB) *url.URL {
	t.Helper()
	u, err := in.URL()
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func openReal(t testing.TB, address *url.URL, change map[string]string) adapters.Tracker {
	t.Helper()
	settings := map[string]string{
		"api_key": server.Env["BOT_API_KEY"], "projects": "sync", "tracker": "Bug", "text_formatting": "textile",
		"field_types": "Severity=option, Story points=number, Cost=number, Needed by=date, Billable=bool, Reviewer=user",
	}
	maps.Copy(settings, change)
	tracker, err := redmine.Kind().Open(adapters.Options{URL: address, Settings: settings, UserAgent: "Parley test"})
	if err != nil {
		t.Fatal(err)
	}
	return tracker
}

// person is what somebody does in Redmine, by a key of their own.
type person struct{ base, key string }

// as is the person whose key is called so ("ALICE").
func (in instance) as(name string) person { return person{in.Env["URL"], in.Env[name+"_API_KEY"]} }

func (p person) call(ctx context.Context, method, path string, body, out any) error {
	kind := "application/json"
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		reader, kind = bytes.NewReader(b), "application/octet-stream"
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			return err
		}
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.base+path, reader)
	if err != nil {
		return err
	}
	req.Header.Set("X-Redmine-API-Key", p.key)
	req.Header.Set("Content-Type", kind)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %d %s", method, path, res.StatusCode, raw)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(raw, out)
}

func issueBody(fields event.Fields) map[string]any {
	out := map[string]any{}
	var custom []map[string]any
	ids := map[string]int{
		"fields.Remote key": 1, "fields.Severity": 2, "fields.Affected systems": 3, "fields.Story points": 4,
		"fields.Cost": 5, "fields.Needed by": 6, "fields.Billable": 7, "fields.Details": 8, "fields.Reviewer": 9,
	}
	for name, v := range fields {
		switch name {
		case event.FieldSummary:
			out["subject"] = v
		case event.FieldDescription:
			out["description"] = v
		case event.FieldProject:
			out["project_id"] = v
		case event.FieldType:
			out["tracker_id"] = map[any]int{"Bug": 1, "Feature": 2, "Support": 3}[v]
		default:
			custom = append(custom, map[string]any{"id": ids[name], "value": v})
		}
	}
	if custom != nil {
		out["custom_fields"] = custom
	}
	return map[string]any{"issue": out}
}

// hand is alice; admin deletes for her.
type hand struct{ in instance }

func (h hand) Create(ctx context.Context, fields event.Fields) (string, string, error) {
	var out struct {
		Issue struct {
			ID int `json:"id"`
		} `json:"issue"`
	}
	err := h.in.as("ALICE").call(ctx, "POST", "/issues.json", issueBody(fields), &out)
	id := strconv.Itoa(out.Issue.ID)
	return id, id, err
}

func (h hand) Edit(ctx context.Context, id string, fields event.Fields) error {
	return h.in.as("ALICE").call(ctx, "PUT", "/issues/"+id+".json", issueBody(fields), nil)
}

func (h hand) Comment(ctx context.Context, id, body string, internal bool) error {
	return h.in.as("ALICE").call(ctx, "PUT", "/issues/"+id+".json", map[string]any{
		"issue": map[string]any{"notes": body, "private_notes": internal},
	}, nil)
}

func (h hand) Attach(ctx context.Context, id, name string, data []byte) error {
	var out struct {
		Upload struct {
			Token string `json:"token"`
		} `json:"upload"`
	}
	if err := h.in.as("ALICE").call(ctx, "POST", "/uploads.json?filename="+url.QueryEscape(name), data, &out); err != nil {
		return err
	}
	return h.in.as("ALICE").call(ctx, "PUT", "/issues/"+id+".json", map[string]any{"issue": map[string]any{
		"uploads": []any{map[string]any{"token": out.Upload.Token, "filename": name}},
	}}, nil)
}

func (h hand) Delete(ctx context.Context, id string) error {
	return h.in.as("ADMIN").call(ctx, "DELETE", "/issues/"+id+".json", nil, nil)
}
