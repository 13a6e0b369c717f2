//go:build real

package redmine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"parley/adapters"
	"parley/adapters/redmine"
	"parley/sync/event"
)

// server is the Redmine that the tests of this package run against.
var server instance

type instance struct {
	script, name string
	env          map[string]string
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "redmine-adapter-")
	if err != nil {
		log.Print(err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// The server runs as another user and must get through.
	if err := os.Chmod(dir, 0o755); err != nil {
		log.Print(err)
		return 1
	}
	server, err = start(dir, "redmine-adapter")
	defer server.destroy()
	if err != nil {
		log.Print(err)
		return 1
	}
	return m.Run()
}

func start(dir, name string) (instance, error) {
	script, err := filepath.Abs("../../scripts/trackers/redmine.sh")
	if err != nil {
		return instance{}, err
	}
	in := instance{script: script, name: fmt.Sprintf("%s-%d", name, os.Getpid()), env: map[string]string{}}
	if os.Getenv("TRACKERS_STATE") == "" {
		if err := os.Setenv("TRACKERS_STATE", filepath.Join(dir, "state")); err != nil {
			return in, err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return in, err
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if err := l.Close(); err != nil {
		return in, err
	}
	out, err := in.command("start", in.name, port, filepath.Join(dir, name))
	if err != nil {
		return in, err
	}
	for line := range strings.Lines(out) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			in.env[k] = v
		}
	}
	_, err = in.command("wait-ready", in.name)
	return in, err
}

func (in instance) command(args ...string) (string, error) {
	// The server keeps what it inherits: a pipe of stdout would stay open.
	out, err := os.CreateTemp("", "redmine-out-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(out.Name()) }()
	var stderr bytes.Buffer
	cmd := exec.Command(in.script, args...)
	cmd.Stdout, cmd.Stderr = out, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("redmine.sh %s: %w: %s", args[0], err, stderr.String())
	}
	raw, err := os.ReadFile(out.Name())
	return string(raw), errors.Join(err, out.Close())
}

func (in instance) destroy() {
	if in.script != "" {
		_, _ = in.command("destroy", in.name)
	}
}

func (in instance) base(t testing.TB) *url.URL {
	t.Helper()
	u, err := url.Parse(in.env["URL"])
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func openReal(t testing.TB, address *url.URL, change map[string]string) adapters.Tracker {
	t.Helper()
	settings := map[string]string{
		"api_key": server.env["BOT_API_KEY"], "projects": "sync", "tracker": "Bug", "text_formatting": "textile",
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
func (in instance) as(name string) person { return person{in.env["URL"], in.env[name+"_API_KEY"]} }

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
