package github_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/adapters/github/githubdouble"
	"parley/sync/event"
)

func TestTrap_WhatWouldBeDroppedSilentlyIsRefused(t *testing.T) {
	t.Parallel()
	opt := organisation()
	opt.Accounts = []githubdouble.Account{{ID: 50, Login: "reader", Token: "github_pat_reader", Role: "read"}}
	b := newBench(t, opt, map[string]string{"token": "github_pat_reader"})
	schema, err := b.tracker.Schema(t.Context())
	b.must(err)
	for name, v := range map[string]any{
		event.FieldLabels: []any{"bug"}, event.FieldAssignee: person(alice()), "fields.Milestone": "1.0",
		event.FieldType: "Bug", "fields.Severity": "major",
	} {
		if schema.Fields[name].Writable {
			t.Errorf("the schema says that a reader may write %s", name)
		}
		_, err := b.write(event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{event.FieldSummary: "x", name: v}})
		class(t, name, err, adapters.ErrRejected)
	}
	if n := b.site.check.Finish()["POST /repos/{owner}/{repo}/issues"]; n > 0 {
		t.Errorf("%d issues were made all the same", n)
	}
}

func TestTrap_WhoCannotBeAssignedIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{}, nil)
	ref := b.ref(b.made("to assign"))
	class(t, "a stranger", b.set(ref, event.Fields{event.FieldAssignee: person(stranger())}), adapters.ErrRejected)
	class(t, "nobody", b.set(ref, event.Fields{event.FieldAssignee: map[string]any{"id": "5", "name": "no such person"}}), adapters.ErrRejected)
	if got := b.fields(ref)[event.FieldAssignee]; got != nil {
		t.Errorf("the issue is assigned to %v", got)
	}
	b.must(b.set(ref, event.Fields{event.FieldAssignee: map[string]any{"id": "712020:alice", "name": alice().Login}}))
	if d := cmp.Diff(b.fields(ref)[event.FieldAssignee], any(person(alice()))); d != "" {
		t.Errorf("by name: %s", d)
	}
}

func TestTrap_LabelsAndPeopleOfOthersStay(t *testing.T) {
	t.Parallel()
	var b *bench
	var id string
	var once sync.Once
	var replaced atomic.Int32
	b = newBench(t, githubdouble.Options{Before: func(r *http.Request) {
		if r.Method == http.MethodPatch {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			if bytes.Contains(body, []byte(`"labels"`)) || bytes.Contains(body, []byte(`"assignees"`)) {
				replaced.Add(1)
			}
		}
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/labels") && !strings.Contains(r.Header.Get("User-Agent"), "Go-http") {
			// A person is faster by a moment.
			once.Do(func() {
				_ = b.hand.do(context.Background(), http.MethodPost, "issues/"+id+"/labels", map[string]any{"labels": []string{"theirs"}}, nil)
				_ = b.hand.do(context.Background(), http.MethodPost, "issues/"+id+"/assignees", map[string]any{"assignees": []string{alice().Login}}, nil)
			})
		}
	}}, nil)
	id = b.made("labelled")
	ref := b.ref(id)
	b.must(b.set(ref, event.Fields{event.FieldLabels: []any{"Bug", "ours"}, event.FieldAssignee: person(bot())}))
	got := b.fields(ref)
	if d := cmp.Diff(got[event.FieldLabels], any([]any{"bug", "ours", "theirs"})); d != "" {
		t.Errorf("labels (-got +want):\n%s", d)
	}
	if d := cmp.Diff(got["fields.Assignees"], any([]any{person(alice()), person(bot())})); d != "" {
		t.Errorf("assignees (-got +want):\n%s", d)
	}
	b.must(b.set(ref, event.Fields{event.FieldLabels: []any{"theirs"}, "fields.Assignees": []any{person(alice())}}))
	if got := b.fields(ref); cmp.Diff(got[event.FieldLabels], any([]any{"theirs"})) != "" || got["fields.Assignees"].([]any)[0] == nil || len(got["fields.Assignees"].([]any)) != 1 {
		t.Errorf("got %v and %v", got[event.FieldLabels], got["fields.Assignees"])
	}
	if replaced.Load() > 0 {
		t.Error("labels or assignees were replaced as a whole")
	}
}

func TestTrap_AReasonGoesWithTheStateOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{}, nil)
	ref := b.ref(b.made("to close"))
	class(t, "a reason for an open issue", b.set(ref, event.Fields{event.FieldResolution: "completed"}), adapters.ErrRejected)
	class(t, "an unknown reason", b.set(ref, event.Fields{event.FieldStatus: "closed", event.FieldResolution: "Fixed"}), adapters.ErrRejected)
	b.must(b.set(ref, event.Fields{event.FieldStatus: "closed", event.FieldResolution: "not_planned"}))
	want := func(status, resolution any) {
		t.Helper()
		if got := b.fields(ref); got[event.FieldStatus] != status || got[event.FieldResolution] != resolution {
			t.Errorf("got %v and %v, want %v and %v", got[event.FieldStatus], got[event.FieldResolution], status, resolution)
		}
	}
	want("closed", "not_planned")
	// GitHub ignores a reason where the state stays, and it reads back so.
	b.must(b.set(ref, event.Fields{event.FieldResolution: "duplicate"}))
	want("closed", "not_planned")
	b.must(b.set(ref, event.Fields{event.FieldStatus: "open", event.FieldResolution: nil}))
	want("open", nil)
	w, err := b.write(event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{
		event.FieldSummary: "made closed", event.FieldStatus: "closed", event.FieldResolution: "duplicate",
	}})
	b.must(err)
	ref = w.Ref
	want("closed", "duplicate")
}

func TestTrap_APersonsRepositoryHasNeitherTypesNorFields(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{Personal: true}, nil)
	schema, err := b.tracker.Schema(t.Context())
	b.must(err)
	if len(schema.Types) > 0 || schema.Fields[event.FieldType].Writable || len(schema.Projects) != 1 {
		t.Errorf("got types %v, %+v", schema.Types, schema.Fields[event.FieldType])
	}
	w, err := b.write(event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{event.FieldSummary: "plain", event.FieldLabels: []any{"bug"}}})
	b.must(err)
	if got := b.fields(w.Ref)[event.FieldLabels]; cmp.Diff(got, any([]any{"bug"})) != "" {
		t.Errorf("labels are %v", got)
	}
}

func TestTrap_NamesInForeignTextCallNobody(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{}, nil)
	const text = "@alice-acme said in #1: `@Override`"
	w, err := b.write(event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{event.FieldSummary: "x", event.FieldDescription: text}})
	b.must(err)
	var raw struct{ Body string }
	b.must(b.hand.do(t.Context(), http.MethodGet, "issues/"+w.Ref.ID, nil, &raw))
	if strings.Contains(raw.Body, "@alice") || strings.Contains(raw.Body, "#1") || !strings.Contains(raw.Body, "`@Override`") {
		t.Errorf("GitHub has %q", raw.Body)
	}
	if got := b.fields(w.Ref)[event.FieldDescription]; got != text {
		t.Errorf("it reads as %q, want %q", got, text)
	}
}

func TestTrap_HistoryTellsWhoChangedWhat(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{}, nil)
	id := b.made("first")
	ref := b.ref(id)
	b.must(b.set(ref, event.Fields{event.FieldLabels: []any{"one", "two"}}))
	b.must(b.hand.do(t.Context(), http.MethodDelete, "issues/"+id+"/labels/one", nil, nil))
	b.must(b.set(ref, event.Fields{event.FieldStatus: "closed", event.FieldResolution: "not_planned"}))
	history, ok := b.tracker.(adapters.Historian)
	if !ok {
		t.Fatal("there is no history")
	}
	all, err := history.History(t.Context(), ref, time.Time{})
	b.must(err)
	var got []string
	for _, e := range all {
		got = append(got, fmt.Sprintf("%s %v %v %v", e.Field, e.Own, e.Old, e.New))
	}
	want := []string{
		"labels true <nil> [one]", "labels true [one] [one two]", "labels false [one two] [two]",
		"status true open closed", "resolution true <nil> not_planned",
	}
	if d := cmp.Diff(got, want); d != "" {
		t.Errorf("(-got +want):\n%s", d)
	}
}

func TestTrap_AParentIsSetChangedAndTakenAway(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{}, nil)
	one, two, child := b.made("one"), b.made("two"), b.ref(b.made("child"))
	for _, id := range []string{one, two} {
		want := map[string]any{"id": id, "key": "#" + id}
		b.must(b.set(child, event.Fields{event.FieldParent: want}))
		if d := cmp.Diff(b.fields(child)[event.FieldParent], any(want)); d != "" {
			t.Errorf("the parent (-got +want):\n%s", d)
		}
	}
	b.must(b.set(child, event.Fields{event.FieldParent: nil}))
	if got := b.fields(child)[event.FieldParent]; got != nil {
		t.Errorf("the parent is %v, want none", got)
	}
	class(t, "a parent that is not there", b.set(child, event.Fields{event.FieldParent: map[string]any{"id": "99"}}), adapters.ErrRejected)
}
