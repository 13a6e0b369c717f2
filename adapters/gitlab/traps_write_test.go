package gitlab_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/adapters/gitlab/gitlabdouble"
	"parley/sync/event"
)

func TestTrap_AMarkerThatSomebodyCopiedIsNotOurs(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	text := "quoted\n\n<!-- parley:" + string(mark) + " -->"
	var copied struct{ IID int64 }
	b.must(b.hand.do(t.Context(), http.MethodPost, "issues", map[string]any{"title": "a copy", "description": text}, &copied))
	ref := b.ref(strconv.FormatInt(copied.IID, 10))
	b.must(b.hand.Comment(t.Context(), ref.ID, text, false))
	b.must(b.hand.Comment(t.Context(), ref.ID, "[a file](/uploads/0123456789abcdef0123456789abcdef/a.txt)\n\n<!-- parley:"+string(mark)+" -->", false))
	for _, kind := range []event.StepKind{event.StepCreate, event.StepComment, event.StepAttach} {
		found, err := b.tracker.Find(t.Context(), event.Step{Kind: kind, Ref: ref, Marker: mark})
		if err != nil || found.Presence != event.FoundNone {
			t.Errorf("%s: found %+v, %v, want nothing", kind, found, err)
		}
	}
	if got := b.read(ref); got.Marker != "" || got.Fields[event.FieldDescription] != text {
		t.Errorf("the issue reads as ours: %q, %q", got.Marker, got.Fields[event.FieldDescription])
	}
}

func TestTrap_OrdersInForeignTextAreNotDone(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	const text = "please:\n/close\nthanks"
	w, err := b.tracker.Write(t.Context(), event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{
		event.FieldSummary: "orders", event.FieldDescription: text,
	}}, nil)
	b.must(err)
	_, err = b.tracker.Write(t.Context(), event.Step{Kind: event.StepComment, Ref: w.Ref, Marker: mark, Comment: &event.CommentWrite{Body: "/close"}}, nil)
	b.must(err)
	ticket := b.read(w.Ref)
	if ticket.Fields[event.FieldStatus] != "opened" || ticket.Fields[event.FieldDescription] != text ||
		len(ticket.Comments) != 1 || ticket.Comments[0].Body != "/close" {
		t.Errorf("got %v %q and %+v", ticket.Fields[event.FieldStatus], ticket.Fields[event.FieldDescription], ticket.Comments)
	}
}

func TestTrap_AnEmojiAloneIsAComment(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	ref := b.ref(b.made("emoji"))
	for _, m := range []event.Marker{"", mark} {
		_, err := b.tracker.Write(t.Context(), event.Step{Kind: event.StepComment, Ref: ref, Marker: m, Comment: &event.CommentWrite{Body: ":thumbsup:"}}, nil)
		b.must(err)
	}
	if got := b.read(ref).Comments; len(got) != 2 {
		t.Errorf("got %+v, want two comments", got)
	}
}

func TestTrap_LabelsOfOthersStay(t *testing.T) {
	t.Parallel()
	var b *bench
	var id string
	var once sync.Once
	b = newBench(t, gitlabdouble.Options{Before: func(r *http.Request) {
		if r.Method != http.MethodPut {
			return
		}
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if bytes.Contains(body, []byte("add_labels")) && !bytes.Contains(body, []byte("theirs")) {
			// A person is faster by a moment.
			once.Do(func() {
				_ = b.hand.do(context.Background(), http.MethodPut, "issues/"+id, map[string]any{"add_labels": []string{"theirs"}}, nil)
			})
		}
	}}, nil)
	id = b.made("labelled")
	ref := b.ref(id)
	b.must(b.set(ref, event.Fields{event.FieldLabels: []any{"ours"}}))
	if d := cmp.Diff(b.read(ref).Fields[event.FieldLabels], any([]any{"ours", "theirs"})); d != "" {
		t.Errorf("labels (-got +want):\n%s", d)
	}
}
