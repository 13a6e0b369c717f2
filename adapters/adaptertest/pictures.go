package adaptertest

import (
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"parley/adapters/richtext"
	"parley/sync/event"
)

// textPictures: a text that refers to a file of the ticket's own, before the file is there and
// after it, is read as it was written, so that no edit comes from it. Where Subject.Pictures
// says how, the tracker is told to show its own copy.
func textPictures(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	// Names that never were: no earlier run has them.
	early, late := strings.ReplaceAll(unique("early"), " ", "-")+".png", strings.ReplaceAll(unique("late"), " ", "-")+".png"
	body := func(name string) string {
		return "see ![The gauge](" + richtext.AttachmentURL(name) + ") here, and [the same](" + richtext.AttachmentURL(name) + ")"
	}
	said := recording(e.proxy)
	ref := e.write(event.Step{Kind: event.StepCreate, Marker: newMarker(), Fields: e.fields(unique("pictures"), body(late))}).Ref
	if !s.NoFiles {
		e.attach(ref, early, []byte("early"))
	}
	markers := []event.Marker{e.comment(ref, body(early)), e.comment(ref, body(late))}
	if !s.NoFiles {
		e.attach(ref, late, []byte("late"))
	}
	ticket := e.read(ref)
	if got := ticket.Fields[event.FieldDescription]; got != body(late) {
		t.Errorf("the description %q is read as %q", body(late), got)
	}
	for i, name := range []string{early, late} {
		if got := commentMarked(t, ticket, markers[i]).Body; got != body(name) {
			t.Errorf("the text %q is read as %q", body(name), got)
		}
		shown := strings.NewReplacer("%s", name, "%b", strings.TrimSuffix(name, ".png")).Replace(s.Pictures)
		if name == late && !s.EditsComments {
			shown = "" // what is said cannot be changed once the file is there
		}
		if shown != "" && !said.holds(shown) {
			t.Errorf("nothing that was written holds %q, which would show %s", shown, name)
		}
		if shown == "" && !said.holds(richtext.AttachmentURL(name)) {
			t.Errorf("the words of the reference to %s were not written, though Subject says that they are all there is", name)
		}
	}
}

// comment writes a comment and returns its marker.
func (e *env) comment(ref event.Ref, body string) event.Marker {
	e.Helper()
	m := newMarker()
	e.write(event.Step{Kind: event.StepComment, Ref: ref, Marker: m, Comment: &event.CommentWrite{Body: body}})
	return m
}

// recorder has the bodies of requests, with what stands escaped in them also plain.
type recorder struct {
	mu   sync.Mutex // guards said
	said strings.Builder
}

func (r *recorder) holds(words string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Contains(r.said.String(), words)
}

// recording passes every request on and keeps its body.
func recording(p *proxy) *recorder {
	out := &recorder{}
	p.set(everything, func(w http.ResponseWriter, r *http.Request, forward forwarder) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		out.keep(string(body))
		answer := forward()
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
	return out
}

func (r *recorder) keep(body string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&", `\"`, `"`, `\\`, `\`).Replace(body)
	r.said.WriteString(body + "\n" + plain + "\n" + html.UnescapeString(plain) + "\n")
	if form, err := url.QueryUnescape(body); err == nil {
		r.said.WriteString(form + "\n")
	}
}
