package salesforce_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/adaptertest"
	"parley/adapters/salesforce/salesforcedouble"
	"parley/sync/event"
)

// clock is a time that stands still until it is moved.
type clock struct {
	mu sync.Mutex // guards the field below
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now().Truncate(time.Second)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func (s *site) open(t testing.TB, change map[string]string) adapters.Tracker {
	t.Helper()
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	tracker := open(t, u, change)
	t.Cleanup(func() { _ = tracker.Close() })
	return tracker
}

const someMarker = event.Marker("abcdefghijklmnop")

func makeCase(t testing.TB, tracker adapters.Tracker, change event.Fields) event.Written {
	t.Helper()
	f := event.Fields{event.FieldSummary: "a case", event.FieldDescription: "text"}
	for name, v := range change {
		f[name] = v
	}
	w, err := tracker.Write(t.Context(), event.Step{Kind: event.StepCreate, Marker: someMarker, Fields: f}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func byHand(t testing.TB, s *site, summary string) event.Ref {
	t.Helper()
	id, _, err := hand{s}.Create(t.Context(), event.Fields{event.FieldSummary: summary})
	if err != nil {
		t.Fatal(err)
	}
	at, ok := s.Value(id, "CreatedDate").(time.Time)
	if !ok {
		t.Fatal("the case has no time")
	}
	return event.NewRef(id, at)
}

func start(t testing.TB, tracker adapters.Tracker) event.Cursor {
	t.Helper()
	_, cursor, err := tracker.Changes(t.Context(), "", 10)
	if err != nil {
		t.Fatal(err)
	}
	return cursor
}

// drain polls until there is no more.
func drain(t testing.TB, tracker adapters.Tracker, cursor event.Cursor, limit int) ([]event.Change, event.Cursor) {
	t.Helper()
	var all []event.Change
	for range 100 {
		changes, next, err := tracker.Changes(t.Context(), cursor, limit)
		if err != nil {
			t.Fatal(err)
		}
		cursor, all = next, append(all, changes...)
		if len(changes) < limit {
			return all, cursor
		}
	}
	t.Fatal("there is no end")
	return nil, ""
}

func ids(changes []event.Change) map[string]bool {
	out := map[string]bool{}
	for _, c := range changes {
		out[c.Ref.ID] = true
	}
	return out
}

func wantError(t testing.TB, what string, err, class error, words ...string) {
	t.Helper()
	var known *adapters.Error
	if !errors.Is(err, class) || !errors.As(err, &known) {
		t.Fatalf("%s: got %v, want %v", what, err, class)
	}
	for _, w := range words {
		if !strings.Contains(err.Error()+known.Hint, w) {
			t.Errorf("%s: %q with the hint %q does not say %q", what, err, known.Hint, w)
		}
	}
}

func matches(method, part string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == method && strings.Contains(r.URL.Path, part) }
}

func TestTrap_ManyRowsOfOneStampAreAllGiven(t *testing.T) {
	t.Parallel()
	now := newClock()
	s := startSite(t, salesforcedouble.Options{Now: now.now})
	tracker := s.open(t, nil)
	byHand(t, s, "before")
	now.move(time.Hour)
	cursor := start(t, tracker)
	want := map[string]bool{}
	for i := range 25 {
		want[byHand(t, s, fmt.Sprint("case ", i)).ID] = true
	}
	got, _ := drain(t, tracker, cursor, 3)
	for id := range want {
		if !ids(got)[id] {
			t.Errorf("%s of twenty-five cases of one second is left out", id)
		}
	}
}

func TestTrap_ARowThatShowsLateIsSeenWithinTheOverlap(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{0, time.Hour} {
		s := startSite(t, salesforcedouble.Options{Ahead: ahead})
		tracker := s.open(t, nil)
		cursor := start(t, tracker)
		newest := byHand(t, s, "newest")
		got, cursor := drain(t, tracker, cursor, 10)
		if !ids(got)[newest.ID] {
			t.Fatal("the newest case is not seen")
		}
		_, cursor = drain(t, tracker, cursor, 10) // where a round begins is decided by the one before
		late := s.Commit("committed late", 8*time.Second)
		if got, _ = drain(t, tracker, cursor, 10); !ids(got)[late] {
			t.Errorf("a case that shows eight seconds after its change time is left out, with the answers' clock ahead by %v", ahead)
		}
	}
	_, err := openWith(startSite(t, salesforcedouble.Options{}), map[string]string{"overlap": "5s"})
	if err == nil || !strings.Contains(err.Error(), "overlap") {
		t.Errorf("an overlap of five seconds: got %v, want it refused", err)
	}
}

func TestTrap_ARowOfTheFutureHidesNothing(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{})
	tracker := s.open(t, nil)
	byHand(t, s, "before")
	cursor := start(t, tracker)
	s.Commit("from a server whose clock is ahead", -time.Hour)
	for range 3 {
		_, cursor = drain(t, tracker, cursor, 10)
	}
	ref := byHand(t, s, "after it")
	if got, _ := drain(t, tracker, cursor, 10); !ids(got)[ref.ID] {
		t.Error("a case is left out since another one bears a time that has not come yet")
	}
}

func TestTrap_CommentsAndFilesAreSeenAlthoughTheCaseIsAsItWas(t *testing.T) {
	t.Parallel()
	for what, do := range map[string]func(context.Context, hand, string) error{
		"a comment": func(ctx context.Context, h hand, id string) error { return h.Comment(ctx, id, "said", true) },
		"a file":    func(ctx context.Context, h hand, id string) error { return h.Attach(ctx, id, "a.txt", []byte("bytes")) },
	} {
		now := newClock()
		s := startSite(t, salesforcedouble.Options{Now: now.now})
		tracker := s.open(t, nil)
		ref := byHand(t, s, "a case")
		_, cursor := drain(t, tracker, start(t, tracker), 10)
		now.move(time.Hour)
		byHand(t, s, "a later case, which makes the other one final")
		for range 2 {
			_, cursor = drain(t, tracker, cursor, 10)
		}
		before, err := tracker.Read(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		now.move(time.Hour)
		if err := do(t.Context(), hand{s}, ref.ID); err != nil {
			t.Fatal(err)
		}
		got, _ := drain(t, tracker, cursor, 10)
		n := slices.IndexFunc(got, func(c event.Change) bool { return c.Ref == ref })
		after, err := tracker.Read(t.Context(), ref)
		switch {
		case err != nil:
			t.Fatal(err)
		case n < 0:
			t.Errorf("%s is not seen", what)
		case after.Version == before.Version || got[n].Version != after.Version:
			t.Errorf("%s: version %q before, %q after, %q in the poll; want the last two alike", what, before.Version, after.Version, got[n].Version)
		}
	}
}

func TestTrap_DeletedMergedPurgedAndHiddenAreToldApart(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{})
	tracker := s.open(t, nil)
	cursor := start(t, tracker)
	master, loser, deleted, purged := byHand(t, s, "master"), byHand(t, s, "loser"), byHand(t, s, "deleted"), byHand(t, s, "purged")
	if err := (hand{s}).Delete(t.Context(), purged.ID); err != nil {
		t.Fatal(err)
	}
	s.Purge()
	s.Merge(master.ID, loser.ID)
	if err := (hand{s}).Delete(t.Context(), deleted.ID); err != nil {
		t.Fatal(err)
	}
	got, _ := drain(t, tracker, cursor, 10)
	for _, c := range got {
		if want := c.Ref == loser || c.Ref == deleted; c.Deleted != want {
			t.Errorf("%v: deleted %v, want %v", c.Ref, c.Deleted, want)
		}
	}
	if !ids(got)[loser.ID] || !ids(got)[deleted.ID] {
		t.Error("the poll says nothing of what is in the recycle bin")
	}
	_, err := tracker.Read(t.Context(), loser)
	wantError(t, "a case that was merged", err, adapters.ErrMerged)
	_, err = tracker.Read(t.Context(), deleted)
	wantError(t, "a deleted case", err, adapters.ErrGone)
	if errors.Is(err, adapters.ErrMerged) {
		t.Error("a deleted case reads as merged")
	}
	_, err = tracker.Read(t.Context(), purged)
	wantError(t, "a case that left the recycle bin", err, adapters.ErrGone)
}

func TestTrap_AHiddenCaseIsNotTakenForDeleted(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{})
	ref := byHand(t, s, "a case")
	if err := (hand{s}).Delete(t.Context(), ref.ID); err != nil {
		t.Fatal(err)
	}
	s.Purge()
	s.SeeAll(false)
	_, err := s.open(t, nil).Read(t.Context(), ref)
	wantError(t, "a case that may be hidden", err, adapters.ErrDenied, "View All")
}

