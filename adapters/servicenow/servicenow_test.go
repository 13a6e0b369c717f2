package servicenow_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/adapters/adaptertest"
	"parley/adapters/internal/contract"
	"parley/adapters/servicenow"
	"parley/adapters/servicenow/servicenowdouble"
	"parley/sync/event"
)

func TestOpen_TellsWhichSettingIsWrong(t *testing.T) {
	t.Parallel()
	good := map[string]string{"user": "svc.parley", "password": "p"}
	for _, c := range []struct{ name, key, value, want string }{
		{"good", "", "", ""},
		{"no user", "user", " ", "user"},
		{"no credential", "password", "", "password"},
		{"two credentials", "api_key", "k", "api_key"},
		{"a client without a secret", "client_id", "c", "client_id"},
		{"a table's label", "table", "Incident", "table"},
		{"a query that cannot be checked", "query", "opened_atONToday@x", "query"},
		{"a query with an order", "query", "active=true^ORDERBYnumber", "query"},
		{"a priority of no kind", "priority", "high", "priority"},
		{"a history of no kind", "history", "maybe", "history"},
		{"files of no kind", "poll_files", "1", "poll_files"},
		{"a language with a script", "language", "javascript:x", "language"},
		{"a lag without a unit", "lag", "60", "lag"},
		{"a lag of a day", "lag", "24h", "lag"},
		{"a page of none", "page_size", "0", "page_size"},
		{"a page of words", "page_size", "ten", "page_size"},
	} {
		set := maps.Clone(good)
		if c.key != "" {
			set[c.key] = c.value
		}
		if c.key == "client_id" {
			delete(set, "password")
		}
		tracker, err := servicenow.Kind().Open(adapters.Options{URL: &url.URL{Scheme: "https", Host: "acme.invalid"}, Settings: set})
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			if err := tracker.Close(); err != nil {
				t.Error(err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want one that names %s", c.name, err, c.want)
		}
	}
	if _, err := servicenow.Kind().Open(adapters.Options{Settings: good}); err == nil {
		t.Error("no address is taken")
	}
}

// TestDouble_ItsBodiesAreLikeRecordedOnes: no column of an incident is missing, and none
// is there that ServiceNow does not have, but for those that a customer adds.
func TestDouble_ItsBodiesAreLikeRecordedOnes(t *testing.T) {
	t.Parallel()
	dir, err := contract.Dir()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Logf("the double is not held to recorded bodies: %v", err)
		return
	}
	b := newBench(t, servicenowdouble.Options{}, nil)
	id, _ := b.made("one")
	b.must(b.hand.Attach(t.Context(), id, "a.txt", []byte("a")))
	for path, file := range map[string]string{
		"table/incident":                     "Table/createRecordInTable-default.json",
		"table/sys_attachment?sysparm_limit": "Attachment/uploadAttachment-default.json",
	} {
		raw, err := os.ReadFile(filepath.Join(dir, "servicenow", "recorded", file))
		b.must(err)
		var want struct{ Result map[string]any }
		b.must(json.Unmarshal(raw, &want))
		var got struct{ Result []map[string]any }
		b.must(b.hand.do(t.Context(), http.MethodGet, strings.Replace(path, "limit", "limit=1", 1), "application/json", nil, &got))
		names := slices.DeleteFunc(slices.Sorted(maps.Keys(got.Result[0])), func(s string) bool {
			return strings.HasPrefix(s, "u_") || s == "hash" || s == "download_link"
		})
		wanted := slices.DeleteFunc(slices.Sorted(maps.Keys(want.Result)), func(s string) bool { return s == "download_link" })
		if !slices.Equal(names, wanted) {
			t.Errorf("%s has\n%q, recorded is\n%q", path, names, wanted)
		}
	}
}

func TestHook_WhatIsNotATicketIsAHintOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t, servicenowdouble.Options{}, nil)
	ref := event.Ref{ID: strings.Repeat("0", 32), Created: 1_700_000_000}
	hooked := b.tracker.(adapters.Hooked)
	good := deliver(t, ref, "INC0010001")
	for name, body := range map[string]string{
		"another table": strings.Replace(string(good.Body), `"incident"`, `"problem"`, 1), "no JSON": "x", "nothing": "{}", "a list": "[]",
		"no id": strings.Replace(string(good.Body), ref.ID, "1", 1), "no time": strings.Replace(string(good.Body), "2023-", "x", 1),
	} {
		hint, err := hooked.Hook(signed(body, good.At))
		if err != nil || len(hint.Tickets) != 0 || hint.Once == "" {
			t.Errorf("%s: got %+v, %v; want a hint without a ticket", name, hint, err)
		}
	}
	late := good
	late.At = good.At.Add(time.Hour)
	_, err := hooked.Hook(late)
	b.is("an hour later", err, adapters.ErrDenied)
	b.open(map[string]string{adapters.SettingHookSecret: ""})
	_, err = b.tracker.(adapters.Hooked).Hook(good)
	b.is("without a secret", err, adapters.ErrDenied)
}

