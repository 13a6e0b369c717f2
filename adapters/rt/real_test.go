//go:build real

package rt_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/rt"
	"parley/scripts/trackers"
	"parley/sync/event"
)

// server is the Request Tracker that the tests of this package run against.
var server instance

type instance struct{ *trackers.Instance }

func TestMain(m *testing.M) {
	os.Exit(trackers.Main(m, "rt", "rt-adapter", func(in *trackers.Instance) { server = instance{in} }))
}

// mail is what RT sent so far.
func (in instance) mail() string {
	raw, _ := os.ReadFile(filepath.Join(in.Env["DIR"], "mail.mbox"))
	return string(raw)
}

func (in instance) base(t testing.TB) *url.URL {
	t.Helper()
	u, err := in.URL()
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func settings(change map[string]string) map[string]string {
	s := map[string]string{
		"token": server.Env["BOT_TOKEN"], "queues": "Sync, Ops", "labels_field": "Tags",
		"field_types": "Severity=option, Affected systems=options, Needed by=date, Due time=time",
	}
	maps.Copy(s, change)
	return s
}

// openReal opens the adapter as bot; change overrides settings.
func openReal(t testing.TB, address *url.URL, change map[string]string) *rt.Tracker {
	t.Helper()
	opened, err := rt.Kind().Open(adapters.Options{URL: address, Settings: settings(change), UserAgent: "parley-test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	tracker, ok := opened.(*rt.Tracker)
	if !ok {
		t.Fatalf("Open gave a %T", opened)
	}
	return tracker
}

// agent does what a person does, past the adapter.
type agent struct{ token string }

func alice() agent { return agent{server.Env["ALICE_TOKEN"]} }
func root() agent  { return agent{server.Env["ROOT_TOKEN"]} }

func (a agent) call(ctx context.Context, method, path, kind string, body io.Reader) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, server.Env["URL"]+"/REST/2.0/"+path, body)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "token "+a.token)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	return res.StatusCode, raw, err
}

// json sends a value and wants a status.
func (a agent) json(ctx context.Context, method, path string, body any, want int) ([]byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	status, answer, err := a.call(ctx, method, path, "application/json", bytes.NewReader(raw))
	if err == nil && status != want {
		err = fmt.Errorf("%s %s: status %d: %s", method, path, status, answer)
	}
	return answer, err
}

func (a agent) must(t testing.TB, method, path string, body any, want int) []byte {
	t.Helper()
	raw, err := a.json(t.Context(), method, path, body, want)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// record is RT's own form of some fields.
func record(fields event.Fields) map[string]any {
	out, custom := map[string]any{}, map[string]any{}
	for name, v := range fields {
		switch name {
		case event.FieldProject:
			out["Queue"] = v
		case event.FieldSummary:
			out["Subject"] = v
		case event.FieldDescription:
			out["Content"], out["ContentType"] = v, "text/plain"
		case event.FieldStatus:
			out["Status"] = v
		case event.FieldPriority:
			out["Priority"] = v
		case event.FieldDue:
			s, _ := v.(string)
			out["Due"] = strings.NewReplacer("T", " ", "Z", "").Replace(s)
		case event.FieldAssignee:
			u, _ := v.(map[string]any)
			out["Owner"] = u["id"]
		case event.FieldLabels:
			custom["Tags"] = v
		case "fields.Due time":
			s, _ := v.(string)
			custom["Due time"] = strings.NewReplacer("T", " ", "Z", "").Replace(s)
		default:
			custom[strings.TrimPrefix(name, event.CustomPrefix)] = v
		}
	}
	if len(custom) > 0 {
		out["CustomFields"] = custom
	}
	return out
}

// hand is alice for adaptertest.
type hand struct{}

func (hand) Create(ctx context.Context, fields event.Fields) (id, key string, err error) {
	fields = maps.Clone(fields)
	if fields[event.FieldProject] == nil {
		fields[event.FieldProject] = "Sync"
	}
	raw, err := alice().json(ctx, http.MethodPost, "ticket", record(fields), http.StatusCreated)
	if err != nil {
		return "", "", err
	}
	var made struct{ ID string }
	err = json.Unmarshal(raw, &made)
	return made.ID, made.ID, err
}

func (hand) Edit(ctx context.Context, id string, fields event.Fields) error {
	_, err := alice().json(ctx, http.MethodPut, "ticket/"+id, record(fields), http.StatusOK)
	return err
}

func (hand) Comment(ctx context.Context, id, body string, internal bool) error {
	_, err := alice().json(ctx, http.MethodPost, "ticket/"+id+"/"+verb(internal),
		map[string]any{"Content": body, "ContentType": "text/plain"}, http.StatusCreated)
	return err
}

func verb(internal bool) string {
	if internal {
		return "comment"
	}
	return "correspond"
}

func (hand) Attach(ctx context.Context, id, name string, data []byte) error {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	if err := w.WriteField("JSON", `{"Content":"see file","ContentType":"text/plain"}`); err != nil {
		return err
	}
	part, err := w.CreateFormFile("Attachments", name)
	if err != nil {
		return err
	}
	if _, err := part.Write(data); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	status, answer, err := alice().call(ctx, http.MethodPost, "ticket/"+id+"/correspond", w.FormDataContentType(), &form)
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("attach: status %d: %s", status, answer)
	}
	return err
}

func (hand) Delete(ctx context.Context, id string) error {
	_, err := alice().json(ctx, http.MethodPut, "ticket/"+id, map[string]any{"Status": "deleted"}, http.StatusOK)
	return err
}

// mailTo waits for a mail that holds a text and returns it.
func mailWith(t testing.TB, what string) string {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for tick := time.NewTicker(100 * time.Millisecond); ; <-tick.C {
		var mail strings.Builder
		in := bufio.NewScanner(strings.NewReader(server.mail()))
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			if strings.HasPrefix(in.Text(), "From rt ") {
				if strings.Contains(mail.String(), what) {
					return mail.String()
				}
				mail.Reset()
			}
			mail.WriteString(in.Text() + "\n")
		}
		if strings.Contains(mail.String(), what) {
			return mail.String()
		}
		if time.Now().After(deadline) {
			t.Fatalf("no mail with %q", what)
		}
	}
}

func itoa(n int64) string { return fmt.Sprint(n) }
