package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"parley/node/admin"
)

// operation is one thing of /openapi.json that can be asked.
type operation struct {
	id, method, path string
	body             bool
	parameters       []parameter
}

type parameter struct {
	Name     string
	In       string
	Required bool
	Schema   struct{ MaxLength int }
}

// operations are all that the handler says it has.
func operations(t *testing.T, handler http.Handler) []operation {
	t.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			Parameters  []parameter
			RequestBody *struct{}
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	var out []operation
	for path, methods := range doc.Paths {
		for method, op := range methods {
			out = append(out, operation{id: op.OperationID, method: strings.ToUpper(method), path: path, body: op.RequestBody != nil, parameters: op.Parameters})
		}
	}
	if len(out) == 0 {
		t.Fatal("no operation")
	}
	return out
}

// request fills a path and its query, each parameter as value says.
func (o operation) request(value func(parameter) (string, bool)) string {
	target, query := o.path, []string{}
	for _, p := range o.parameters {
		v, given := value(p)
		switch {
		case p.In == "path":
			target = strings.Replace(target, "{"+p.Name+"}", v, 1)
		case given:
			query = append(query, p.Name+"="+v)
		}
	}
	return target + "?" + strings.Join(query, "&")
}

func ordinary(p parameter) (string, bool) { return "globex", p.Required || p.In == "path" }

// refuse sends a request and holds the answer to be a Problem. quietService has no methods, so that a request
// which is let through panics.
func refuse(t *testing.T, handler http.Handler, method, target, body string) admin.Problem {
	t.Helper()
	defer func() {
		if what := recover(); what != nil {
			t.Errorf("%s %s reached the node: %v", method, target, what)
		}
	}()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	handler.ServeHTTP(w, r)
	var got admin.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Errorf("%s %s: %d %q is no problem: %v", method, target, w.Code, w.Body, err)
	}
	if got.Status != w.Code || got.Kind == "" || got.Message == "" || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s %s: got %d, %+v as %q", method, target, w.Code, got, w.Header().Get("Content-Type"))
	}
	return got
}

func TestHandler_EachOperationRefusesABodyThatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	handler := admin.NewHandler(quietService{}, "test", unguarded{})
	for _, op := range operations(t, handler) {
		if !op.body {
			continue
		}
		t.Run(op.method+op.path, func(t *testing.T) {
			t.Parallel()
			most := 1 << 20
			if op.path == "/v1/setup" {
				most = admin.MaxSetup
			}
			for _, c := range []struct {
				name, body string
				status     int
			}{
				{"nothing", "", 400},
				{"no JSON", "<html>", 400},
				{"cut off", `{"a`, 400},
				{"another type", `["a"]`, 422},
				{"null", `null`, 422},
				{"an unknown key", `{"ofALaterVersion":1}`, 422},
				{"too large", `{"a":"` + strings.Repeat("x", most) + `"}`, 413},
			} {
				got := refuse(t, handler, op.method, op.request(ordinary), c.body)
				if got.Status != c.status || got.Kind != admin.KindInvalid {
					t.Errorf("%s: got %+v, want %d %s", c.name, got, c.status, admin.KindInvalid)
				}
			}
		})
	}
}

