package redmine_test

import (
	"errors"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/redmine"
	"parley/sync/event"
)

// TestChanges_LeaveOutNothingWhileRowsMove moves issues while they are listed,
// and saves some with a time of up to ten seconds before, as a slow
// transaction does: whatever order and page size, each change is reported
// after it was made.
func TestChanges_LeaveOutNothingWhileRowsMove(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 1))
		f, u := newFake(t)
		tracker := openFake(t, u, nil)
		now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
		for range 5 {
			f.touch(0, now)
		}
		_, cursor, err := tracker.Changes(t.Context(), "", 10)
		if err != nil {
			t.Fatal(err)
		}
		waiting := map[string]time.Time{}
		steps := 120
		f.onList = func(f *fake) {
			if steps == 0 {
				return
			}
			steps--
			for range random.IntN(4) {
				// Several a second, now and then a jump.
				now = now.Add(time.Duration(random.IntN(300)) * time.Millisecond)
				if random.IntN(20) == 0 {
					now = now.Add(time.Minute)
				}
				at := now
				if random.IntN(4) == 0 {
					at = now.Add(-time.Duration(random.IntN(10)) * time.Second)
				}
				id := 0
				if random.IntN(3) > 0 {
					id = 1 + random.IntN(f.nextID-1)
				}
				waiting[strconv.Itoa(f.touch(id, at))] = at
			}
		}
		limit := 1 + random.IntN(6)
		for round := 0; steps > 0 || round < 400; round++ {
			before := snapshot(f, waiting)
			changes, next, err := tracker.Changes(t.Context(), cursor, limit)
			if err != nil {
				t.Fatal(err)
			}
			cursor = next
			for _, c := range changes {
				// What was touched again during the call may need another one.
				if at, ok := before[c.Ref.ID]; ok && at.Equal(snapshot(f, waiting)[c.Ref.ID]) {
					f.mu.Lock()
					delete(waiting, c.Ref.ID)
					f.mu.Unlock()
				}
			}
			if steps == 0 && len(snapshot(f, waiting)) == 0 {
				break
			}
		}
		if left := snapshot(f, waiting); len(left) > 0 {
			t.Fatalf("seed %d, limit %d: changes left out: %v (newest %v)", seed, limit, left, now)
		}
	}
}

