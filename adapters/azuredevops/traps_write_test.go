package azuredevops_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/adapters/azuredevops/azuredevopsdouble"
	"parley/sync/event"
)

// raw is a work item as Azure DevOps has it.
func (b *bench) raw(ref event.Ref) (out struct {
	Fields    map[string]any
	Relations []map[string]any
},
) {
	b.Helper()
	b.must(b.alice.do(b.Context(), http.MethodGet, "_apis/wit/workitems/"+ref.ID+"?$expand=all", "", nil, &out))
	return out
}

func TestTrap_APatchOfAnOlderRevisionIsRefused(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{false, true} {
		b := newBench(t, azuredevopsdouble.Options{Conflict409: old}, nil)
		ref := b.create(mark, nil)
		lock := b.read(ref).Lock
		// Alice is faster, but only after the adapter has looked.
		raced := false
		b.s.before = func(r *http.Request) {
			if r.Method == http.MethodPatch && !raced && strings.Contains(r.Header.Get("User-Agent"), "Parley") {
				raced = true
				b.must(b.alice.Edit(t.Context(), ref.ID, event.Fields{event.FieldSummary: "Alice was faster"}))
			}
		}
		step := event.Step{Ref: ref, Lock: lock, Fields: event.Fields{event.FieldSummary: "late"}, Comment: &event.CommentWrite{Body: "late"}, Marker: mark}
		if err := b.update(step); !errors.Is(err, adapters.ErrChanged) {
			t.Errorf("409: %v: got %v, want ErrChanged", old, err)
		}
		ticket := b.read(ref)
		if ticket.Fields[event.FieldSummary] != "Alice was faster" || len(ticket.Comments) != 0 || !raced {
			t.Errorf("409: %v: the work item has %v and %+v", old, ticket.Fields[event.FieldSummary], ticket.Comments)
		}
	}
}

func TestTrap_TagsOfAPersonAreNotLostInARace(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	ref := b.create(mark, event.Fields{event.FieldLabels: []any{"one", "two"}})
	if got := b.raw(ref).Fields["System.Tags"]; got != "one; parley:"+string(mark)+"; two" {
		t.Errorf("the tags are %v", got)
	}
	times := 0
	b.s.before = func(r *http.Request) {
		if times++; r.Method == http.MethodPatch && strings.Contains(r.Header.Get("User-Agent"), "Parley") && b.s.Served("PATCH _apis/wit/workitems/{id}") == 0 {
			b.must(b.alice.set(t.Context(), ref.ID, "System.Title", "Alice was faster"))
		}
	}
	b.must(b.update(event.Step{Ref: ref, Fields: event.Fields{event.FieldLabels: []any{"two", "three"}}}))
	ticket := b.read(ref)
	if d := cmp.Diff(ticket.Fields[event.FieldLabels], any([]any{"three", "two"})); d != "" || ticket.Marker != mark || ticket.Fields[event.FieldSummary] != "Alice was faster" {
		t.Errorf("labels (-got +want): %s; marker %q, %v", d, ticket.Marker, ticket.Fields[event.FieldSummary])
	}
	// Alice's edit, the refused patch and the one that was taken.
	if n := b.s.Served("PATCH _apis/wit/workitems/{id}"); n != 3 {
		t.Errorf("%d patches, want 3: one must have been refused", n)
	}
	b.must(b.update(event.Step{Ref: ref, Fields: event.Fields{event.FieldLabels: nil}}))
	if ticket := b.read(ref); ticket.Fields[event.FieldLabels] != nil || ticket.Marker != mark {
		t.Errorf("without labels there are %v and the marker %q", ticket.Fields[event.FieldLabels], ticket.Marker)
	}
	for _, bad := range []string{"a;b", "a,b", "parley:" + string(mark), " "} {
		if err := b.update(event.Step{Ref: ref, Fields: event.Fields{event.FieldLabels: []any{bad}}}); !errors.Is(err, adapters.ErrRejected) {
			t.Errorf("the label %q: %v, want ErrRejected", bad, err)
		}
	}
}