func TestHandler_EachOperationRefusesParametersOutOfBounds(t *testing.T) {
	t.Parallel()
	handler := admin.NewHandler(quietService{}, "test", unguarded{})
	for _, op := range operations(t, handler) {
		for _, p := range op.parameters {
			body := ""
			if op.body {
				body = "{}"
			}
			if p.Required && p.In == "query" {
				without := op.request(func(q parameter) (string, bool) { return "globex", q.Name != p.Name })
				if got := refuse(t, handler, op.method, without, body); got.Status != 422 || !strings.Contains(got.Message, p.Name) {
					t.Errorf("%s without %s: got %+v", op.path, p.Name, got)
				}
			}
			if slices.Contains([]string{"limit", "state", "after", "since"}, p.Name) {
				continue // integers, a list of words, a time: below
			}
			if p.Schema.MaxLength == 0 {
				t.Errorf("%s %s: %s has no bound", op.method, op.path, p.Name)
				continue
			}
			long := op.request(func(q parameter) (string, bool) {
				if q.Name == p.Name {
					return strings.Repeat("x", p.Schema.MaxLength+1), true
				}
				return ordinary(q)
			})
			if got := refuse(t, handler, op.method, long, body); got.Status != 422 || !strings.Contains(got.Message, p.Name) {
				t.Errorf("%s with a long %s: got %+v", op.path, p.Name, got)
			}
		}
	}
	for path, name := range map[string]string{
		"/v1/tickets/explain": "key", "/v1/tickets/history": "key", "/v1/connections/globex/scope/explain": "key", "/v1/queue/entry": "id",
	} {
		for _, query := range []string{"", "?other=1"} {
			if got := refuse(t, handler, http.MethodGet, path+query, ""); got.Status != 422 || !strings.Contains(got.Message, name) {
				t.Errorf("%s%s: got %+v, want %s to be asked for", path, query, got, name)
			}
		}
	}
	for _, query := range []string{"limit=1001", "after=-1", "after=x", "since=yesterday"} {
		if got := refuse(t, handler, http.MethodGet, "/v1/audit?"+query, ""); got.Status != 422 {
			t.Errorf("%s: got %+v", query, got)
		}
	}
	for _, query := range []string{"limit=-1", "limit=100001", "limit=x", "state=Synced"} {
		if got := refuse(t, handler, http.MethodGet, "/v1/tickets?"+query, ""); got.Status != 422 {
			t.Errorf("%s: got %+v", query, got)
		}
	}
}

func TestHandler_WhatItDoesNotHaveIsAProblemToo(t *testing.T) {
	t.Parallel()
	handler := admin.NewHandler(quietService{}, "test", unguarded{})
	for _, c := range []struct {
		method, path string
		status       int
		says         string
	}{
		{http.MethodGet, "/", 404, "/"},
		{http.MethodGet, "/v1/statu", 404, "/v1/statu"},
		{http.MethodGet, "/v2/status", 404, "/v2/status"},
		{http.MethodPost, "/v1/status", 405, "POST"},
		{http.MethodGet, "/v1/reload", 405, "GET"},
	} {
		got := refuse(t, handler, c.method, c.path, "")
		if got.Status != c.status || !strings.Contains(got.Message, c.says) || got.Hint == "" {
			t.Errorf("%s %s: got %+v, want %d saying %q with a hint", c.method, c.path, got, c.status, c.says)
		}
	}
}

// failingService fails in one way.
type failingService struct {
	admin.Service
	err error
}

func (s failingService) Status(context.Context) (admin.Status, error) { return admin.Status{}, s.err }

func TestHandler_AnErrorKeepsItsKindItsWordsAndItsHint(t *testing.T) {
	t.Parallel()
	cause := errors.New("no route to host")
	for _, c := range []struct {
		name string
		err  error
		want admin.Problem
	}{
		{"not found", &admin.Error{Kind: admin.KindNotFound, Message: "there is no connection x", Hint: "see the list"}, admin.Problem{Status: 404, Kind: "not-found", Message: "there is no connection x", Hint: "see the list"}},
		{"invalid", &admin.Error{Kind: admin.KindInvalid, Message: "wrong"}, admin.Problem{Status: 422, Kind: "invalid", Message: "wrong"}},
		{"conflict", &admin.Error{Kind: admin.KindConflict, Message: "not at present"}, admin.Problem{Status: 409, Kind: "conflict", Message: "not at present"}},
		{"tracker, wrapped", fmt.Errorf("ask: %w", &admin.Error{Kind: admin.KindTracker, Message: "the tracker", Err: cause}), admin.Problem{Status: 502, Kind: "tracker", Message: "ask: the tracker: no route to host"}},
		{"peer", &admin.Error{Kind: admin.KindPeer, Message: "away"}, admin.Problem{Status: 502, Kind: "peer", Message: "away"}},
		{"slow", fmt.Errorf("list: %w", context.DeadlineExceeded), admin.Problem{Status: 504, Kind: "tracker", Message: "it took too long: list: context deadline exceeded", Hint: "the node is busy or its tracker slow: see `parley status`, then try again"}},
		{"a kind of its own", cause, admin.Problem{Status: 500, Kind: "internal", Message: "no route to host", Hint: "the node's log may say more"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := refuse(t, admin.NewHandler(failingService{err: c.err}, "test", unguarded{}), http.MethodGet, "/v1/status", "")
			if c.want.Title = http.StatusText(c.want.Status); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}
