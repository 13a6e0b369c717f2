package admin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"parley/node/access"
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

// keeps lets everybody do everything, and keeps records in its own way.
type keeps func(audit.Record) (audit.Record, error)

func (keeps) May(admin.Person, string, string) error { return nil }

func (k keeps) OnRecord(r audit.Record) (audit.Record, error) { return k(r) }

func TestHandler_NothingIsDoneThatIsNotOnRecord(t *testing.T) {
	t.Parallel()
	handler := admin.NewHandler(quietService{}, "test", keeps(func(audit.Record) (audit.Record, error) { return audit.Record{}, errors.New("the disk is full") }))
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
	handler := admin.NewHandler(refusingService{err: refused}, "test", keeps(keep))
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

// strict gives everybody some roles.
type strict struct {
	access.Person
	refused *[]audit.Record
}

func (s strict) May(_ admin.Person, operation, connection string) error {
	return s.Person.May(operation, connection)
}

func (s strict) OnRecord(r audit.Record) (audit.Record, error) {
	*s.refused = append(*s.refused, r)
	return r, nil
}

// TestHandler_EachOperationNeedsItsRole goes over every operation and role.
func TestHandler_EachOperationNeedsItsRole(t *testing.T) {
	t.Parallel()
	tried := 0
	for _, role := range append(access.Roles(), "") {
		var records []audit.Record
		guard := strict{access.Person{Roles: []access.Role{role}}, &records}
		handler := admin.NewHandler(quietService{}, "test", guard)
		for _, op := range operations(t, handler) {
			if op.id == "backup" {
				continue // its answer has begun when it is refused: TestBackup_NeedsItsRole
			}
			rule, known := access.Of(op.id)
			if !known {
				t.Fatalf("%s %s (%s) is in no table", op.method, op.path, op.id)
			}
			tried++
			records = nil
			body := map[string]string{
				"accept": `{"code":"c","name":"n"}`, "confirm": `{"words":"w"}`, "invite": `{"name":"n"}`, "audit-prune": `{"before":"2026-01-01T00:00:00Z","reason":"r"}`,
				"undo": `{"event":"e"}`, "try": `{"connection":"globex"}`, "publish": `{"connection":"globex"}`, "record": `{"connection":"globex","key":"k"}`,
				"connect": `{"connection":"globex","pairs":[]}`, "match": `{"connection":"globex","by":"b"}`, "resolve": `{"connection":"globex","key":"k","field":"f","take":"ours"}`,
				"apply": `{"setup":{"files":{},"versions":{}}}`, "conflict": `{"connection":"globex","key":"k"}`, "connect-state": `{"connection":"globex","pairs":[]}`,
			}[op.id]
			if body == "" && op.body {
				body = "{}"
			}
			got, status := reached(handler, op.method, op.request(ordinary), body)
			if status == http.StatusUnprocessableEntity {
				t.Errorf("%s: %s is no request", op.id, body)
			}
			want := role == access.Admin || slices.Contains(rule.May, role)
			if got != want || !want && status != http.StatusForbidden {
				t.Errorf("%s as %q: reached %t, status %d", op.id, role, got, status)
			}
			if !want && (len(records) != 1 || records[0].Outcome != "refused: denied") {
				t.Errorf("%s as %q: on record is %+v", op.id, role, records)
			}
		}
	}
	t.Logf("%d operations and roles tried", tried)
}

func TestHandler_RolesForSomeConnectionsReachNothingByAnID(t *testing.T) {
	t.Parallel()
	var records []audit.Record
	guard := strict{access.Person{Roles: []access.Role{access.Operator}, Connections: []string{"globex"}}, &records}
	handler := admin.NewHandler(quietService{}, "test", guard)
	for target, want := range map[string]bool{
		`/v1/connections/globex/resume`: true, `/v1/connections/initech/resume`: false,
		`/v1/queue/retry {"connection":"globex","all":true}`: true, `/v1/queue/retry {"connection":"globex","id":"1/2"}`: false, `/v1/queue/retry {"all":true}`: false,
		`/v1/undo {"event":"x","connection":"globex"}`: false, `/v1/tickets/sync {"keys":["A-1"],"connection":"globex"}`: true, `/v1/tickets/sync {"keys":["A-1"]}`: false,
	} {
		path, body, _ := strings.Cut(target, " ")
		if got, status := reached(handler, http.MethodPost, path, body); got != want {
			t.Errorf("%s: reached %t, status %d", target, got, status)
		}
	}
}

func TestBackup_NeedsItsRole(t *testing.T) {
	t.Parallel()
	var records []audit.Record
	handler := admin.NewHandler(quietService{}, "test", strict{access.Person{Roles: []access.Role{access.Operator}}, &records})
	w := httptest.NewRecorder()
	if handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, admin.BackupPath, nil)); w.Body.Len() > 0 {
		t.Errorf("%d bytes of a backup", w.Body.Len())
	}
	if len(records) != 1 || records[0].Outcome != "refused: denied" {
		t.Errorf("on record is %+v", records)
	}
}
