package azuredevops_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/adaptertest"
	"parley/adapters/azuredevops/azuredevopsdouble"
	"parley/sync/event"
)

// bench is an adapter at a double, and Alice beside it.
type bench struct {
	*testing.T
	s       *site
	tracker adapters.Tracker
	alice   hand
}

func newBench(t *testing.T, opt azuredevopsdouble.Options, change map[string]string) *bench {
	t.Helper()
	s := startSite(t, opt)
	return &bench{T: t, s: s, tracker: open(t, s.url, change), alice: hand{s: s}}
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

const mark = event.Marker("abcdefghijklmnop")

func (b *bench) create(m event.Marker, fields event.Fields) event.Ref {
	b.Helper()
	all := event.Fields{event.FieldSummary: "printer burns", event.FieldType: "Task"}
	for name, v := range fields {
		all[name] = v
	}
	w, err := b.tracker.Write(b.Context(), event.Step{Kind: event.StepCreate, Marker: m, Fields: all}, nil)
	b.must(err)
	return w.Ref
}

func (b *bench) read(ref event.Ref) event.Ticket {
	b.Helper()
	ticket, err := b.tracker.Read(b.Context(), ref)
	b.must(err)
	return ticket
}

func (b *bench) update(step event.Step) error {
	step.Kind = event.StepUpdate
	_, err := b.tracker.Write(b.Context(), step, nil)
	return err
}

// changes are all that a cursor has, and the next one.
func (b *bench) changes(from event.Cursor) ([]event.Change, event.Cursor) {
	b.Helper()
	all, next, err := b.tracker.Changes(b.Context(), from, 100)
	b.must(err)
	return all, next
}

// settled is a cursor behind all that was changed so far.
func (b *bench) settled() event.Cursor {
	b.Helper()
	_, start := b.changes("")
	_, next := b.changes(start)
	return next
}

func anyPatch(r *http.Request) bool { return r.Method == http.MethodPatch }

func TestTrap_ASignInPageWith203Or302IsARefusal(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, map[string]string{"token": "ended"})
	_, err := b.tracker.Read(t.Context(), event.Ref{ID: "101", Created: 1}) // 203
	if !errors.Is(err, adapters.ErrDenied) {
		t.Errorf("a read: %v, want ErrDenied", err)
	}
	good := newBench(t, azuredevopsdouble.Options{}, nil)
	ref := good.create(mark, nil)
	for status, header := range map[int]http.Header{
		http.StatusNonAuthoritativeInfo: nil, http.StatusFound: {"Location": {"https://spsprod.vssps.visualstudio.com/_signin?realm=dev.azure.com"}},
	} {
		good.s.FailNext(anyPatch, status, header, "<html>Sign In</html>")
		if err := good.update(event.Step{Ref: ref, Fields: event.Fields{event.FieldSummary: "x"}}); !errors.Is(err, adapters.ErrDenied) {
			t.Errorf("a write that is answered with %d: %v, want ErrDenied: nothing happened", status, err)
		}
	}
}

