package gitlab_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/adapters/gitlab/gitlabdouble"
	"parley/sync/event"
)

func TestTrap_AMovedIssueIsGoneAndNotListed(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	moved, stays := b.made("moves"), b.made("stays")
	ref, cursor := b.ref(moved), event.Cursor("")
	b.round(&cursor, 10)
	b.must(b.hand.do(t.Context(), http.MethodPost, "issues/"+moved+"/move", map[string]any{"to_project_id": projectID + 1}, nil))
	if seen := b.round(&cursor, 10); seen[moved] == 0 {
		t.Error("the move is no change: nobody would hear of it")
	}
	_, err := b.tracker.Read(t.Context(), ref)
	class(t, "Read", err, adapters.ErrGone)
	class(t, "Write", b.set(ref, event.Fields{event.FieldSummary: "still here"}), adapters.ErrGone)
	_, err = b.tracker.Locate(t.Context(), "#"+moved)
	class(t, "Locate", err, adapters.ErrGone)
	listed, _, err := b.tracker.List(t.Context(), "", "", 10)
	b.must(err)
	if len(listed) != 1 || listed[0].Ref.ID != stays {
		t.Errorf("List gave %v, want issue %s alone", listed, stays)
	}
}

func TestTrap_ALinkShowsAtBothIssuesToWhoSeesThem(t *testing.T) {
	t.Parallel()
	guest := gitlabdouble.Account{ID: 50, Username: "guest", Name: "Guest", Token: "glpat-guest", Level: 10}
	b := newBench(t, gitlabdouble.Options{Accounts: []gitlabdouble.Account{guest}}, nil)
	from, to, hidden := b.made("the cause"), b.made("the effect"), b.made("for few")
	b.must(b.hand.do(t.Context(), http.MethodPut, "issues/"+hidden, map[string]any{"confidential": true}, nil))
	cursor := event.Cursor("")
	b.round(&cursor, 10)
	for kind, iid := range map[string]string{"blocks": to, "relates_to": hidden} {
		b.must(b.hand.do(t.Context(), http.MethodPost, "issues/"+from+"/links", map[string]any{
			"target_project_id": strconv.Itoa(projectID), "target_issue_iid": iid, "link_type": kind,
		}, nil))
	}
	seen := b.round(&cursor, 10)
	for id, want := range map[string]any{
		from: linked("blocks", to, "relates to", hidden), to: linked("is blocked by", from), hidden: linked("relates to", from),
	} {
		if d := cmp.Diff(b.read(b.ref(id)).Fields[event.FieldLinks], want); d != "" || seen[id] == 0 {
			t.Errorf("issue %s, seen %d times (-got +want):\n%s", id, seen[id], d)
		}
	}
	few := b.as(guest)
	ticket, err := few.Read(t.Context(), b.ref(from))
	b.must(err)
	if d := cmp.Diff(ticket.Fields[event.FieldLinks], linked("blocks", to)); d != "" {
		t.Errorf("a guest reads (-got +want):\n%s", d)
	}
}

func TestTrap_ALinkToAnotherProjectNamesIt(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	id := b.made("linked")
	between(b, func(r *http.Request, answer *httptest.ResponseRecorder) string {
		if !strings.HasSuffix(r.URL.Path, "/links") {
			return answer.Body.String()
		}
		return `[{"iid":7,"project_id":1,"issue_link_id":9,"link_type":"relates_to","references":{"full":"acme/other#7"}}]`
	})
	want := event.LinksValue([]event.Link{{Type: event.RelatesTo, ID: "acme/other#7", Key: "acme/other#7"}})
	if d := cmp.Diff(b.read(b.ref(id)).Fields[event.FieldLinks], want); d != "" {
		t.Errorf("links (-got +want):\n%s", d)
	}
}

// between puts something between the adapter and the double that answers otherwise, and
// announces no lengths.
func between(b *bench, change func(*http.Request, *httptest.ResponseRecorder) string) {
	b.Helper()
	betweenWith(b, false, change)
}