func TestTrap_ARepeatedCreateIsAnUpsertOfOneCase(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{KeyField: true})
	tracker := s.open(t, nil)
	step := event.Step{Kind: event.StepCreate, Marker: someMarker, Fields: event.Fields{event.FieldSummary: "once"}}
	refs := make([]event.Ref, 4)
	var all sync.WaitGroup
	for i := range refs {
		all.Go(func() {
			w, err := tracker.Write(context.WithoutCancel(t.Context()), step, nil)
			if err != nil {
				t.Error(err)
			}
			refs[i] = w.Ref
		})
	}
	all.Wait()
	if slices.ContainsFunc(refs, func(r event.Ref) bool { return r != refs[0] }) {
		t.Errorf("one create gave %v, want one case", refs)
	}
	if got := s.Value(refs[0].ID, "Sync_Key__c"); got != string(someMarker) {
		t.Errorf("the field holds %v", got)
	}
	if text := s.Value(refs[0].ID, "Description"); text != nil {
		t.Errorf("the marker stands in the text too: %q", text)
	}
	if n := s.Served("PATCH", "/sobjects/Case/Sync_Key__c/"+string(someMarker)); n != len(refs) {
		t.Errorf("%d upserts were made, want %d", n, len(refs))
	}
	if n := s.Served("POST", "/sobjects/Case"); n != 0 {
		t.Errorf("%d plain creates were made, want none", n)
	}
}