func TestTrap_AnEndedAccessTokenIsRenewedAlthoughTheAnswerIs203(t *testing.T) {
	t.Parallel()
	s := startSite(t, azuredevopsdouble.Options{TokenUses: 3})
	tokens := httptest.NewServer(s.Tokens())
	t.Cleanup(tokens.Close)
	tracker := open(t, s.url, map[string]string{
		"token": "", "client_id": bot().ID, "client_secret": azuredevopsdouble.ClientSecret, "token_url": tokens.URL + "/t/oauth2/v2.0/token",
	})
	for range 3 {
		if _, err := tracker.Schema(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := tracker.Changes(t.Context(), "", 10); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTrap_APersonalTokenGoesWithAnEmptyUser(t *testing.T) {
	t.Parallel()
	var user, password string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { user, password, _ = r.BasicAuth() }))
	t.Cleanup(server.Close)
	_, _ = open(t, server.URL+"/o", nil).Schema(t.Context()) // the answer is none
	if user != "" || password != bot().Token {
		t.Errorf("signed in as %q with %q", user, password)
	}
}

func TestTrap_TheWatermarkGoesOnWhereItStood(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, map[string]string{"page_size": "2"})
	cursor := b.settled()
	var refs []event.Ref
	for n := range 5 {
		refs = append(refs, b.create("", event.Fields{event.FieldSummary: fmt.Sprint("n", n)}))
	}
	b.must(b.alice.Edit(t.Context(), refs[0].ID, event.Fields{event.FieldSummary: "later"}))
	b.must(b.alice.Delete(t.Context(), refs[1].ID))
	seen := map[event.Ref]event.Change{}
	for range 4 { // three a time: pages of two and one
		changes, next, err := b.tracker.Changes(t.Context(), cursor, 3)
		b.must(err)
		for _, c := range changes {
			seen[c.Ref] = c
		}
		cursor = next
	}
	for n, ref := range refs {
		c, ok := seen[ref]
		if !ok || c.Deleted != (n == 1) {
			t.Errorf("work item %d: seen %v, %+v", n, ok, c)
		}
	}
	if seen[refs[0]].Version != "2" {
		t.Errorf("the newest revision is not what was told: %+v", seen[refs[0]])
	}
	if again, _ := b.changes(cursor); len(again) != 0 {
		t.Errorf("nothing changed, and the feed told %+v", again)
	}
}

func TestTrap_LongTextsAreNotInTheFeed(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	ref := b.create(mark, event.Fields{event.FieldDescription: "before"})
	cursor := b.settled()
	b.must(b.alice.set(t.Context(), ref.ID, "System.Description", "<div>after</div>"))
	changes, _ := b.changes(cursor)
	if len(changes) != 1 || changes[0].Ref != ref {
		t.Errorf("the edit of a long text gave %+v", changes)
	}
	if got := b.read(ref).Fields[event.FieldDescription]; got != "after" {
		t.Errorf("the description reads %v", got)
	}
}

func TestTrap_AnEditedCommentMakesNoRevision(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	ref := b.create(mark, nil)
	b.must(b.alice.Comment(t.Context(), ref.ID, "before", false))
	cursor := b.settled()
	before := b.read(ref)
	path := url.PathEscape(project) + "/_apis/wit/workItems/" + ref.ID + "/comments/" + before.Comments[0].ID
	b.must(b.alice.do(t.Context(), http.MethodPatch, path, "application/json", []byte(`{"text":"<p>after</p>"}`), nil))
	changes, cursor := b.changes(cursor)
	after := b.read(ref)
	if len(changes) != 1 || changes[0].Ref != ref || after.Version != before.Version {
		t.Errorf("the edit of a comment gave %+v, at revision %s after %s", changes, after.Version, before.Version)
	}
	if after.Comments[0].Body != "after" || after.Comments[0].Edited.IsZero() {
		t.Errorf("the comment reads %+v", after.Comments[0])
	}
	b.must(b.alice.do(t.Context(), http.MethodDelete, path, "", nil, nil))
	if changes, _ := b.changes(cursor); len(changes) != 1 || len(b.read(ref).Comments) != 0 {
		t.Errorf("a comment that was taken away gave %+v", changes)
	}
}

func TestTrap_QueriesReadTimesExactly(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	b.create("", nil)
	for query, want := range map[string]int{
		"[System.CreatedDate] >= '" + time.Now().Add(-time.Minute).UTC().Format(time.RFC3339) + "'": 1,
		"[System.CreatedDate] >= '" + time.Now().Add(time.Minute).UTC().Format(time.RFC3339) + "'":  0,
	} {
		found, _, err := b.tracker.List(t.Context(), query, "", 10)
		if err != nil || len(found) != want {
			t.Errorf("%s: %d work items, %v; want %d", query, len(found), err, want)
		}
	}
}

