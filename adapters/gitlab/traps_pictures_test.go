package gitlab_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"parley/adapters/gitlab/gitlabdouble"
	"parley/sync/event"
)

// raw is the description and the notes as Alice reads them.
func (b *bench) raw(id string) (description string, notes []string) {
	b.Helper()
	var i struct{ Description string }
	b.must(b.hand.send(b.Context(), http.MethodGet, "issues/"+id, "", nil, &i))
	var all []struct {
		Body   string
		System bool
	}
	b.must(b.hand.send(b.Context(), http.MethodGet, "issues/"+id+"/notes?sort=asc&per_page=100", "", nil, &all))
	for _, n := range all {
		if !n.System {
			notes = append(notes, n.Body)
		}
	}
	return i.Description, notes
}

// uploaded is the address of a file that Alice links to with its own name, in a note.
func (b *bench) uploaded(id, name string) string {
	b.Helper()
	b.must(b.hand.Attach(b.Context(), id, name, []byte("bytes of "+name)))
	_, notes := b.raw(id)
	return regexp.MustCompile(`/uploads/[^)]+`).FindString(notes[len(notes)-1])
}

func (b *bench) attach(ref event.Ref, name string, internal bool) {
	b.Helper()
	_, err := b.tracker.Write(b.Context(), event.Step{Kind: event.StepAttach, Ref: ref, Marker: mark, Attachment: &event.AttachmentWrite{
		Name: name, Size: 4, MIME: "text/plain", Internal: internal,
	}}, strings.NewReader("data"))
	b.must(err)
}

func (b *bench) comment(ref event.Ref, body string, internal bool) {
	b.Helper()
	_, err := b.tracker.Write(b.Context(), event.Step{Kind: event.StepComment, Ref: ref, Marker: mark, Comment: &event.CommentWrite{
		Body: body, Internal: internal,
	}}, nil)
	b.must(err)
}

func TestTrap_APictureOfAPersonGoesByTheNameOfItsFile(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	id := b.made("pictures")
	at := b.uploaded(id, "gauge one.png")
	elsewhere := "/-/project/5" + at
	text := fmt.Sprintf("![it](%s) and [![small](%s)](/-/project/%d%s), `![it](%s)`, ![x](%s) ![y](/uploads/0123456789abcdef0123456789abcdef/a.png)",
		at, at, projectID, at, at, elsewhere)
	b.must(b.hand.Comment(t.Context(), id, text, false))
	want := fmt.Sprintf("![it](attachment:gauge%%20one.png) and [![small](attachment:gauge%%20one.png)](attachment:gauge%%20one.png), `![it](%s)`, "+
		"![x](%s) ![y](/uploads/0123456789abcdef0123456789abcdef/a.png)", at, elsewhere)
	ticket := b.read(b.ref(id))
	if len(ticket.Comments) != 1 || ticket.Comments[0].Body != want {
		t.Errorf("got %+v, want %q", ticket.Comments, want)
	}
	if len(ticket.Attachments) != 1 || ticket.Attachments[0].Name != "gauge one.png" {
		t.Errorf("got the files %+v, want gauge one.png alone", ticket.Attachments)
	}
}

func TestTrap_WordsOfALinkAreANameOnlyIfTheyBecameIt(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]string{"pump log (1).txt": "pump log (1).txt", "the log": "pump_log__1_.txt"} {
		b := newBench(t, gitlabdouble.Options{}, nil)
		id, other := b.made("words"), b.made("another one")
		at := b.uploaded(other, "pump log (1).txt")
		b.must(b.hand.Comment(t.Context(), id, "see ["+words+"]("+at+")", false))
		ticket := b.read(b.ref(id))
		if len(ticket.Attachments) != 1 || ticket.Attachments[0].Name != want {
			t.Errorf("%s: got %+v, want %s", words, ticket.Attachments, want)
		}
	}
}

func TestTrap_ACommentThatIsNothingButALinkToAFileIsAComment(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	ref := b.ref(b.made("links"))
	const body = "[a.txt](attachment:a.txt)"
	b.comment(ref, body, false)
	b.attach(ref, "a.txt", false)
	b.comment(ref, body, false)
	ticket := b.read(ref)
	if len(ticket.Attachments) != 1 || len(ticket.Comments) != 2 || ticket.Comments[0].Body != body || ticket.Comments[1].Body != body {
		t.Errorf("got %+v and %+v, want two comments and a file", ticket.Comments, ticket.Attachments)
	}
}