func TestTrap_TheMarkerOfACommentIsALineThatSurvivesTheCleanUp(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	ref := b.create(mark, nil)
	const m, forged = event.Marker("qrstuvwxyz234567"), "[parley:aaaaaaaaaaaaaaaa]"
	for _, body := range []string{"plain", "```\nnever closed", "- a list", "> a quote", "<!-- a note -->", "", forged} {
		step := event.Step{Kind: event.StepComment, Ref: ref, Marker: m, Comment: &event.CommentWrite{Body: body}}
		w, err := b.tracker.Write(t.Context(), step, nil)
		b.must(err)
		all := b.read(ref).Comments
		n := slices.IndexFunc(all, func(c event.Comment) bool { return c.ID == w.Item })
		if n < 0 || all[n].Marker != m || strings.Contains(all[n].Body, string(m)) {
			t.Errorf("%q was written as %s and reads %+v", body, w.Item, all)
		}
	}
	var out struct{ Comments []struct{ Text string } }
	b.must(b.alice.do(t.Context(), http.MethodGet, project+"/_apis/wit/workItems/"+ref.ID+"/comments", "", nil, &out))
	for _, c := range out.Comments {
		if !strings.HasSuffix(c.Text, "<p>[parley:"+string(m)+"]</p>") {
			t.Errorf("a comment is kept as %q, want the marker in a line that is seen", c.Text)
		}
	}
	// What a person writes is no marker.
	b.must(b.alice.Comment(t.Context(), ref.ID, forged, false))
	for _, c := range b.read(ref).Comments {
		if c.Author.ID == alice().ID && (c.Marker != "" || !strings.Contains(c.Body, "aaaaaaaaaaaaaaaa")) {
			t.Errorf("a person's comment has a marker: %+v", c)
		}
	}
}

func TestTrap_AMarkerThatSomebodyCopiedIsNotOurs(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]map[string]string{"tag": nil, "field": {"marker_field": "Custom.ParleyMarker"}} {
		b := newBench(t, azuredevopsdouble.Options{}, change)
		ref := b.create(mark, nil)
		copied := b.raw(ref).Fields
		ops := []op{{"op": "add", "path": "/fields/System.Title", "value": "a copy"}}
		for _, field := range []string{"System.Tags", "Custom.ParleyMarker"} {
			if copied[field] != nil {
				ops = append(ops, op{"op": "add", "path": "/fields/" + field, "value": copied[field]})
			}
		}
		var made struct{ ID json.Number }
		b.must(b.alice.patch(t.Context(), http.MethodPost, project+"/_apis/wit/workitems/$Task", &made, ops...))
		found, err := b.tracker.Find(t.Context(), event.Step{Kind: event.StepCreate, Marker: mark})
		if err != nil || found.Presence != event.FoundOne || found.Written.Ref != ref || len(ops) != 2 {
			t.Errorf("%s: Find says %+v, %v; want one at %v, with a copy of %d fields beside it", name, found, err, ref, len(ops))
		}
		at, err := b.tracker.Locate(t.Context(), made.ID.String())
		b.must(err)
		if got := b.read(at.Ref).Marker; got != "" {
			t.Errorf("%s: the copy has the marker %q", name, got)
		}
	}
}

func TestTrap_StatesFollowTheTransitionsOfTheType(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	ref := b.create(mark, event.Fields{event.FieldStatus: "Doing"}) // a create takes the first state only
	ticket := b.read(ref)
	if ticket.Fields[event.FieldStatus] != "Doing" || !slices.Equal(ticket.Next, []string{"To Do", "Done"}) {
		t.Errorf("the work item is %v, and may become %q", ticket.Fields[event.FieldStatus], ticket.Next)
	}
	b.must(b.update(event.Step{Ref: ref, Fields: event.Fields{event.FieldStatus: "Done"}}))
	err := b.update(event.Step{Ref: ref, Fields: event.Fields{event.FieldStatus: "To Do", event.FieldSummary: "x"}})
	if !errors.Is(err, adapters.ErrRejected) || !strings.Contains(err.Error(), `["Doing"]`) {
		t.Errorf("a state that does not follow: %v, want what does", err)
	}
	// What only the rules know is refused by Azure DevOps, and nothing is written.
	b.s.FailNext(anyPatch, http.StatusBadRequest, nil, map[string]any{"message": "TF401320: Rule Error for field Resolved Reason. Error code: Required.", "typeKey": "RuleValidationException"})
	err = b.update(event.Step{Ref: ref, Fields: event.Fields{event.FieldStatus: "Doing"}})
	var known *adapters.Error
	if !errors.As(err, &known) || !errors.Is(known.Class, adapters.ErrRejected) || !strings.Contains(known.Detail, "Rule Error") {
		t.Errorf("a rule: %v", err)
	}
	schema, err := b.tracker.Schema(t.Context())
	b.must(err)
	if got := schema.Fields[event.FieldStatus]; !slices.Equal(got.Closed, []string{"Done"}) || slices.Contains(schema.Types, "Retired") {
		t.Errorf("closed states are %q, types are %q", got.Closed, schema.Types)
	}
}