func TestTrap_AListGoesBeyondWhatOneQueryMayHave(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{Cap: 3}, nil)
	for range 8 {
		b.create("", nil)
	}
	var page event.Cursor
	n := 0
	for {
		found, next, err := b.tracker.List(t.Context(), "", page, 3)
		b.must(err)
		n += len(found)
		if page = next; next == "" {
			break
		}
	}
	if n != 8 {
		t.Errorf("listed %d of 8", n)
	}
	if _, _, err := b.tracker.Changes(t.Context(), "", 10); err != nil {
		t.Errorf("a poll that begins: %v", err)
	}
}

func TestTrap_AQueryDoesNotReachBeyondTheProjects(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	for _, query := range []string{
		"[System.Id] > 0) OR ([System.Id] > 0", "[System.Title] = 'x", "[System.Id] > 0 ORDER BY [System.Id]", "[System.Id] > 0 ASOF '2026-01-01'", "([System.Id] > 0",
	} {
		if _, _, err := b.tracker.List(t.Context(), query, "", 10); !errors.Is(err, adapters.ErrConfiguration) {
			t.Errorf("%s: %v, want ErrConfiguration", query, err)
		}
	}
	if n := b.s.Served("POST _apis/wit/wiql"); n != 0 {
		t.Errorf("%d of them were asked", n)
	}
}

func TestTrap_DeletedDestroyedAndHiddenAreToldApart(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	deleted, destroyed, hidden := b.create("", nil), b.create("", nil), b.create("", nil)
	b.create("", nil)
	b.must(b.alice.Delete(t.Context(), deleted.ID))
	number := func(ref event.Ref) (n int64) { _, _ = fmt.Sscan(ref.ID, &n); return n }
	b.s.Destroy(number(destroyed))
	b.s.Hide(number(hidden))
	for name, c := range map[string]struct {
		ref  event.Ref
		want error
	}{
		"in the recycle bin": {deleted, adapters.ErrGone},
		"destroyed":          {destroyed, adapters.ErrDenied},
		"hidden":             {hidden, adapters.ErrDenied},
		"never was":          {event.Ref{ID: "999999", Created: 1}, adapters.ErrGone},
	} {
		if _, err := b.tracker.Read(t.Context(), c.ref); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	cursor := b.settled()
	b.must(b.alice.do(t.Context(), http.MethodPatch, url.PathEscape(project)+"/_apis/wit/recyclebin/"+deleted.ID, "application/json", []byte(`{"isDeleted":false}`), nil))
	if changes, _ := b.changes(cursor); len(changes) != 1 || changes[0].Deleted {
		t.Errorf("a work item that was restored gave %+v", changes)
	}
	b.read(deleted)
}

func TestTrap_AMovedWorkItemIsFollowedWithinTheProjects(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	ref := b.create(mark, nil)
	b.must(b.alice.patch(t.Context(), http.MethodPatch, "_apis/wit/workitems/"+ref.ID, nil,
		op{"op": "add", "path": "/fields/System.TeamProject", "value": other}, op{"op": "add", "path": "/fields/System.AreaPath", "value": other},
		op{"op": "add", "path": "/fields/System.IterationPath", "value": other}))
	_, err := b.tracker.Read(t.Context(), ref)
	if !errors.Is(err, adapters.ErrGone) || !strings.Contains(err.Error(), "moved") {
		t.Errorf("a work item in a project of somebody else: %v", err)
	}
	both := open(t, b.s.url, map[string]string{"projects": project + ", " + other})
	ticket, err := both.Read(t.Context(), ref)
	if err != nil || ticket.Fields[event.FieldProject] != other || ticket.Marker != mark {
		t.Errorf("the work item is at %v with marker %q, %v", ticket.Fields[event.FieldProject], ticket.Marker, err)
	}
	// And back again, by a write.
	if _, err := both.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldProject: project, event.FieldType: "Bug"}}, nil); err != nil {
		t.Fatal(err)
	}
	if got := b.read(ref).Fields; got[event.FieldProject] != project || got[event.FieldType] != "Bug" || got["fields.Area Path"] != project {
		t.Errorf("after the move the work item has %v, %v, %v", got[event.FieldProject], got[event.FieldType], got["fields.Area Path"])
	}
}