func TestTrap_AnInternalFileIsNotShownToEverybody(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	ref := b.ref(b.made("secrets"))
	const body = "see [it](attachment:a.txt)"
	b.must(b.set(ref, event.Fields{event.FieldDescription: body}))
	b.comment(ref, body, false)
	b.comment(ref, body, true)
	b.attach(ref, "a.txt", true)
	b.must(b.set(ref, event.Fields{event.FieldDescription: body + "!"}))
	b.comment(ref, body, false)
	if got := b.read(ref).Attachments; len(got) != 1 || !got[0].Internal {
		t.Errorf("got %+v, want an internal file", got)
	}
	description, notes := b.raw(ref.ID)
	for n, text := range append([]string{description}, notes...) {
		// The second note is internal, the fourth carries the file.
		if leads := strings.Contains(text, "(/uploads/"); leads != (n == 2 || n == 3) {
			t.Errorf("text %d: %q", n, text)
		}
	}
}

func TestTrap_WhatAPersonWroteMeanwhileStaysWhenAFileIsShown(t *testing.T) {
	t.Parallel()
	carol := gitlabdouble.Account{ID: 43, Username: "carol", Name: "Carol", Token: "glpat-carol", Level: 40}
	const waiting = `see !\[it\](attachment:late.png)`
	var b *bench
	var id string
	var once, twice sync.Once
	b = newBench(t, gitlabdouble.Options{Accounts: []gitlabdouble.Account{carol}, Before: func(r *http.Request) {
		edit := map[string]string{"description": waiting + ", @alice and #1"}
		switch {
		case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/uploads"):
			once.Do(func() { _ = b.hand.do(context.Background(), http.MethodPut, "issues/"+id, edit, nil) })
		case r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/notes/"):
			twice.Do(func() {
				path := r.URL.Path[strings.Index(r.URL.Path, "/issues/")+1:]
				_ = hand{b.site, carol}.do(context.Background(), http.MethodPut, path, map[string]string{"body": waiting + ", says Carol"}, nil)
			})
		}
	}}, nil)
	id = b.made("meanwhile")
	ref := b.ref(id)
	b.must(b.set(ref, event.Fields{event.FieldDescription: "see ![it](attachment:late.png)"}))
	b.comment(ref, "see ![it](attachment:late.png)", false)
	b.attach(ref, "late.png", false)
	description, notes := b.raw(id)
	shown := regexp.MustCompile(`^see !\[it\]\(/uploads/[0-9a-f]{32}/late\.png\), (@alice and #1|says Carol)$`)
	if !shown.MatchString(description) || len(notes) != 2 || !shown.MatchString(notes[0]) {
		t.Errorf("got %q and %q", description, notes)
	}
}

func TestTrap_AnEditThatShowingAFileRanOverIsTold(t *testing.T) {
	t.Parallel()
	const over = "written over"
	for when, told := range map[string]string{
		"POST uploads": "", // before the description is read
		"GET issue":    "", // before it is read once more
		"PUT issue":    over,
	} {
		clock := newFrozen()
		var b *bench
		var id string
		var armed, listed atomic.Bool
		b = newBench(t, gitlabdouble.Options{Now: clock.now, Before: func(r *http.Request) {
			path := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
			if armed.Load() && r.Method == http.MethodGet && path == "notes" {
				listed.Store(true)
			}
			at := r.Method + " " + strings.Replace(path, id, "issue", 1)
			if at == when && (listed.Load() || when == "POST uploads") && armed.CompareAndSwap(true, false) {
				clock.ms.Add(1)
				edit := map[string]string{"description": `my words, and !\[it\](attachment:late.png)`}
				_ = b.hand.do(context.Background(), http.MethodPut, "issues/"+id, edit, nil)
			}
		}}, nil)
		id = b.made("written over")
		ref := b.ref(id)
		b.must(b.set(ref, event.Fields{event.FieldDescription: "see ![it](attachment:late.png)"}))
		armed.Store(true)
		w, err := b.tracker.Write(t.Context(), event.Step{Kind: event.StepAttach, Ref: ref, Marker: mark, Attachment: &event.AttachmentWrite{
			Name: "late.png", Size: 4, MIME: "image/png",
		}}, strings.NewReader("data"))
		b.must(err)
		if (told == "") != (w.Partly == "") || !strings.Contains(w.Partly, told) || strings.Contains(w.Partly, "my words") {
			t.Errorf("%s: told %q, want %q", when, w.Partly, told)
		}
		if description, _ := b.raw(id); strings.HasPrefix(description, "my words") != (told == "") || !strings.Contains(description, "(/uploads/") {
			t.Errorf("%s: got %q", when, description)
		}
	}
}
