package rt_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/rt"
	"parley/sync/event"
)

// fake answers as RT does. Tests replace answers by "METHOD path".
type fake struct {
	testing.TB
	url *url.URL

	mu      sync.Mutex // guards what follows
	answers map[string]http.HandlerFunc
	asked   []string
	ahead   time.Duration // its clock, of ours
}

func newFake(t testing.TB) *fake {
	t.Helper()
	f := &fake{TB: t, answers: map[string]http.HandlerFunc{}}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	f.url = u
	f.json("GET rt", 200, `{"Version":"5.0.3"}`)
	f.json("GET queues/all", 200, `{"total":null,"pages":null,"items":[{"id":"3","Name":"Sync","type":"queue"}]}`)
	f.on("GET queues/all", func(w http.ResponseWriter, r *http.Request) {
		items := `[{"id":"3","Name":"Sync","type":"queue"}]`
		if r.FormValue("page") != "1" {
			items = `[]`
		}
		answer(w, 200, `{"total":null,"pages":null,"items":`+items+`}`)
	})
	f.json("GET queue/3", 200, `{"id":3,"Name":"Sync","TicketCustomFields":[{"id":"7","name":"Details"},{"id":"8","name":"Tags"}]}`)
	f.json("GET customfield/7", 403, `{"message":"Forbidden"}`)
	f.json("GET customfield/8", 403, `{"message":"Forbidden"}`)
	f.json("GET tickets", 200, `{"total":0,"pages":0.0,"count":0,"items":[]}`)
	f.json("GET transactions", 200, `{"total":null,"pages":null,"items":[{"id":"50","Creator":{"id":"bot","Name":"bot"}}]}`)
	f.json("GET ticket/12", 200, ticketJSON)
	f.json("GET ticket/12/history", 200, `{"total":null,"items":[{"id":"50","Type":"Create","type":"transaction","Created":"2026-01-31T12:00:00Z","Creator":{"Name":"bot"}}]}`)
	f.json("GET ticket/12/attachments", 200, `{"total":null,"items":[]}`)
	return f
}

const ticketJSON = `{"id":12,"type":"ticket","Type":"ticket","EffectiveId":{"id":"12"},"Queue":{"id":"3","Name":"Sync"},
 "Owner":{"id":"Nobody","Name":"Nobody"},"Creator":{"id":"bot","Name":"bot"},"Requestor":[],"Subject":"s","Status":"open","Priority":"60",
 "Created":"2026-01-31T12:00:00Z","LastUpdated":"2026-01-31T12:30:00Z","Due":"1970-01-01T00:00:00Z","CustomFields":[],"_hyperlinks":[]}`

func (f *fake) on(route string, h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[route] = h
}

func (f *fake) json(route string, status int, body string) {
	f.on(route, func(w http.ResponseWriter, _ *http.Request) { answer(w, status, body) })
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", `application/json; charset="utf-8"`)
	if strings.HasPrefix(body, `{"id":12,`) {
		w.Header().Set("ETag", `"50"`)
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// ServeHTTP implements http.Handler.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/REST/2.0/")
	f.mu.Lock()
	h, ok := f.answers[route]
	f.asked = append(f.asked, route+"?"+r.URL.RawQuery)
	w.Header().Set("Date", time.Now().Add(f.ahead).UTC().Format(http.TimeFormat))
	f.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "token secret":
		answer(w, 401, `{"message":"Unauthorized"}`)
	case strings.Contains(r.FormValue("fields"), "Parent"):
		answer(w, 500, `{"message":"Internal Server Error"}`)
	case r.Header.Get("If-Unmodified-Since") != "":
		answer(w, 500, `{"message":"Internal Server Error"}`)
	case !ok:
		answer(w, 404, `{"message":"Not Found"}`)
	default:
		h(w, r)
	}
}

func (f *fake) count(prefix string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, a := range f.asked {
		if strings.HasPrefix(a, prefix) {
			n++
		}
	}
	return n
}

func (f *fake) open(change map[string]string) *rt.Tracker {
	f.Helper()
	s := map[string]string{"token": "secret", "queues": "Sync", "labels_field": "Tags"}
	for k, v := range change {
		s[k] = v
	}
	opened, err := rt.Kind().Open(adapters.Options{URL: f.url, Settings: s, UserAgent: "parley-test"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = opened.Close() })
	return opened.(*rt.Tracker)
}

var ref12 = event.Ref{ID: "12", Created: 1769860800}

func wantClass(t *testing.T, err, class error, words string) {
	t.Helper()
	var e *adapters.Error
	if !errors.As(err, &e) || !errors.Is(e.Class, class) || !strings.Contains(e.Detail+e.Hint, words) {
		t.Errorf("got %v, want %v with %q", err, class, words)
	}
}

// rowsJSON is a list of tickets.
func rowsJSON(total string, tickets ...map[string]string) string {
	if tickets == nil {
		tickets = []map[string]string{}
	}
	raw, _ := json.Marshal(tickets)
	return fmt.Sprintf(`{"total":%s,"pages":null,"items":%s}`, total, raw)
}

func row(id, updated string) map[string]string {
	return map[string]string{"id": id, "type": "ticket", "Created": "2026-01-01T00:00:00Z", "LastUpdated": updated}
}
