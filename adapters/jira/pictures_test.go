package jira_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"parley/adapters/jira/jiradouble"
	"parley/sync/event"
)

// shows a picture that is attached later.
const later = "see ![The gauge](attachment:gauge.png) here"

// between lets a person act before one request of the adapter.
type between struct {
	next http.Handler
	at   atomic.Int64 // counts down; acts at 0
	act  atomic.Pointer[func()]
	// answer takes the place of the next handler where it returns true.
	answer atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
}

// ServeHTTP implements http.Handler.
func (b *between) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if act := b.act.Load(); act != nil && b.at.Add(-1) <= 0 {
		(*act)()
	}
	if answer := b.answer.Load(); answer == nil || !(*answer)(w, r) {
		b.next.ServeHTTP(w, r)
	}
}

// pictured is an issue whose description waits for a file, at an adapter whose requests
// a person may come between.
func pictured(t *testing.T, cloud bool, opt jiradouble.Options) (*bench, *between, event.Ref) {
	t.Helper()
	opt.Cloud = cloud
	b := newBench(t, opt, nil)
	way := &between{next: b.site.check}
	u, err := url.Parse(newServer(t, way))
	b.must(err)
	b.tracker = b.site.open(t, u, nil)
	t.Cleanup(func() { _ = b.tracker.Close() })
	w, err := b.tracker.Write(t.Context(), event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{
		event.FieldSummary: "pictured", event.FieldDescription: later,
	}}, nil)
	b.must(err)
	return b, way, w.Ref
}

func (b *bench) attachGauge(ref event.Ref) event.Written {
	b.Helper()
	data := []byte("a picture")
	sum := sha256.Sum256(data)
	w, err := b.tracker.Write(b.Context(), event.Step{Kind: event.StepAttach, Ref: ref, Marker: "ponmlkjihgfedcba", Attachment: &event.AttachmentWrite{
		Name: "gauge.png", Size: int64(len(data)), MIME: "image/png", SHA256: hex.EncodeToString(sum[:]),
	}}, bytes.NewReader(data))
	b.must(err)
	return w
}

// adds a paragraph to the description, as a person does who has it open.
func (b *bench) personAdds(ref event.Ref, words string) {
	b.Helper()
	var got struct {
		Fields struct{ Description any }
	}
	b.must(b.hand.do(b.Context(), http.MethodGet, "issue/"+ref.ID+"?fields=description", "", http.NoBody, &got))
	text := got.Fields.Description
	switch d := text.(type) {
	case string:
		text = d + "\n\n" + words
	case map[string]any:
		added, _ := b.hand.text(words).(map[string]any)["content"].([]any)
		all, _ := d["content"].([]any)
		d["content"] = append(all, added...)
	}
	b.must(b.hand.json(b.Context(), http.MethodPut, "issue/"+ref.ID, map[string]any{"fields": map[string]any{"description": text}}, nil))
}

// TestPicture_AnEditWhileTextsAreRepointedIsKept: Jira has no lock, so an edit may come
// before any request of the adapter, and may be written over. None is lost.
func TestPicture_AnEditWhileTextsAreRepointedIsKept(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		kept := 0
		for n := 1; ; n++ {
			b, way, ref := pictured(t, cloud, jiradouble.Options{})
			act := func() { way.act.Store(nil); b.personAdds(ref, "A person was here.") }
			way.at.Store(int64(n))
			way.act.Store(&act)
			w := b.attachGauge(ref)
			came := way.at.Load() <= 0
			ticket, err := b.tracker.Read(t.Context(), ref)
			b.must(err)
			if !came {
				break
			}
			got, _ := ticket.Fields[event.FieldDescription].(string)
			if want := later + "\n\nA person was here."; got != want {
				t.Fatalf("an edit before request %d left %q, want %q", n, got, want)
			}
			if w.Partly != "" {
				t.Errorf("an edit before request %d: %s", n, w.Partly)
			}
			if raw := b.rawDescription(ref); !shows(raw, w) {
				t.Errorf("an edit before request %d: %s does not show the file", n, raw)
			}
			kept++
		}
		if kept < 6 {
			t.Errorf("an edit came between %d requests only", kept)
		}
	})
}

func (b *bench) rawDescription(ref event.Ref) string {
	b.Helper()
	var got struct {
		Fields struct{ Description any }
	}
	b.must(b.hand.do(b.Context(), http.MethodGet, "issue/"+ref.ID+"?fields=description", "", http.NoBody, &got))
	return fmt.Sprint(got.Fields.Description)
}

