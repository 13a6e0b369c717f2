package redmine_test

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/redmine"
)

// fake answers lists as Redmine does: times in parts of a second, filters that
// know whole seconds only, and an empty list for a key that it does not know.
type fake struct {
	mu     sync.Mutex // guards the fields below
	rows   []fakeRow
	nextID int
	// onList is called before each list is made: what happens in between.
	onList func(f *fake)
	// answers replace what a path says: a body, or "status 201" with a body behind it.
	answers map[string]string
	writes  []string
	// ahead is by how much its clock is ahead of ours.
	ahead time.Duration
	// revoke makes the key a wrong one as soon as a list is asked for.
	revoke, revoked bool
}

type fakeRow struct {
	id      int
	updated time.Time
	subject string
}

const goodKey = "0123456789abcdef0123456789abcdef01234567"

func newFake(t testing.TB) (*fake, *url.URL) {
	t.Helper()
	f := &fake{nextID: 1, answers: map[string]string{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return f, u
}

func openFake(t *testing.T, u *url.URL, change map[string]string) adapters.Tracker {
	t.Helper()
	settings := map[string]string{"api_key": goodKey, "page_size": "3"}
	for k, v := range change {
		settings[k] = v
	}
	tracker, err := redmine.Kind().Open(adapters.Options{URL: u, Settings: settings, UserAgent: "Parley test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tracker.Close() })
	return tracker
}

// touch makes an issue, or moves one's change time to at.
func (f *fake) touch(id int, at time.Time) int {
	if id == 0 {
		id = f.nextID
		f.nextID++
		f.rows = append(f.rows, fakeRow{id: id, updated: at, subject: "x"})
		return id
	}
	for i := range f.rows {
		if f.rows[i].id == id {
			f.rows[i].updated = at
		}
	}
	return id
}

// ServeHTTP implements http.Handler.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.revoked = f.revoked || f.revoke && r.URL.Path == "/issues.json"
	good := r.Header.Get("X-Redmine-API-Key") == goodKey && !f.revoked
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Date", time.Now().Add(f.ahead).UTC().Format(http.TimeFormat))
	if r.Method != http.MethodGet {
		f.writes = append(f.writes, r.Method+" "+r.URL.Path)
	}
	answer, ok := f.answers[r.Method+" "+r.URL.Path]
	switch {
	case r.URL.Path == "/users/current.json" && !good:
		w.WriteHeader(http.StatusUnauthorized)
	case ok && strings.HasPrefix(answer, "status "):
		number, body, _ := strings.Cut(strings.TrimPrefix(answer, "status "), " ")
		code, _ := strconv.Atoi(number)
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	case ok:
		_, _ = w.Write([]byte(answer))
	case r.URL.Path == "/users/current.json":
		_, _ = w.Write([]byte(`{"user":{"id":5,"login":"bot","memberships":[]}}`))
	case r.URL.Path == "/issues.json" && !good:
		_, _ = w.Write([]byte(`{"issues":[],"total_count":0,"offset":0,"limit":25}`))
	case r.URL.Path == "/issues.json":
		f.list(w, r.URL.Query())
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (f *fake) list(w http.ResponseWriter, q url.Values) {
	if f.onList != nil {
		f.onList(f)
	}
	rows := slices.DeleteFunc(slices.Clone(f.rows), func(r fakeRow) bool { return !within(r, q) })
	slices.SortFunc(rows, func(a, b fakeRow) int {
		switch q.Get("sort") {
		case "updated_on:asc,id:asc":
			return cmp.Or(a.updated.Compare(b.updated), cmp.Compare(a.id, b.id))
		case "updated_on:desc":
			return b.updated.Compare(a.updated)
		}
		return cmp.Compare(a.id, b.id)
	})
	limit, _ := strconv.Atoi(q.Get("limit"))
	out := []map[string]any{}
	for _, r := range rows[:min(len(rows), limit)] {
		out = append(out, map[string]any{
			"id": r.id, "subject": r.subject, "created_on": "2026-01-01T00:00:00Z",
			"updated_on": r.updated.UTC().Format("2006-01-02T15:04:05Z"), "project": map[string]any{"id": 1, "name": "Sync"},
		})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"issues": out, "total_count": len(rows)})
}

// within is Redmine's own idea of its filters: >= is "later than a second
// before", and a range ends at the whole second.
func within(r fakeRow, q url.Values) bool {
	at := func(s string) time.Time {
		t, _ := time.Parse(time.RFC3339, s)
		return t
	}
	if s, ok := strings.CutPrefix(q.Get("updated_on"), ">="); ok && !r.updated.After(at(s).Add(-time.Second)) {
		return false
	}
	if s, ok := strings.CutPrefix(q.Get("updated_on"), "><"); ok {
		from, to, _ := strings.Cut(s, "|")
		if !r.updated.After(at(from).Add(-time.Second)) || r.updated.After(at(to)) {
			return false
		}
	}
	if s, ok := strings.CutPrefix(q.Get("issue_id"), ">="); ok {
		n, _ := strconv.Atoi(s)
		return r.id >= n
	}
	return true
}