func TestTrap_HistoryGoesByTheTimeOfTheChange(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	ref := b.create(mark, nil)
	b.must(b.alice.Edit(t.Context(), ref.ID, event.Fields{event.FieldSummary: "first"}))
	first := b.read(ref).Updated
	b.must(b.alice.Edit(t.Context(), ref.ID, event.Fields{event.FieldSummary: "second"}))
	second := b.read(ref).Updated
	edits, err := b.tracker.(adapters.Historian).History(t.Context(), ref, ref1970())
	b.must(err)
	edits = slices.DeleteFunc(edits, func(e adapters.Edit) bool { return e.Field != event.FieldSummary })
	if len(edits) != 2 || !edits[0].At.Equal(first) || !edits[1].At.Equal(second) || edits[1].Old != "first" || edits[1].Own {
		t.Errorf("got %+v, want the edits at %v and %v", edits, first, second)
	}
}

func ref1970() time.Time { return time.Unix(0, 0) }

func TestTrap_RetryAfterOnAnAnswerOfSuccessIsObeyed(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	ref := b.create(mark, nil)
	b.read(ref)
	b.s.FailNext(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/comments") }, 0,
		http.Header{"Retry-After": {"3600"}, "X-Ratelimit-Delay": {"4.5"}, "X-Ratelimit-Remaining": {"0"}}, nil)
	b.read(ref) // the answer is good, and is taken
	before := b.s.Served("GET _apis/wit/workitems/{id}")
	_, err := b.tracker.Read(t.Context(), ref)
	var known *adapters.Error
	if !errors.As(err, &known) || !errors.Is(known.Class, adapters.ErrLimited) || known.After < time.Hour-time.Minute {
		t.Errorf("the next read: %v, want ErrLimited for an hour", err)
	}
	if after := b.s.Served("GET _apis/wit/workitems/{id}"); after != before {
		t.Error("a request was made although Azure DevOps asked to wait")
	}
}

func TestTrap_RequestsAreLimitedByTheHeadersOfA429(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	ref := b.create(mark, nil)
	b.s.FailNext(anyPatch, http.StatusTooManyRequests, http.Header{"Retry-After": {"17"}, "X-Ratelimit-Reset": {"1700000000"}}, map[string]any{"message": "TF400733: The request has been canceled"})
	err := b.update(event.Step{Ref: ref, Fields: event.Fields{event.FieldSummary: "x"}})
	var known *adapters.Error
	if !errors.As(err, &known) || !errors.Is(known.Class, adapters.ErrLimited) || known.After != 17*time.Second {
		t.Errorf("got %v, want ErrLimited for 17 s", err)
	}
}

func FuzzAnswers(f *testing.F) {
	d := azuredevopsdouble.New(azuredevopsdouble.Options{
		Organization: "fabrikam", Projects: []string{project}, Accounts: []azuredevopsdouble.Account{bot(), alice()},
	})
	server := httptest.NewServer(d)
	f.Cleanup(server.Close)
	tracker := open(f, server.URL+"/fabrikam", nil)
	w, err := tracker.Write(f.Context(), event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{event.FieldSummary: "fuzzed"}}, nil)
	if err != nil {
		f.Fatal(err)
	}
	adaptertest.FuzzAnswers(f, d, event.Change{Ref: w.Ref, Key: w.Key}, func(t testing.TB, u *url.URL) adapters.Tracker {
		t.Helper()
		return open(t, u.JoinPath("fabrikam").String(), nil)
	})
}