func shows(raw string, w event.Written) bool {
	return strings.Contains(raw, "attachment/content/"+w.Item) || strings.Contains(raw, "!gauge.parley-ponmlkjihgfedcba.png")
}

// TestPicture_OfManyEditsTheLastStandsAndTheRestIsSaid: where people write all the time, the
// last of them has the word, and what the changelog alone has is told.
func TestPicture_OfManyEditsTheLastStandsAndTheRestIsSaid(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		for n := 1; n < 8; n++ {
			b, way, ref := pictured(t, cloud, jiradouble.Options{})
			last := ""
			act := func() {
				last = fmt.Sprint("Person at ", way.at.Load(), ".")
				b.personAdds(ref, last)
			}
			way.at.Store(int64(n))
			way.act.Store(&act)
			w := b.attachGauge(ref)
			way.act.Store(nil)
			if raw := b.rawDescription(ref); !strings.Contains(raw, last) || last == "" {
				t.Errorf("from request %d on: %s does not hold the last edit %q", n, raw, last)
			}
			if w.Partly == "" {
				t.Errorf("from request %d on: nothing is said of the edits that were written over", n)
			}
		}
	})
}

// TestPicture_AnEditIsKeptThoughTheAnswerIsLost: the write was done, and may have run over
// an edit, whether its answer comes or not.
func TestPicture_AnEditIsKeptThoughTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		b, way, ref := pictured(t, cloud, jiradouble.Options{})
		answer := func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPut {
				return false
			}
			way.answer.Store(nil)
			b.personAdds(ref, "A person was here.")
			b.site.check.ServeHTTP(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusBadGateway)
			return true
		}
		way.answer.Store(&answer)
		w := b.attachGauge(ref)
		ticket, err := b.tracker.Read(t.Context(), ref)
		b.must(err)
		if got, want := ticket.Fields[event.FieldDescription], later+"\n\nA person was here."; got != want || w.Partly != "" {
			t.Errorf("got %q (%s), want %q", got, w.Partly, want)
		}
	})
}

// TestPicture_WhatDoesNotShowTheFileIsSaid: the file is there all the same.
func TestPicture_WhatDoesNotShowTheFileIsSaid(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		refuse := func(match func(*http.Request) bool, status int) func(w http.ResponseWriter, r *http.Request) bool {
			return func(w http.ResponseWriter, r *http.Request) bool {
				if match(r) {
					w.WriteHeader(status)
					return true
				}
				return false
			}
		}
		for name, answer := range map[string]func(http.ResponseWriter, *http.Request) bool{
			"the edit":      refuse(func(r *http.Request) bool { return r.Method == http.MethodPut }, http.StatusForbidden),
			"the comments":  refuse(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/comment") }, http.StatusBadRequest),
			"the changelog": refuse(func(r *http.Request) bool { return strings.Contains(r.URL.String(), "changelog") }, http.StatusNotFound),
		} {
			b, way, ref := pictured(t, cloud, jiradouble.Options{})
			way.answer.Store(&answer)
			w := b.attachGauge(ref)
			way.answer.Store(nil)
			ticket, err := b.tracker.Read(t.Context(), ref)
			b.must(err)
			if w.Partly == "" || strings.Contains(w.Partly, "gauge") || len(ticket.Attachments) != 1 {
				t.Errorf("without %s: said %q, the files are %+v", name, w.Partly, ticket.Attachments)
			}
			if name == "the changelog" && shows(b.rawDescription(ref), w) {
				t.Error("without a changelog that could tell of an edit the description was written")
			}
		}
	})
}

// TestPicture_AnAccountThatPeopleUseIsNotGuessedAbout: whose write is whose, the changelog
// does not say then; nothing is put back over anything.
func TestPicture_AnAccountThatPeopleUseIsNotGuessedAbout(t *testing.T) {
	t.Parallel()
	b, way, ref := pictured(t, true, jiradouble.Options{})
	answer := func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut {
			return false
		}
		way.answer.Store(nil)
		b.site.check.ServeHTTP(w, r)
		_, err := b.tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldDescription: "by hand, as the bot"}}, nil)
		b.must(err)
		return true
	}
	way.answer.Store(&answer)
	w := b.attachGauge(ref)
	if raw := b.rawDescription(ref); !strings.Contains(raw, "by hand, as the bot") || w.Partly == "" {
		t.Errorf("got %s, said %q", raw, w.Partly)
	}
}