func FuzzAnswers(f *testing.F) {
	opt := servicenowdouble.Options{
		Accounts: []servicenowdouble.Account{bot(), alice()}, Now: func() time.Time { return time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC) },
	}
	fake := servicenowdouble.New(opt)
	s := &site{Double: fake, url: newServer(f, fake)}
	h := hand{s}
	id, key, err := h.Create(f.Context(), event.Fields{event.FieldSummary: "one", event.FieldDescription: "a\r\nb"})
	if err != nil {
		f.Fatal(err)
	}
	if err := errors.Join(h.Comment(f.Context(), id, "said", false), h.Attach(f.Context(), id, "a.txt", []byte("a"))); err != nil {
		f.Fatal(err)
	}
	ref := event.Ref{ID: id, Created: 1769860800}
	adaptertest.FuzzAnswers(f, fake, event.Change{Ref: ref, Key: key}, func(t testing.TB, u *url.URL) adapters.Tracker {
		t.Helper()
		return s.open(t, u, nil)
	})
}

// TestTable_OtherTasksAreKeptInStepToo: with the states of their own dictionary.
func TestTable_OtherTasksAreKeptInStepToo(t *testing.T) {
	t.Parallel()
	b := newBench(t, servicenowdouble.Options{}, map[string]string{"table": "problem", "close_code": "", "close_notes": "Done over there"})
	schema, err := b.tracker.Schema(t.Context())
	b.must(err)
	status := schema.Fields[event.FieldStatus]
	if !slices.Equal(status.Options, []string{"Pending", "Open", "Work in Progress", "Closed Complete", "Closed Incomplete"}) ||
		!slices.Equal(status.Closed, []string{"Closed Incomplete"}) {
		t.Errorf("the status is %+v", status)
	}
	if schema.Fields["fields.Urgency"].Writable || !schema.Fields["fields.Impact"].Writable {
		t.Error("what the table overrides in the dictionary is not in the schema")
	}
	w, err := b.tracker.Write(t.Context(), event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{
		event.FieldProject: "problem", event.FieldSummary: "root cause", event.FieldStatus: "Work in Progress",
	}}, nil)
	b.must(err)
	_, err = b.say(w.Ref, "bbbbbbbbbbbbbbbb", "found", true)
	b.must(err)
	_, parent := b.made("an incident")
	b.must(b.set(w.Ref, event.Fields{event.FieldStatus: "Closed Incomplete"}))
	ticket := b.read(w.Ref)
	if ticket.Marker != mark || len(ticket.Comments) != 1 || !ticket.Comments[0].Internal || ticket.Fields[event.FieldStatus] != "Closed Incomplete" ||
		ticket.Fields["fields.Close notes"] != "Done over there" || ticket.Fields[event.FieldType] != "problem" || ticket.Key[:3] != "PRB" {
		t.Errorf("got %+v", ticket)
	}
	if found := b.listed("", 10); len(found) != 1 {
		t.Errorf("listed %v, want the problem alone", found)
	}
	if _, err := b.tracker.Locate(t.Context(), parent); !errors.Is(err, adapters.ErrGone) {
		t.Errorf("an incident among problems: %v", err)
	}
	b.is("a type of another table", b.set(w.Ref, event.Fields{event.FieldType: "incident"}), adapters.ErrRejected)
}

func TestPriority_IsWrittenOnlyWhereItIsNotCalculated(t *testing.T) {
	t.Parallel()
	b := newBench(t, servicenowdouble.Options{}, nil)
	_, key := b.made("urgent")
	ref := b.ref(key)
	b.is("a priority that is calculated", b.set(ref, event.Fields{event.FieldPriority: "1 - Critical"}), adapters.ErrRejected)
	b.must(b.set(ref, event.Fields{"fields.Impact": "1 - High", "fields.Urgency": "1 - High"}))
	if got := b.read(ref).Fields[event.FieldPriority]; got != "1 - Critical" {
		t.Errorf("the priority is %v", got)
	}
	b.open(map[string]string{"priority": "written"})
	schema, err := b.tracker.Schema(t.Context())
	b.must(err)
	if !schema.Fields[event.FieldPriority].Writable {
		t.Error("a priority that is written is not writable")
	}
}

func TestParent_IsReadAndWrittenAndLinksAreRead(t *testing.T) {
	t.Parallel()
	b := newBench(t, servicenowdouble.Options{}, nil)
	_, parentKey := b.made("parent")
	_, key := b.made("child")
	parent, ref := b.ref(parentKey), b.ref(key)
	b.must(b.set(ref, event.Fields{event.FieldParent: map[string]any{"id": parent.ID}}))
	got, _ := b.read(ref).Fields[event.FieldParent].(map[string]any)
	if got["id"] != parent.ID || got["key"] != parentKey {
		t.Errorf("the parent is %v", got)
	}
	_, err := b.tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldLinks: event.LinksValue([]event.Link{{Type: "Parent", ID: parent.ID}})}}, nil)
	b.is("links", err, adapters.ErrRejected)
	b.must(b.hand.set(t.Context(), ref.ID, map[string]any{"parent": parent.ID}))
	if got := b.read(ref).Fields[event.FieldLinks]; !cmp.Equal(got, event.LinksValue([]event.Link{{Type: "Parent", ID: parent.ID, Key: parentKey}})) {
		t.Errorf("the links are %v", got)
	}
	b.is("a parent of elsewhere", b.set(ref, event.Fields{event.FieldParent: map[string]any{"id": "SUP-1"}}), adapters.ErrRejected)
	b.must(b.set(ref, event.Fields{event.FieldParent: nil}))
	if got := b.read(ref).Fields[event.FieldParent]; got != nil {
		t.Errorf("the parent is %v after it was emptied", got)
	}
}
