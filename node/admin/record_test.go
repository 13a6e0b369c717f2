package admin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parley/node/admin"
	"parley/node/audit"
)

// reached tells whether a request reached the node: quietService has no methods.
func reached(handler http.Handler, method, target, body string) (yes bool, status int) {
	defer func() { yes = recover() != nil }()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	handler.ServeHTTP(w, r)
	return false, w.Code
}

func TestHandler_NothingIsDoneThatIsNotOnRecord(t *testing.T) {
	t.Parallel()
	full := func(audit.Record) (audit.Record, error) { return audit.Record{}, errors.New("the disk is full") }
	handler := admin.NewHandler(quietService{}, "test", full)
	for _, op := range operations(t, handler) {
		if op.method == http.MethodGet {
			continue
		}
		body := "{}"
		for target, fitting := range map[string]string{
			"/v1/connections/accept": `{"code":"c","name":"n"}`, "/v1/connections/invite": `{"name":"n"}`,
		} {
			if op.path == target {
				body = fitting
			}
		}
		if yes, status := reached(handler, op.method, op.request(ordinary), body); yes {
			t.Errorf("%s %s was done without a record (%d)", op.method, op.path, status)
		}
	}
}

// refusingService refuses what it is asked to do.
type refusingService struct {
	admin.Service
	err error
}

func (s refusingService) Pause(context.Context, string, admin.PauseRequest) (admin.Connection, error) {
	return admin.Connection{}, s.err
}

func (s refusingService) Accept(context.Context, admin.AcceptRequest) (admin.Connection, error) {
	return admin.Connection{}, s.err
}

func (s refusingService) Sync(context.Context, admin.SyncRequest) (admin.SyncResult, error) {
	return admin.SyncResult{}, s.err
}

func (s refusingService) Try(context.Context, admin.TryRequest) (admin.TryResult, error) {
	return admin.TryResult{}, s.err
}

func TestHandler_WhatPeopleDoIsOnRecordWithItsSubject(t *testing.T) {
	t.Parallel()
	var got []audit.Record
	keep := func(r audit.Record) (audit.Record, error) {
		r.Number = uint64(len(got) + 1)
		got = append(got, r)
		return r, nil
	}
	refused := &admin.Error{Kind: admin.KindConflict, Message: "no"}
	handler := admin.NewHandler(refusingService{err: refused}, "test", keep)
	for _, c := range []struct {
		method, target, body string
		action, connection   string
		ticket               string
		said                 map[string]string
		without              string
	}{
		{http.MethodPost, "/v1/connections/globex/pause", `{"reason":"they moved","direction":"out"}`, "pause", "globex", "", map[string]string{"reason": "they moved", "direction": "out"}, ""},
		{http.MethodPost, "/v1/connections/accept", `{"code":"secret-code","name":"globex"}`, "accept", "globex", "", nil, "secret-code"},
		{http.MethodPost, "/v1/tickets/sync", `{"keys":["A-1","A-2"],"connection":"globex"}`, "sync", "globex", "", map[string]string{"keys": "A-1, A-2"}, ""},
		{http.MethodPost, "/v1/filters/try", `{"connection":"globex","key":"A-1","out":"secret-code"}`, "try", "globex", "A-1", nil, "secret-code"},
	} {
		got = nil
		w := httptest.NewRecorder()
		r := httptest.NewRequest(c.method, c.target, strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/json")
		handler.ServeHTTP(w, r)
		if len(got) == 0 {
			t.Errorf("%s: no record (%d %s)", c.action, w.Code, w.Body)
			continue
		}
		first := got[0]
		if first.Action != c.action || first.Connection != c.connection || first.Ticket != c.ticket {
			t.Errorf("%s: got %+v", c.action, first)
		}
		for name, value := range c.said {
			if first.Said[name] != value {
				t.Errorf("%s: said %v, want %s=%s", c.action, first.Said, name, value)
			}
		}
		for _, one := range got {
			if line, err := one.Line(); err != nil || c.without != "" && strings.Contains(string(line), c.without) {
				t.Errorf("%s: %s on record, %v", c.action, line, err)
			}
		}
		if c.action == "try" {
			if first.Outcome != audit.Shown || len(got) != 1 {
				t.Errorf("what is shown: %+v", got)
			}
			continue
		}
		if len(got) != 2 || first.Outcome != audit.Asked || got[1].Of != first.Number || got[1].Outcome != "refused: conflict" {
			t.Errorf("%s: got %+v", c.action, got)
		}
	}
}
