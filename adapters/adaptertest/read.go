package adaptertest

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
)

// words in many scripts, with characters of one to four bytes.
const words = "Grüße, Ωmega, Привет, 日本語, 🚒🧯 done"

const fileName = "Übersicht 図面 😀 (final).txt"

func readPromises() []promise {
	return []promise{
		{"WholeTicketAsAPersonMadeIt", readWhole},
		{"InternalCommentsAreInternal", readInternal},
		{"LongTextIsWhole", readLong},
		{"EmptyFieldIsNil", readEmpty},
		{"FilesByteForByte", readFiles},
		{"ARowGivenTwiceCountsOnce", readTwice},
	}
}

// readTwice gives every row of every list twice, as it comes about where rows move
// from one page to the next: nobody wrote a second comment for that.
func readTwice(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("twice"))
	all, written := adding(e, ref), map[string]event.Written{}
	for name, a := range all {
		a.step.Since = ref.Created - 60
		all[name], written[name] = a, e.add(a)
	}
	ids := func() (out []string) {
		ticket := e.read(ref)
		for i := range ticket.Comments {
			out = append(out, "comment "+ticket.Comments[i].ID)
		}
		for i := range ticket.Attachments {
			out = append(out, "file "+ticket.Attachments[i].ID)
		}
		return out
	}
	once := ids()
	e.settle()
	e.proxy.set(isList, rowsTwice)
	if twice := ids(); !slices.Equal(twice, once) {
		t.Errorf("where each row comes twice the ticket has %q, want %q", twice, once)
	}
	for name, a := range all {
		var got event.Found
		e.eventually("Find to answer", func() (ok bool) {
			// Pages that other tests move, too, may be given up for this time.
			var err error
			if got, err = e.tracker.Find(e.Context(), a.step); !errors.Is(err, adapters.ErrTransient) {
				e.must(err)
			}
			return err == nil && got.Presence != event.FoundLater
		})
		if got.Presence != event.FoundOne || got.Written.Ref != written[name].Ref {
			t.Errorf("%s: where each row comes twice Find says %+v, want one at %v", name, got, written[name].Ref)
		}
	}
}

func readWhole(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	summary := unique("Summary " + words)
	ref := e.byHand(e.fields(summary, "First line "+words+"\r\nsecond line\r\n\r\nnext paragraph"))
	e.must(s.Hand.Comment(e.Context(), ref.ID, "reply one "+words+"\r\nsecond line", false))
	e.must(s.Hand.Comment(e.Context(), ref.ID, "reply two", false))
	ticket := e.read(ref)
	if d := cmp.Diff(ticket.Fields[event.FieldSummary], any(summary)); d != "" {
		t.Errorf("summary: %s", d)
	}
	description, _ := ticket.Fields[event.FieldDescription].(string)
	for _, line := range []string{"First line " + words, "second line", "next paragraph"} {
		if !strings.Contains(description, line) {
			t.Errorf("the description lacks %q: %q", line, description)
		}
	}
	if len(ticket.Comments) != 2 {
		t.Fatalf("got %d comments, want 2: %+v", len(ticket.Comments), ticket.Comments)
	}
	one, two := ticket.Comments[0], ticket.Comments[1]
	if !strings.Contains(one.Body, "reply one "+words) || !strings.Contains(one.Body, "second line") || two.Body != "reply two" {
		t.Errorf("got comments %q and %q", one.Body, two.Body)
	}
	if one.Marker != "" || ticket.Marker != "" {
		t.Errorf("what a person wrote has markers %q and %q", ticket.Marker, one.Marker)
	}
	ours := newMarker()
	e.write(event.Step{Kind: event.StepComment, Ref: ref, Marker: ours, Comment: &event.CommentWrite{Body: "ours"}})
	if mine := commentMarked(t, e.read(ref), ours); mine.Author.ID == one.Author.ID {
		t.Errorf("the adapter's account and the Hand's are the same: %+v", mine.Author)
	}
}

func readInternal(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.byHand(e.fields(unique("internal"), "text"))
	e.must(s.Hand.Comment(e.Context(), ref.ID, "for everybody", false))
	if !s.PublicComments {
		e.must(s.Hand.Comment(e.Context(), ref.ID, "for us only", true))
	}
	ticket := e.read(ref)
	if c := commentSaying(t, ticket, "for everybody"); c.Internal {
		t.Error("a public comment reads as internal")
	}
	if s.PublicComments {
		return
	}
	if c := commentSaying(t, ticket, "for us only"); !c.Internal {
		t.Error("an internal comment reads as public")
	}
}

func readLong(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	long := strings.Repeat("All work and no play makes a long text. ", 500) + "The end."
	ref := e.byHand(e.fields(unique("long"), long))
	said := long
	if s.LongestComment > 0 {
		said = long[len(long)-s.LongestComment:]
	}
	e.must(s.Hand.Comment(e.Context(), ref.ID, said, false))
	ticket := e.read(ref)
	flat := func(v any) string {
		s, _ := v.(string)
		return strings.Join(strings.Fields(s), " ")
	}
	if got := flat(ticket.Fields[event.FieldDescription]); got != long {
		t.Errorf("a description of %d characters reads as %d", len(long), len(got))
	}
	if got := flat(commentSaying(t, ticket, "The end.").Body); got != flat(said) {
		t.Errorf("a comment of %d characters reads as %d", len(said), len(got))
	}
}

func readEmpty(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	fields := e.fields(unique("empty"), "")
	delete(fields, event.FieldDescription)
	ticket := e.read(e.byHand(fields))
	for _, name := range []string{event.FieldDescription, s.Text} {
		if v, ok := ticket.Fields[name]; !ok || v != nil {
			t.Errorf("%s, which is empty, reads as %#v (there: %v), want nil", name, v, ok)
		}
	}
}

func readFiles(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.byHand(e.fields(unique("files"), "text"))
	if s.NoFiles {
		if _, ok := e.tracker.(adapters.Files); ok || len(e.read(ref).Attachments) > 0 {
			t.Error("there are no files, and the adapter claims to read some")
		}
		return
	}
	data := bytes.Repeat([]byte("every byte \x00\xff\r\n counts "), 4000)
	e.must(s.Hand.Attach(e.Context(), ref.ID, fileName, data))
	ticket := e.read(ref)
	if len(ticket.Attachments) != 1 {
		t.Fatalf("got %d attachments, want 1: %+v", len(ticket.Attachments), ticket.Attachments)
	}
	a := ticket.Attachments[0]
	if a.Name != fileName || a.Size != int64(len(data)) || a.Marker != "" {
		t.Errorf("got %+v, want the name %q, %d bytes and no marker", a, fileName, len(data))
	}
	if got := digest(e.openFile(ref, a.ID)); got != digest(data) {
		t.Error("the bytes differ from those that a person attached")
	}
	if a.SHA256 != "" && a.SHA256 != digest(data) {
		t.Errorf("the ticket says digest %s, the bytes have %s", a.SHA256, digest(data))
	}
}