func betweenWith(b *bench, announced bool, change func(*http.Request, *httptest.ResponseRecorder) string) {
	b.Helper()
	u, err := url.Parse(newServer(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		b.site.check.ServeHTTP(answer, r)
		body := change(r, answer)
		w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
		if announced {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		}
		w.WriteHeader(answer.Code)
		if f, ok := w.(http.Flusher); ok {
			f.Flush() // before the body: its length is told by nobody else then
		}
		_, _ = w.Write([]byte(body))
	})))
	b.must(err)
	b.tracker = b.site.open(b, u, nil)
	b.Cleanup(func() { _ = b.tracker.Close() })
}

func TestTrap_AFileWhoseLengthIsNotAnnouncedIsMeasured(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	id := b.made("with a file")
	b.must(b.hand.Attach(t.Context(), id, "report.txt", []byte("twelve bytes")))
	lengths := 0
	between(b, func(r *http.Request, answer *httptest.ResponseRecorder) string {
		if strings.Contains(r.URL.Path, "/uploads/") {
			lengths++
		}
		return answer.Body.String()
	})
	if got := b.read(b.ref(id)).Attachments; len(got) != 1 || got[0].Size != 12 || lengths == 0 {
		t.Errorf("got %+v after %d downloads, want one file of 12 bytes", got, lengths)
	}
}

func TestTrap_APageInPlaceOfAFileIsNoFile(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	id := b.made("with a file")
	b.must(b.hand.Attach(t.Context(), id, "report.txt", []byte("twelve bytes")))
	ref, wrong := b.ref(id), true
	between(b, func(r *http.Request, answer *httptest.ResponseRecorder) string {
		if !wrong || !strings.Contains(r.URL.Path, "/uploads/") {
			return answer.Body.String()
		}
		answer.Header().Set("Content-Type", "text/html; charset=utf-8")
		answer.Header().Del("Content-Disposition")
		return "<!DOCTYPE html><title>Sign in</title>"
	})
	_, err := b.tracker.Read(t.Context(), ref)
	class(t, "Read", err, adapters.ErrTransient)
	_, err = b.fetch(ref, strings.TrimPrefix(b.upload(ref), "/uploads/"))
	class(t, "Open", err, adapters.ErrTransient)
	wrong = false
	if got := b.read(ref).Attachments; len(got) != 1 || got[0].Size != 12 {
		t.Errorf("got %+v, want one file of 12 bytes", got)
	}
}

func TestTrap_AFileMeasuredWronglyIsMeasuredAgain(t *testing.T) {
	t.Parallel()
	for _, announced := range []bool{true, false} {
		b := newBench(t, gitlabdouble.Options{}, nil)
		id := b.made("with a file")
		b.must(b.hand.Attach(t.Context(), id, "report.txt", []byte("twelve bytes")))
		ref, wrong := b.ref(id), true
		betweenWith(b, announced, func(r *http.Request, answer *httptest.ResponseRecorder) string {
			if wrong && strings.Contains(r.URL.Path, "/uploads/") {
				return "half of" // and nothing tells that it is not all
			}
			return answer.Body.String()
		})
		file := b.read(ref).Attachments[0].ID
		wrong = false
		_, err := b.fetch(ref, file)
		class(t, "a file that was measured wrongly", err, adapters.ErrTransient)
		if got := b.read(ref).Attachments; len(got) != 1 || got[0].Size != 12 {
			t.Errorf("got %+v, want one file of 12 bytes", got)
		}
		if data, err := b.fetch(ref, file); err != nil || data != "twelve bytes" {
			t.Errorf("got %q, %v", data, err)
		}
		wrong = true
		_, err = b.fetch(ref, file)
		class(t, "a file that is cut", err, adapters.ErrTransient)
	}
}

// fetch reads a file whole.
func (b *bench) fetch(ref event.Ref, id string) (string, error) {
	b.Helper()
	files, ok := b.tracker.(adapters.Files)
	if !ok {
		b.Fatal("there are no files")
	}
	r, err := files.Open(b.Context(), ref, id)
	if err != nil {
		return "", err
	}
	defer func() { _ = r.Close() }()
	data, err := io.ReadAll(r)
	return string(data), err
}

// upload is the address of an issue's one file, as GitLab has it in the note.
func (b *bench) upload(ref event.Ref) string {
	b.Helper()
	var notes []struct{ Body string }
	b.must(b.hand.do(b.Context(), http.MethodGet, "issues/"+ref.ID+"/notes", nil, &notes))
	for _, n := range notes {
		if at := strings.Index(n.Body, "/uploads/"); at >= 0 {
			return strings.TrimSuffix(n.Body[at:], ")")
		}
	}
	b.Fatal("there is no file")
	return ""
}

