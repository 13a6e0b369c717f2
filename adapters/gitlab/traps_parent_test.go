package gitlab_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/adapters/gitlab/gitlabdouble"
	"parley/sync/event"
)

func TestTrap_OnlyATaskIsPutBelowAnIssue(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	child, parent := b.ref(b.made("child")), b.ref(b.made("parent"))
	below := map[string]any{"id": parent.ID}
	for name, value := range map[string]any{
		"an issue": below, "of nobody": map[string]any{"id": "4711"}, "elsewhere": map[string]any{"id": "acme/other#7"}, "words": "#2",
	} {
		class(t, name, b.set(child, event.Fields{event.FieldParent: value}), adapters.ErrRejected)
	}
	b.must(b.set(child, event.Fields{event.FieldParent: nil}))
	b.must(b.set(child, event.Fields{event.FieldParent: below, event.FieldType: "task"}))
	want := map[string]any{"id": parent.ID, "key": "#" + parent.ID}
	if d := cmp.Diff(b.read(child).Fields[event.FieldParent], any(want)); d != "" {
		t.Errorf("parent (-got +want):\n%s", d)
	}
	b.must(b.set(parent, event.Fields{event.FieldType: "incident"}))
	class(t, "a task below itself", b.set(child, event.Fields{event.FieldParent: map[string]any{"id": child.ID}}), adapters.ErrRejected)
}

func TestTrap_AParentThatIsNotToldForCertainIsNotTakenForNone(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	id := b.made("child")
	ref := b.ref(id)
	b.must(b.set(ref, event.Fields{event.FieldType: "task"}))
	var item string
	answer := ""
	between(b, func(r *http.Request, given *httptest.ResponseRecorder) string {
		if !strings.HasSuffix(r.URL.Path, "/api/graphql") {
			return given.Body.String()
		}
		item = given.Body.String()
		item = item[strings.Index(item, "gid://"):]
		return strings.ReplaceAll(answer, "%s", item[:strings.Index(item, `"`)])
	})
	const widgets = `{"data":{"workItem":{"id":"%s","widgets":[`
	for given, want := range map[string]error{
		`{"errors":[{"message":"Field 'iid' doesn't exist on type 'WorkItem'"}]}`: adapters.ErrConfiguration,
		`{"data":{"workItem":null}}`:                          adapters.ErrTransient,
		`{"data":{"workItem":{"id":"gid://other"}}}`:          adapters.ErrTransient,
		`{"data":null}`:                                       adapters.ErrTransient,
		widgets + `{"type":"ASSIGNEES"}]}}}`:                  adapters.ErrConfiguration,
		widgets + `{},{"type":"HIERARCHY","parent":null}]}}}`: nil,
	} {
		answer = given
		_, err := b.tracker.Read(t.Context(), ref)
		class(t, given, err, want)
	}
	epic := `{"type":"HIERARCHY","parent":{"id":"gid://gitlab/WorkItem/9","iid":"3","project":%p}}]}}}`
	for _, project := range []string{"null", `{"fullPath":"acme/other"}`} {
		answer = widgets + strings.Replace(epic, "%p", project, 1)
		got := b.read(ref).Fields[event.FieldParent]
		if d := cmp.Diff(got, any(map[string]any{"id": "gid://gitlab/WorkItem/9", "key": "gid://gitlab/WorkItem/9"})); d != "" {
			t.Errorf("%s (-got +want):\n%s", project, d)
		}
	}
}

func TestTrap_AnIssueWhoseParentIsRefusedIsMade(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	parent := b.made("parent")
	w, err := b.tracker.Write(t.Context(), event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{
		event.FieldSummary: "no task", event.FieldParent: map[string]any{"id": parent}, event.FieldLinks: linked("relates to", "4711"),
	}}, nil)
	b.must(err)
	if want := "GitLab did not take these links: relates to #4711; the issue could not be put below its parent"; w.Partly != want {
		t.Errorf("told %q, want %q", w.Partly, want)
	}
	if got := fmt.Sprint(b.read(w.Ref).Fields[event.FieldSummary]); got != "no task" {
		t.Errorf("got %s", got)
	}
}

func TestTrap_AnEpicAboveAnIssueStays(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	ref := b.ref(b.made("below an epic"))
	between(b, func(r *http.Request, given *httptest.ResponseRecorder) string {
		if strings.HasSuffix(r.URL.Path, "/api/graphql") {
			t.Error("what is above an issue was asked for, or written")
		}
		return given.Body.String()
	})
	b.must(b.set(ref, event.Fields{event.FieldParent: nil, event.FieldSummary: "written"}))
	if got := b.read(ref).Fields; got[event.FieldParent] != nil || got[event.FieldSummary] != "written" {
		t.Errorf("got %v", got)
	}
}