func TestTrap_AKeyFieldThatIsNotUniqueIsNotUsed(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{KeyField: true, LooseKey: true})
	tracker := s.open(t, nil)
	w := makeCase(t, tracker, nil)
	if n := s.Served("PATCH", "Sync_Key__c"); n != 0 {
		t.Errorf("%d upserts were made by a field that several cases may have alike", n)
	}
	if text, _ := s.Value(w.Ref.ID, "Description").(string); !strings.HasSuffix(text, "[parley:"+string(someMarker)+"]") {
		t.Errorf("the marker does not stand in the text: %q", text)
	}
	found := tracker.(adapters.Prober).Probe(t.Context())
	if !slices.ContainsFunc(found, func(f adapters.Finding) bool {
		return f.Level == adapters.LevelWarning && strings.Contains(f.What, "Sync_Key__c") && f.Hint != ""
	}) {
		t.Errorf("the probe does not ask for the field: %+v", found)
	}
}

func TestTrap_AMarkerThatSomebodyElseWroteIsNotOurs(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{KeyField: true})
	tracker := s.open(t, nil)
	ref := byHand(t, s, "copied")
	s.Set(ref.ID, "Sync_Key__c", string(someMarker))
	s.Set(ref.ID, "Description", "text\n\n[parley:"+string(someMarker)+"]")
	ticket, err := tracker.Read(t.Context(), ref)
	if err != nil || ticket.Marker != "" {
		t.Errorf("somebody else's case has our marker %q, %v", ticket.Marker, err)
	}
	found, err := tracker.Find(t.Context(), event.Step{Kind: event.StepCreate, Marker: someMarker})
	if err != nil || found.Presence != event.FoundNone {
		t.Errorf("Find says %+v, %v; want none", found, err)
	}
}