func TestTrap_PeopleAreLookedUpBeforeTheyAreWritten(t *testing.T) {
	t.Parallel()
	namesake := azuredevopsdouble.Account{ID: "0f0f0f0f-6b1b-47f4-b2e9-30b477b5ab3d", Name: "Sam Same", Email: "sam1@example.org"}
	second := azuredevopsdouble.Account{ID: "1f1f1f1f-6b1b-47f4-b2e9-30b477b5ab3d", Name: "Sam Same", Email: "sam2@example.org"}
	b := newBench(t, azuredevopsdouble.Options{Accounts: []azuredevopsdouble.Account{namesake, second}}, nil)
	ref := b.create(mark, nil)
	for _, who := range []map[string]any{{"email": "ALICE@example.org"}, {"id": alice().ID}, {"id": "elsewhere", "name": "Alice Agent"}} {
		b.must(b.update(event.Step{Ref: ref, Fields: event.Fields{event.FieldAssignee: nil}}))
		b.must(b.update(event.Step{Ref: ref, Fields: event.Fields{event.FieldAssignee: who}}))
		if d := cmp.Diff(b.read(ref).Fields[event.FieldAssignee], any(person(alice()))); d != "" {
			t.Errorf("%v (-got +want):\n%s", who, d)
		}
	}
	for _, who := range []any{map[string]any{"name": "Sam Same"}, map[string]any{"name": "Nobody"}, map[string]any{"email": "alice@example.or"}} {
		if err := b.update(event.Step{Ref: ref, Fields: event.Fields{event.FieldAssignee: who}}); !errors.Is(err, adapters.ErrRejected) {
			t.Errorf("%v: %v, want ErrRejected", who, err)
		}
	}
}