func snapshot(f *fake, m map[string]time.Time) map[string]time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]time.Time{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

func TestChanges_AWrongKeyIsNoEmptyList(t *testing.T) {
	t.Parallel()
	f, u := newFake(t)
	f.touch(0, time.Unix(1_800_000_000, 0))
	_, cursor, err := openFake(t, u, nil).Changes(t.Context(), "", 10)
	if err != nil {
		t.Fatal(err)
	}
	wrong := openFake(t, u, map[string]string{"api_key": strings.Repeat("f", 40)})
	if _, _, err := wrong.Changes(t.Context(), cursor, 10); !errors.Is(err, adapters.ErrDenied) {
		t.Errorf("Changes with a wrong key: %v, want ErrDenied", err)
	}
	if _, _, err := wrong.List(t.Context(), "", "", 10); !errors.Is(err, adapters.ErrDenied) {
		t.Errorf("List with a wrong key: %v, want ErrDenied", err)
	}
}

func TestFind_AKeyRevokedInBetweenIsNoAbsence(t *testing.T) {
	t.Parallel()
	f, u := newFake(t)
	f.touch(0, time.Unix(1_800_000_000, 0))
	f.revoke = true
	found, err := openFake(t, u, nil).Find(t.Context(), event.Step{Kind: event.StepCreate, Marker: "abcdefghijklmnop"})
	if !errors.Is(err, adapters.ErrDenied) {
		t.Errorf("Find: %+v, %v; want ErrDenied", found, err)
	}
}

func TestChanges_ComeToAnEndForEveryLimit(t *testing.T) {
	t.Parallel()
	for limit := 1; limit <= 6; limit++ {
		f, u := newFake(t)
		tracker := openFake(t, u, nil)
		_, cursor, err := tracker.Changes(t.Context(), "", limit)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 4 {
			f.touch(0, time.Unix(1_800_000_000+int64(n/2), 0))
		}
		ended := false
		for range 20 {
			changes, next, err := tracker.Changes(t.Context(), cursor, limit)
			if err != nil {
				t.Fatal(err)
			}
			cursor, ended = next, len(changes) < limit
			if ended {
				break
			}
		}
		if !ended {
			t.Errorf("with a limit of %d four changes have no end", limit)
		}
	}
}

func TestList_RefusesWhatIsNoFilter(t *testing.T) {
	t.Parallel()
	_, u := newFake(t)
	tracker := openFake(t, u, nil)
	for _, query := range []string{"limit=5", "key=abc", "sort=id", "issue_id=1", "a b=c", "tracker_id=1&tracker_id=2", "%zz", "f[]=x"} {
		if _, _, err := tracker.List(t.Context(), query, "", 10); !errors.Is(err, adapters.ErrConfiguration) {
			t.Errorf("List(%q): %v, want ErrConfiguration", query, err)
		}
	}
}

// issueAnswer is an issue as GET shows it; %s stands for more members.
func issueAnswer(more string) string {
	return `{"issue":{"id":1,"project":{"id":1,"name":"Sync"},"tracker":{"id":1,"name":"Bug"},"status":{"id":1,"name":"New"},
	"priority":{"id":2,"name":"Normal"},"author":{"id":5,"name":"Sync Bot"},"subject":"x","description":"a\r\nb","is_private":false,
	"created_on":"2026-01-31T12:00:00Z","updated_on":"2026-01-31T12:00:00Z"` + more + `}}`
}

func fakeIssue(t *testing.T, more string) (*fake, adapters.Tracker, event.Ref) {
	t.Helper()
	f, u := newFake(t)
	f.answers["GET /issues/1.json"] = issueAnswer(more)
	f.answers["GET /projects/1.json"] = `{"project":{"id":1,"name":"Sync","identifier":"sync"}}`
	return f, openFake(t, u, nil), event.Ref{ID: "1", Created: 1769860800}
}

func TestRead_ANoteThatDoesNotSayIsInternal(t *testing.T) {
	t.Parallel()
	_, tracker, ref := fakeIssue(t, `,"journals":[
		{"id":1,"user":{"id":6,"name":"Alice"},"notes":"says nothing","created_on":"2026-01-31T12:00:01Z","details":[]},
		{"id":2,"user":{"id":6,"name":"Alice"},"notes":"public","created_on":"2026-01-31T12:00:02Z","private_notes":false,"details":[]},
		{"id":3,"user":{"id":6,"name":"Alice"},"notes":"","created_on":"2026-01-31T12:00:03Z","private_notes":false,"details":[{"property":"attr","name":"status_id","old_value":"1","new_value":"2"}]}]`)
	ticket, err := tracker.Read(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if len(ticket.Comments) != 2 || !ticket.Comments[0].Internal || ticket.Comments[1].Internal {
		t.Errorf("got comments %+v, want an internal one and a public one", ticket.Comments)
	}
}

func TestRead_OnlyOurOwnTextHasAMarker(t *testing.T) {
	t.Parallel()
	const line = `hello\n\n<!-- parley:abcdefghijklmnop -->`
	_, tracker, ref := fakeIssue(t, `,"journals":[
		{"id":1,"user":{"id":6,"name":"Alice"},"notes":"`+line+`","created_on":"2026-01-31T12:00:01Z","private_notes":false},
		{"id":2,"user":{"id":5,"name":"Sync Bot"},"notes":"`+line+`\n\na person's addition","created_on":"2026-01-31T12:00:02Z","private_notes":false}]`)
	ticket, err := tracker.Read(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if c := ticket.Comments[0]; c.Marker != "" || !strings.Contains(c.Body, "parley") {
		t.Errorf("somebody else's text: %+v, want no marker and the text whole", c)
	}
	if c := ticket.Comments[1]; c.Marker != "abcdefghijklmnop" || c.Body != "hello\n\na person's addition" {
		t.Errorf("our text: %+v, want the marker and the text without it", c)
	}
}

func TestRead_AnotherIssueUnderTheIDIsGone(t *testing.T) {
	t.Parallel()
	_, tracker, ref := fakeIssue(t, "")
	ref.Created--
	if _, err := tracker.Read(t.Context(), ref); !errors.Is(err, adapters.ErrGone) {
		t.Errorf("Read: %v, want ErrGone", err)
	}
}

func TestWrite_APrivateNoteIsNotWrittenWhereItWouldBePublic(t *testing.T) {
	t.Parallel()
	f, tracker, ref := fakeIssue(t, `,"allowed_statuses":[]`)
	_, err := tracker.Write(t.Context(), event.Step{
		Kind: event.StepComment, Ref: ref, Comment: &event.CommentWrite{Body: "secret", Internal: true},
	}, nil)
	if !errors.Is(err, adapters.ErrDenied) || len(f.writes) > 0 {
		t.Errorf("Write: %v and requests %q, want ErrDenied and none", err, f.writes)
	}
}

func TestWrite_AStatusThatIsNotAllowedIsNotAskedFor(t *testing.T) {
	t.Parallel()
	f, tracker, ref := fakeIssue(t, `,"allowed_statuses":[{"id":1,"name":"New"},{"id":2,"name":"In Progress"}]`)
	_, err := tracker.Write(t.Context(), event.Step{
		Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldStatus: "Closed"},
	}, nil)
	if !errors.Is(err, adapters.ErrRejected) || !strings.Contains(err.Error(), `"In Progress"`) || len(f.writes) > 0 {
		t.Errorf("Write: %v and requests %q, want ErrRejected with what is allowed, and none", err, f.writes)
	}
}

func TestOpen_SaysWhatIsWrongWithTheSettings(t *testing.T) {
	t.Parallel()
	u, _ := url.Parse("https://redmine.example.org")
	for name, change := range map[string]map[string]string{
		"api_key":         {"api_key": ""},
		"projects":        {"projects": "Has Spaces"},
		"text_formatting": {"text_formatting": "word"},
		"field_types":     {"field_types": "Cost=money"},
		"page_size":       {"page_size": "1000"},
	} {
		settings := map[string]string{"api_key": goodKey}
		for k, v := range change {
			settings[k] = v
		}
		_, err := redmine.Kind().Open(adapters.Options{URL: u, Settings: settings})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if _, err := redmine.Kind().Open(adapters.Options{Settings: map[string]string{"api_key": goodKey}}); err == nil {
		t.Error("no address is no error")
	}
	if kind := redmine.Kind(); !slices.ContainsFunc(kind.Settings, func(s adapters.Setting) bool { return s.Name == "api_key" && s.Secret && s.Required }) {
		t.Error("api_key is not declared as a secret")
	}
}

// TestChanges_AClockThatIsSetBackHidesNothing: also where issues bear times that have
// not come again yet, and where nobody polled meanwhile.
func TestChanges_AClockThatIsSetBackHidesNothing(t *testing.T) {
	t.Parallel()
	for _, back := range []time.Duration{20 * time.Second, time.Hour, 24 * time.Hour, 30 * 24 * time.Hour} {
		t.Run(back.String(), func(t *testing.T) {
			t.Parallel()
			f, u := newFake(t)
			present := func() time.Time { return time.Now().Add(f.ahead) }
			f.touch(0, present().Add(-time.Hour))
			f.touch(0, present())
			cursor := event.Cursor("")
			sees := func(tracker adapters.Tracker) (ids []string) {
				for range 20 {
					changes, next, err := tracker.Changes(t.Context(), cursor, 10)
					if err != nil {
						t.Fatal(err)
					}
					for _, c := range changes {
						ids = append(ids, c.Ref.ID)
					}
					if cursor = next; len(changes) < 10 && len(ids) > 0 {
						break
					}
				}
				return ids
			}
			tracker := openFake(t, u, nil)
			sees(tracker)
			sees(tracker)
			f.mu.Lock()
			f.ahead = -back
			late := strconv.Itoa(f.touch(0, present()))
			f.mu.Unlock()
			// Another process may be the first to notice.
			tracker = openFake(t, u, nil)
			if got := sees(tracker); !slices.Contains(got, late) {
				t.Errorf("saw %v, want %s too", got, late)
			}
			// Once it was noticed, what comes next is seen as well.
			for range 3 {
				f.mu.Lock()
				late = strconv.Itoa(f.touch(0, present().Add(time.Second)))
				f.mu.Unlock()
				if got := sees(tracker); !slices.Contains(got, late) {
					t.Errorf("saw %v later, want %s too", got, late)
				}
			}
		})
	}
}
