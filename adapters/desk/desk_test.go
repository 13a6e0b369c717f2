package desk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"parley/adapters"
	"parley/adapters/adaptertest"
	"parley/adapters/desk"
	"parley/sync/event"
)

const (
	token      = "token-of-the-adapter"
	aliceToken = "token-of-alice"
)

func openDesk(t testing.TB, dir string) *desk.Server {
	t.Helper()
	s, err := desk.Open(dir, desk.Options{Token: token, Tokens: map[string]string{aliceToken: "alice"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

func openTracker(t testing.TB, address *url.URL, secret string) adapters.Tracker {
	t.Helper()
	tracker, err := desk.Kind().Open(adapters.Options{
		URL: address, Settings: map[string]string{"token": secret}, UserAgent: "parley/test",
	})
	if err != nil {
		t.Fatal(err)
	}
	return tracker
}

func TestDesk_KeepsEveryAdapterPromise(t *testing.T) {
	t.Parallel()
	address := serve(t, openDesk(t, t.TempDir()))
	adaptertest.Run(t, adaptertest.Subject{
		// The page leads to the file: see TestMarkdown_LeadsToTheTicketsOwnFiles.
		Pictures:  "](attachment:%s)",
		Parent:    event.Fields{},
		Children:  true,
		Links:     []string{event.RelatesTo, event.Blocks, event.IsBlockedBy, event.Duplicates, event.IsDuplicatedBy, event.Precedes, event.Follows},
		WritesAs:  "alice",
		Kind:      "desk",
		URL:       address,
		Open:      func(t testing.TB, u *url.URL) adapters.Tracker { return openTracker(t, u, token) },
		OpenWrong: func(t testing.TB, u *url.URL) adapters.Tracker { return openTracker(t, u, "nobody's token") },
		Secrets:   []string{token},
		Hand:      hand{address, aliceToken},
		Create:    event.Fields{event.FieldProject: "DESK", event.FieldType: "Incident"},
		Fields: map[string][2]any{
			"fields.Remote key": {"ACME-1", "ACME-2"},
			"fields.Severity":   {"Minor", "Critical"},
			"fields.Region": {
				map[string]any{"value": "Europe", "child": "Berlin"}, map[string]any{"value": "Asia", "child": "Tokyo"},
			},
			event.FieldPriority: {"Low", "Urgent"},
			event.FieldType:     {"Request", "Task"},
			event.FieldLabels:   {[]any{"network", "vpn"}, []any{"vpn"}},
			event.FieldDue:      {"2026-01-31", "2027-12-01"},
			event.FieldAssignee: {
				map[string]any{"id": "alice", "name": "Alice Meyer", "email": "alice@desk.example"},
				map[string]any{"id": "bob", "name": "Bob Tanaka", "email": "bob@desk.example"},
			},
		},
		Text:          "fields.Remote key",
		Option:        "fields.Severity",
		Statuses:      []string{"In progress", "Waiting", "Resolved", "Closed"},
		Refused:       "In progress",
		Query:         "project=DESK",
		BadQuery:      "colour=red",
		Lock:          true,
		EditsComments: true,
	})
}

// hand is alice at the API.
type hand struct{ address, token string }

func (h hand) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	switch in := in.(type) {
	case []byte:
		body = bytes.NewReader(in)
	default:
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, method, h.address+"/api/v1/"+path, body)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+h.token)
	res, err := http.DefaultClient.Do(r)
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

func (h hand) Create(ctx context.Context, fields event.Fields) (id, key string, err error) {
	var out struct{ ID, Key string }
	err = h.call(ctx, "POST", "tickets", map[string]any{"fields": fields}, &out)
	return out.ID, out.Key, err
}

func (h hand) Edit(ctx context.Context, id string, fields event.Fields) error {
	return h.call(ctx, "PATCH", "tickets/"+id, map[string]any{"fields": fields}, nil)
}

func (h hand) Comment(ctx context.Context, id, body string, internal bool) error {
	return h.call(ctx, "POST", "tickets/"+id+"/comments", map[string]any{"body": body, "internal": internal}, nil)
}

func (h hand) Attach(ctx context.Context, id, name string, data []byte) error {
	return h.call(ctx, "POST", "tickets/"+id+"/attachments?name="+url.QueryEscape(name), data, nil)
}

func (h hand) Delete(ctx context.Context, id string) error {
	return h.call(ctx, "DELETE", "tickets/"+id, nil, nil)
}