func TestTrap_AQuoteIsNoPartOfTheQuery(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{})
	tracker := s.open(t, nil)
	people := tracker.(adapters.People)
	for _, query := range []string{`' OR Name != '`, `x' OR IsActive = true OR Name = 'x`, `\' OR Name != \'`, `\`, "'\n OR Name != '"} {
		found, err := people.FindUser(t.Context(), query)
		if err != nil || len(found) != 0 {
			t.Errorf("%q finds %v, %v; want nobody", query, found, err)
		}
	}
	w := makeCase(t, tracker, event.Fields{event.FieldReporter: map[string]any{"name": carol().Name}})
	if got := s.Value(w.Ref.ID, "ContactId"); got != carol().ID {
		t.Errorf("a name with a quote gives the contact %v, want %s", got, carol().ID)
	}
	_, err := tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: w.Ref, Fields: event.Fields{
		event.FieldAssignee: map[string]any{"name": `nobody' OR Name = 'Alice Agent`},
	}}, nil)
	wantError(t, "a name that would be a condition", err, adapters.ErrRejected)
	for _, query := range []string{"Status = 'New') OR (Id != null", "Status = 'New", ")", "Subject = 'it\\'s' OR (Id != null"} {
		_, _, err := tracker.List(t.Context(), query, "", 10)
		wantError(t, "the condition "+query, err, adapters.ErrConfiguration)
	}
	listed, _, err := tracker.List(t.Context(), "Subject = 'a ) case' OR Status = 'New'", "", 10)
	if err != nil || len(listed) != 1 {
		t.Errorf("a condition with OR lists %v, %v; want the case", listed, err)
	}
}

func TestTrap_AFieldThatIsHiddenIsNamed(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{KeyField: true, Hidden: []string{"Case.Reason"}})
	tracker := s.open(t, nil)
	w := makeCase(t, tracker, nil)
	schema, err := tracker.Schema(t.Context())
	if _, ok := schema.Fields["fields.Case Reason"]; err != nil || ok {
		t.Errorf("a hidden field is in the schema: %v, %v", ok, err)
	}
	s.Hide("Case.Sync_Key__c")
	create := event.Step{Kind: event.StepCreate, Marker: someMarker, Since: w.Ref.Created - 60}
	_, err = tracker.Find(t.Context(), create)
	wantError(t, "a query of a field that was hidden meanwhile", err, adapters.ErrConfiguration, "INVALID_FIELD", "Sync_Key__c", "see this field (field-level security)")
	if found, err := tracker.Find(t.Context(), create); err != nil || found.Presence != event.FoundNone {
		t.Errorf("after that Find says %+v, %v; want none in the texts", found, err)
	}
	s.Hide("Case.Description")
	_, err = s.open(t, nil).Read(t.Context(), w.Ref)
	wantError(t, "a case whose description is hidden", err, adapters.ErrConfiguration, "Description", "field-level security")
}

func TestTrap_ClosedIsWhatCaseStatusSays(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{})
	schema, err := s.open(t, nil).Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := schema.Fields[event.FieldStatus].Closed; !slices.Equal(got, []string{"Closed", "Merged away"}) {
		t.Errorf("closed are %q, want Closed and Merged away", got)
	}
}

func TestTrap_TheDailyLimitIsALimitAlthoughItIsA403(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{})
	tracker := s.open(t, nil)
	w := makeCase(t, tracker, nil)
	for words, least := range map[string]time.Duration{
		"TotalRequests Limit exceeded.": 15 * time.Minute, "ConcurrentPerOrgLongTxn Limit exceeded.": 0,
	} {
		for method, do := range map[string]func() error{
			http.MethodGet: func() error { _, err := tracker.Read(t.Context(), w.Ref); return err },
			http.MethodPatch: func() error {
				_, err := tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: w.Ref, Fields: event.Fields{event.FieldSummary: "x"}}, nil)
				return err
			},
		} {
			s.FailNext(matches(method, "/sobjects/Case/"), http.StatusForbidden, salesforcedouble.Problem("REQUEST_LIMIT_EXCEEDED", words))
			err := do()
			wantError(t, method+" at the limit", err, adapters.ErrLimited, "REQUEST_LIMIT_EXCEEDED")
			var known *adapters.Error
			if errors.As(err, &known); known.After != least {
				t.Errorf("%s: wait %v, want %v", words, known.After, least)
			}
		}
	}
}

func TestTrap_TheUsageOfCallsIsWatched(t *testing.T) {
	t.Parallel()
	for calls, level := range map[int]adapters.Level{5000: adapters.LevelOK, 8: adapters.LevelWarning} {
		s := startSite(t, salesforcedouble.Options{KeyField: true, Calls: calls})
		found := s.open(t, nil).(adapters.Prober).Probe(t.Context())
		last := found[len(found)-1]
		if last.Level != level || !strings.Contains(last.What, fmt.Sprint(" of the ", calls, " API calls")) {
			t.Errorf("of %d calls the probe says %+v, want %s", calls, last, level)
		}
	}
}

func TestTrap_ManyPagesOfRowsAreOneAnswer(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{Batch: 3})
	tracker := s.open(t, nil)
	ref := byHand(t, s, "talkative")
	for i := range 8 {
		if err := (hand{s}).Comment(t.Context(), ref.ID, fmt.Sprint("said ", i), false); err != nil {
			t.Fatal(err)
		}
	}
	ticket, err := tracker.Read(t.Context(), ref)
	if err != nil || len(ticket.Comments) != 8 {
		t.Errorf("got %d comments, %v; want 8", len(ticket.Comments), err)
	}
	if s.Served("GET", "/query/01g") == 0 {
		t.Error("no next page was asked for")
	}
}

func FuzzAnswers(f *testing.F) {
	fake := salesforcedouble.New(salesforcedouble.Options{
		Accounts: []salesforcedouble.Account{bot(), alice()}, KeyField: true, Apps: map[string]salesforcedouble.App{consumerKey: {Secret: consumerSecret}},
		Now: func() time.Time { return time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC) },
	})
	server := httptest.NewServer(fake)
	f.Cleanup(server.Close)
	h := hand{&site{Double: fake, url: server.URL}}
	id, key, err := h.Create(f.Context(), event.Fields{event.FieldSummary: "one", event.FieldDescription: "a\r\nb"})
	if err != nil {
		f.Fatal(err)
	}
	if err := errors.Join(h.Comment(f.Context(), id, "said", false), h.Attach(f.Context(), id, "a.txt", []byte("a"))); err != nil {
		f.Fatal(err)
	}
	adaptertest.FuzzAnswers(f, fake, event.Change{Ref: event.Ref{ID: id, Created: 1769860800}, Key: key}, func(t testing.TB, u *url.URL) adapters.Tracker {
		t.Helper()
		return open(t, u, nil)
	})
}