func TestTrap_AnUploadIsNoFileUntilItHasARelation(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	ref := b.create(mark, nil)
	step := event.Step{Kind: event.StepAttach, Ref: ref, Marker: mark, Attachment: &event.AttachmentWrite{Name: "a.txt", Size: 5}}
	b.s.FailNext(anyPatch, http.StatusServiceUnavailable, nil, nil)
	if _, err := b.tracker.Write(t.Context(), step, strings.NewReader("bytes")); !errors.Is(err, adapters.ErrDoubt) {
		t.Errorf("got %v, want ErrDoubt", err)
	}
	found, err := b.tracker.Find(t.Context(), step)
	if err != nil || found.Presence != event.FoundNone || b.s.Files() != 1 {
		t.Errorf("Find says %+v, %v, with %d uploads; want none and one", found, err, b.s.Files())
	}
	b.s.FailNext(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/attachments") }, http.StatusServiceUnavailable, nil, nil)
	if _, err := b.tracker.Write(t.Context(), step, strings.NewReader("bytes")); !errors.Is(err, adapters.ErrTransient) {
		t.Errorf("an upload that failed: %v, want ErrTransient: nothing hangs on the work item", err)
	}
	w, err := b.tracker.Write(t.Context(), step, strings.NewReader("bytes"))
	b.must(err)
	if all := b.read(ref).Attachments; len(all) != 1 || all[0].ID != w.Item || all[0].Name != "a.txt" || all[0].Marker != mark {
		t.Errorf("the work item has %+v", all)
	}
}

func TestTrap_ParentAndLinksAreRelations(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	first, second := b.create("", nil), b.create("", nil)
	parent := func(ref event.Ref) map[string]any { return map[string]any{"id": ref.ID, "key": ref.ID} }
	ref := b.create(mark, event.Fields{event.FieldParent: parent(first)})
	b.must(b.alice.patch(t.Context(), http.MethodPatch, "_apis/wit/workitems/"+ref.ID, nil,
		op{"op": "add", "path": "/relations/-", "value": map[string]any{"rel": "Hyperlink", "url": "https://example.org/x"}},
		op{"op": "add", "path": "/relations/-", "value": map[string]any{"rel": "System.LinkTypes.Related", "url": b.s.url + "/_apis/wit/workItems/" + second.ID}}))
	related := links(event.RelatesTo, second)
	for _, want := range []any{parent(first), parent(second), nil} {
		b.must(b.update(event.Step{Ref: ref, Fields: event.Fields{event.FieldParent: want}}))
		got := b.read(ref).Fields
		if d := cmp.Diff(got[event.FieldParent], want); d != "" && (want != nil || got[event.FieldParent] != nil) {
			t.Errorf("parent (-got +want):\n%s", d)
		}
		if d := cmp.Diff(got[event.FieldLinks], related); d != "" {
			t.Errorf("links (-got +want):\n%s", d)
		}
	}
}

func links(kind string, refs ...event.Ref) any {
	var out []event.Link
	for _, ref := range refs {
		out = append(out, event.Link{Type: kind, ID: ref.ID, Key: ref.ID})
	}
	return event.LinksValue(out)
}

func TestTrap_RelationsAreTakenAwayFromTheLastPlaceDown(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	var others []event.Ref
	for range 4 {
		others = append(others, b.create("", nil))
	}
	ref := b.create(mark, event.Fields{event.FieldLinks: links(event.Precedes, others[:3]...), event.FieldParent: map[string]any{"id": others[3].ID}})
	b.must(b.update(event.Step{
		Ref: ref, Was: event.Fields{event.FieldLinks: links(event.Precedes, others[:3]...)},
		Fields: event.Fields{event.FieldLinks: links(event.Precedes, others[1]), event.FieldParent: map[string]any{"id": others[0].ID}},
	}))
	got := b.read(ref).Fields
	if d := cmp.Diff(got[event.FieldLinks], links(event.Precedes, others[1])); d != "" {
		t.Errorf("links (-got +want):\n%s", d)
	}
	if d := cmp.Diff(got[event.FieldParent], any(map[string]any{"id": others[0].ID, "key": others[0].ID})); d != "" {
		t.Errorf("parent (-got +want):\n%s", d)
	}
	if back := b.read(others[0]).Fields[event.FieldLinks]; back != nil {
		t.Errorf("a parent has the links %v", back)
	}
}

func TestTrap_ALinkThatSomebodyMakesMeanwhileIsNoRefusal(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	ref, other := b.create(mark, nil), b.create("", nil)
	meddled := false
	b.s.before = func(r *http.Request) {
		if !anyPatch(r) || meddled {
			return
		}
		meddled = true
		b.must(b.alice.patch(t.Context(), http.MethodPatch, "_apis/wit/workitems/"+ref.ID, nil,
			op{"op": "add", "path": "/relations/-", "value": map[string]any{"rel": "System.LinkTypes.Related", "url": b.s.url + "/_apis/wit/workItems/" + other.ID}}))
	}
	b.must(b.update(event.Step{Ref: ref, Fields: event.Fields{event.FieldLinks: links(event.RelatesTo, other), event.FieldSummary: "changed"}}))
	got := b.read(ref).Fields
	if d := cmp.Diff(got[event.FieldLinks], links(event.RelatesTo, other)); d != "" || got[event.FieldSummary] != "changed" {
		t.Errorf("summary %v, links (-got +want):\n%s", got[event.FieldSummary], d)
	}
}

func TestTrap_ALinkToAnotherOrganisationIsNone(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	ref := b.create(mark, nil)
	b.must(b.alice.patch(t.Context(), http.MethodPatch, "_apis/wit/workitems/"+ref.ID, nil,
		op{"op": "add", "path": "/relations/-", "value": map[string]any{"rel": "System.LinkTypes.Remote.Related", "url": "https://dev.azure.com/contoso/_apis/wit/workItems/" + ref.ID}}))
	if got := b.read(ref).Fields[event.FieldLinks]; got != nil {
		t.Errorf("links are %v: that is the number of another work item", got)
	}
}

func TestTrap_TheOtherEndOfARelationThatIsGoneIsNotTheWorkItem(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	ref, gone := b.create(mark, nil), b.create("", nil)
	b.must(b.alice.Delete(t.Context(), gone.ID))
	for name, v := range map[string]any{event.FieldLinks: links(event.RelatesTo, gone), event.FieldParent: map[string]any{"id": gone.ID}} {
		fields := event.Fields{name: v, event.FieldSummary: "x"}
		if err := b.update(event.Step{Ref: ref, Fields: fields}); !errors.Is(err, adapters.ErrRejected) {
			t.Errorf("an update with %s: %v, want ErrRejected", name, err)
		}
		if _, err := b.tracker.Write(t.Context(), event.Step{Kind: event.StepCreate, Marker: mark, Fields: fields}, nil); !errors.Is(err, adapters.ErrRejected) {
			t.Errorf("a create with %s: %v, want ErrRejected", name, err)
		}
	}
	if got := b.read(ref).Fields; got[event.FieldSummary] == "x" || got[event.FieldLinks] != nil {
		t.Errorf("something was written: %v", got)
	}
}

func TestTrap_BugsShowTheirReproSteps(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	for kind, field := range map[string]string{"Bug": "Microsoft.VSTS.TCM.ReproSteps", "Task": "System.Description"} {
		ref := b.create("", event.Fields{event.FieldType: kind, event.FieldDescription: "it **burns**"})
		if got, _ := b.raw(ref).Fields[field].(string); !strings.Contains(got, "<strong>burns</strong>") {
			t.Errorf("%s of a %s is %q", field, kind, got)
		}
		if got := b.read(ref).Fields[event.FieldDescription]; got != "it **burns**" {
			t.Errorf("the description of a %s reads %v", kind, got)
		}
	}
}

func TestTrap_ATextThatAPersonSwitchedToMarkdownStaysMarkdown(t *testing.T) {
	t.Parallel()
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	ref := b.create(mark, event.Fields{event.FieldDescription: "before"})
	b.must(b.alice.patch(t.Context(), http.MethodPatch, "_apis/wit/workitems/"+ref.ID, nil,
		op{"op": "add", "path": "/multilineFieldsFormat/System.Description", "value": "Markdown"},
		op{"op": "add", "path": "/fields/System.Description", "value": "a **b** 1 < 2"}))
	if got := b.read(ref).Fields[event.FieldDescription]; got != "a **b** 1 < 2" {
		t.Errorf("the description reads %v", got)
	}
	b.must(b.update(event.Step{Ref: ref, Fields: event.Fields{event.FieldDescription: "c **d**"}}))
	if got := b.raw(ref).Fields["System.Description"]; got != "c **d**" {
		t.Errorf("the description is kept as %v", got)
	}
}

func TestProbe_TellsWhatTheAccountMayNot(t *testing.T) {
	t.Parallel()
	reader := azuredevopsdouble.Account{ID: "2f2f2f2f-6b1b-47f4-b2e9-30b477b5ab3d", Name: "Stan Stakeholder", Email: "stan@example.org", Token: "token-of-stan", Stakeholder: true}
	b := newBench(t, azuredevopsdouble.Options{Accounts: []azuredevopsdouble.Account{reader}}, map[string]string{"token": reader.Token, "work_item_type": "Task"})
	said := ""
	for _, f := range b.tracker.(adapters.Prober).Probe(t.Context()) {
		said += string(f.Level) + " " + f.What + "\n"
	}
	if !strings.Contains(said, "warning the account may not create work items in") || !strings.Contains(said, "signed in as Stan Stakeholder") {
		t.Errorf("Probe says:\n%s", said)
	}
	schema, err := b.tracker.Schema(t.Context())
	b.must(err)
	if schema.Comments || schema.Fields[event.FieldSummary].Writable {
		t.Error("the schema says that the account may write")
	}
	unknown := open(t, b.s.url, map[string]string{"work_item_type": "Incident"})
	if said := unknown.(adapters.Prober).Probe(t.Context()); !slices.ContainsFunc(said, func(f adapters.Finding) bool { return strings.Contains(f.What, `no work items of type "Incident"`) }) {
		t.Errorf("Probe says nothing of the type: %+v", said)
	}
}

func TestHook_ProofIsASignInOrAHeader(t *testing.T) {
	t.Parallel()
	body := `{"id":"x","eventType":"workitem.created","resource":{"id":5,"rev":1,"fields":{"System.CreatedDate":"2026-01-02T03:04:05Z","System.ChangedDate":"2026-01-02T03:04:05Z"}}}`
	d := adapters.Delivery{Path: "/", At: time.Now(), Body: []byte(body), Header: http.Header{}}
	b := newBench(t, azuredevopsdouble.Options{}, nil)
	hooked := b.tracker.(adapters.Hooked)
	d.Header.Set("X-Parley-Secret", hookSecret)
	hint, err := hooked.Hook(d)
	want := event.Ref{ID: "5", Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Unix()}
	if err != nil || len(hint.Tickets) != 1 || hint.Tickets[0].Ref != want {
		t.Errorf("got %+v, %v; want %v", hint, err, want)
	}
	for _, odd := range []string{`{"eventType":"build.complete","resource":{"id":7}}`, `[]`, `no JSON`, `{"eventType":"workitem.deleted","resource":{"id":-1}}`} {
		d.Body = []byte(odd)
		if hint, err := hooked.Hook(d); err != nil || len(hint.Tickets) != 0 {
			t.Errorf("%s: got %+v, %v; want an empty hint", odd, hint, err)
		}
	}
	d.Header.Set("X-Parley-Secret", "forged")
	if _, err := hooked.Hook(d); !errors.Is(err, adapters.ErrDenied) {
		t.Errorf("a forged header: %v", err)
	}
}