func TestTrap_TimeSpentIsReadInSeconds(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	id := b.made("work")
	b.must(b.hand.do(t.Context(), http.MethodPost, "issues/"+id+"/add_spent_time", map[string]any{"duration": "1h30m"}, nil))
	fields := b.read(b.ref(id)).Fields
	if fields[event.FieldSpent] != 5400.0 || fields[event.FieldEstimate] != nil {
		t.Errorf("spent %v of %v, want 5400 of nothing", fields[event.FieldSpent], fields[event.FieldEstimate])
	}
}

func TestTrap_AKeyWithThePathIsFoundByTheNumberToo(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil) // its setting is the number
	id := b.made("found")
	c, err := b.tracker.Locate(t.Context(), strings.ToUpper(projectPath)+"#"+id)
	if err != nil || c.Ref.ID != id {
		t.Errorf("Locate gave %v, %v", c, err)
	}
	_, err = b.tracker.Locate(t.Context(), "acme/other#"+id)
	class(t, "an issue of another project", err, adapters.ErrGone)
}

// as is the adapter with the token of another account.
func (b *bench) as(a gitlabdouble.Account) adapters.Tracker {
	b.Helper()
	u, err := url.Parse(b.site.url)
	b.must(err)
	other := b.site.open(b, u, map[string]string{"token": a.Token})
	b.Cleanup(func() { _ = other.Close() })
	return other
}

func TestTrap_TheProbeTellsWhenTheTokenEnds(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	day := func(days int) string { return at.AddDate(0, 0, days).Format(time.DateOnly) }
	account := func(n int64, ends string, scopes ...string) gitlabdouble.Account {
		name := string(rune('a' + n))
		return gitlabdouble.Account{ID: 60 + n, Username: name, Name: name, Token: "glpat-" + name, Level: 20, Ends: ends, Scopes: scopes}
	}
	later, soon, reads, odd := account(0, day(200)), account(1, day(12)), account(2, day(200), "read_api"), account(3, "some day")
	b := newBench(t, gitlabdouble.Options{
		Now: func() time.Time { return at }, Accounts: []gitlabdouble.Account{later, soon, reads, odd},
	}, nil)
	for _, c := range []struct {
		name  string
		of    gitlabdouble.Account
		level adapters.Level
		says  string
	}{
		{"one that is good for long", later, adapters.LevelOK, "ends on " + day(200)},
		{"one that ends soon", soon, adapters.LevelWarning, "ends on " + day(12)},
		{"one that only reads", reads, adapters.LevelError, "scope api"},
		{"an end that is no day", odd, adapters.LevelWarning, "cannot be read"},
	} {
		b.token(c.name, b.as(c.of), c.level, c.says)
	}
	for body, says := range map[string]string{
		`{"id":1,"scopes":["api"],"expires_at":null}`: "never ends",
		`{"message":"404 Not found"}`:                 "does not tell",
	} {
		status := http.StatusOK
		if strings.Contains(body, "404") {
			status = http.StatusNotFound
		}
		u, err := url.Parse(newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/personal_access_tokens/self") {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
				return
			}
			b.site.Double.ServeHTTP(w, r)
		})))
		b.must(err)
		tracker := b.site.open(t, u, nil)
		b.token(body, tracker, adapters.LevelWarning, says)
		b.must(tracker.Close())
	}
}

// token checks that the probe says one thing about the token, in this way.
func (b *bench) token(name string, tracker adapters.Tracker, level adapters.Level, says string) {
	b.Helper()
	prober, ok := tracker.(adapters.Prober)
	if !ok {
		b.Fatal("there is no probe")
	}
	var found []adapters.Finding
	for _, f := range prober.Probe(b.Context()) {
		if strings.Contains(f.What, "token") {
			found = append(found, f)
		}
	}
	if len(found) != 1 || found[0].Level != level || !strings.Contains(found[0].What, says) || (found[0].Hint == "") != (level == adapters.LevelOK) {
		b.Errorf("%s: the probe says %+v, want %q as %s", name, found, says, level)
	}
}
