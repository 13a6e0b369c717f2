package zendesk_test

import (
	"net/http"
	"strings"
	"testing"

	"parley/adapters/zendesk/zendeskdouble"
	"parley/sync/event"
)

func (b *bench) file(ref event.Ref, name string, internal bool) {
	b.Helper()
	_, err := b.tracker.Write(b.Context(), event.Step{Kind: event.StepAttach, Ref: ref, Marker: "abcdefghijklmnop", Attachment: &event.AttachmentWrite{
		Name: name, Size: 4, MIME: "image/png", Internal: internal,
	}}, strings.NewReader("data"))
	b.must(err)
}

// html are the comments as Alice gets them, but for the first.
func (b *bench) html(ref event.Ref) []string {
	b.Helper()
	var out struct {
		Comments []struct {
			HTML string `json:"html_body"`
		}
	}
	b.must(b.hand.do(b.Context(), http.MethodGet, "tickets/"+ref.ID+"/comments", "", nil, &out))
	var all []string
	for _, c := range out.Comments[1:] {
		all = append(all, c.HTML)
	}
	return all
}

func TestTrap_ACommentShowsAFileThatAnotherOneCarries(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, nil)
	ref := b.made("pictures")
	const body = "see ![The gauge](attachment:gauge%20%281.png)"
	b.say(ref, "bcdefghijklmnopa", body, false)
	b.file(ref, "gauge (1.png", false)
	b.say(ref, "cdefghijklmnopab", body, false)
	all := b.html(ref)
	if strings.Contains(all[0], "<img") || !strings.Contains(all[2], "<img") || !strings.Contains(all[2], "/attachments/token/") {
		t.Errorf("got %q, want a picture in the last one only", all)
	}
	for _, c := range b.read(ref).Comments {
		if c.Body != body {
			t.Errorf("got %q, want %q", c.Body, body)
		}
	}
}

func TestTrap_APublicCommentShowsNoFileOfAnInternalNote(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, nil)
	ref := b.made("secrets")
	b.file(ref, "gauge.png", true)
	b.say(ref, "bcdefghijklmnopa", "see ![it](attachment:gauge.png)", false)
	b.say(ref, "cdefghijklmnopab", "see ![it](attachment:gauge.png)", true)
	all := b.html(ref)
	if strings.Contains(all[1], "<img") || !strings.Contains(all[2], "<img") {
		t.Errorf("got %q, want a picture in the internal one only", all)
	}
}
