package adaptertest

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
)

func writePromises() []promise {
	return []promise{
		{"CreateReadsBackWhole", writeCreate},
		{"EveryFieldTakesItsValues", writeFields},
		{"NilEmptiesAField", writeNil},
		{"AParentIsSetChangedAndTakenAway", writeParent},
		{"LinksAreMadeAndTakenAwayOneByOne", writeLinks},
		{"ALinkThatIsRefusedIsNeverKeptQuiet", refuseLink},
		{"UnknownOptionIsNotTakenSilently", writeUnknownOption},
		{"UnknownFieldIsRefused", writeUnknownField},
		{"StatusFollowsTheWorkflow", writeStatus},
		{"CommentsPublicAndInternal", writeComments},
		{"UpdateMayHoldAComment", writeUpdateWithComment},
		{"CommentInAnothersNameIsOurs", writeAs},
		{"CommentOfOursCanBeEditedOrIsRefused", writeEditComment},
		{"AttachKeepsBytesNameAndVisibility", writeAttach},
		{"BrokenBodyAttachesNothing", writeBrokenBody},
		{"LockKeepsAnOlderDecisionOut", writeLock},
		{"LongestSummaryIsKept", writeLongSummary},
	}
}

func writeCreate(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	fields := e.fields(unique("create "+words), "Body "+words+"\n\nnext paragraph")
	for name, values := range s.Fields {
		fields[name] = values[0]
	}
	step := event.Step{Kind: event.StepCreate, Marker: newMarker(), Fields: fields}
	w := e.write(step)
	ticket := e.read(w.Ref)
	if ticket.Marker != step.Marker || ticket.Key != w.Key {
		t.Errorf("got marker %q and key %q, want %q and %q", ticket.Marker, ticket.Key, step.Marker, w.Key)
	}
	for name, want := range fields {
		if d := cmp.Diff(ticket.Fields[name], want); d != "" {
			t.Errorf("%s after create (-got +want):\n%s", name, d)
		}
	}
	located, err := e.tracker.Locate(t.Context(), w.Key)
	e.must(err)
	if located.Ref != w.Ref || located.Key != w.Key {
		t.Errorf("Locate gave %v %q, want %v %q", located.Ref, located.Key, w.Ref, w.Key)
	}
}

func writeFields(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("fields"))
	set := func(round int) {
		step := event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldSummary: unique("fields " + words)}}
		for name, values := range s.Fields {
			step.Fields[name] = values[round]
		}
		if !s.DescriptionFixed {
			step.Fields[event.FieldDescription] = unique("Text "+words) + "\n\nmore"
		}
		e.write(step)
		ticket := e.read(ref)
		for name, want := range step.Fields {
			if d := cmp.Diff(ticket.Fields[name], want); d != "" {
				t.Errorf("%s, value %d (-got +want):\n%s", name, round+1, d)
			}
		}
	}
	set(0)
	set(1)
	before := e.read(ref)
	e.write(event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{s.Text: s.Fields[s.Text][0]}})
	after := e.read(ref)
	for _, name := range slices.Sorted(maps.Keys(before.Fields)) {
		if name == s.Text || name == event.FieldUpdated {
			continue
		}
		if d := cmp.Diff(after.Fields[name], before.Fields[name]); d != "" {
			t.Errorf("a write of %s changed %s (-got +want):\n%s", s.Text, name, d)
		}
	}
}

func writeNil(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("nil"))
	names := []string{s.Text}
	if !s.DescriptionFixed {
		names = append(names, event.FieldDescription)
	}
	e.write(event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{s.Text: s.Fields[s.Text][0]}})
	for _, name := range names {
		if e.read(ref).Fields[name] == nil {
			t.Fatalf("%s is empty before it was emptied", name)
		}
		e.write(event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{name: nil}})
		if v, ok := e.read(ref).Fields[name]; !ok || v != nil {
			t.Errorf("%s reads as %#v (there: %v) after nil was written", name, v, ok)
		}
	}
}

func writeUnknownOption(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("option"))
	good := s.Fields[s.Option][0]
	e.write(event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{s.Option: good}})
	const bogus = "No such option"
	_, err := e.tracker.Write(t.Context(), event.Step{
		Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{s.Option: bogus},
	}, nil)
	if err != nil {
		wantClass(t, "an unknown option", err, adapters.ErrRejected)
	}
	if got := e.read(ref).Fields[s.Option]; got == bogus || (err != nil && got != good) {
		t.Errorf("after an unknown option the field is %#v, want %#v", got, good)
	}
}

func writeUnknownField(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("field"))
	_, err := e.tracker.Write(t.Context(), event.Step{
		Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.CustomPrefix + "No such field": "x"},
	}, nil)
	wantClass(t, "a field that is not there", err, adapters.ErrRejected, adapters.ErrConfiguration)
}

func writeStatus(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("status"))
	if len(s.Statuses) == 0 {
		schema, err := e.tracker.Schema(t.Context())
		e.must(err)
		if schema.Fields[event.FieldStatus].Writable {
			t.Error("the Subject has no status to write, and the schema says that it can be written")
		}
		return
	}
	for _, status := range s.Statuses {
		e.write(event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldStatus: status}})
		if got := e.read(ref).Fields[event.FieldStatus]; got != status {
			t.Fatalf("status is %v, want %v", got, status)
		}
	}
	last := s.Statuses[len(s.Statuses)-1]
	_, err := e.tracker.Write(t.Context(), event.Step{
		Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldStatus: s.Refused},
	}, nil)
	if err != nil {
		wantClass(t, "a status that the workflow refuses", err, adapters.ErrRejected)
	}
	if got := e.read(ref).Fields[event.FieldStatus]; got != last {
		t.Errorf("after the refused status %q the ticket is %v, want %q", s.Refused, got, last)
	}
}

func writeComments(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("comments"))
	for _, internal := range []bool{false, true} {
		step := event.Step{
			Kind: event.StepComment, Ref: ref, Marker: newMarker(),
			Comment: &event.CommentWrite{Body: unique("said "+words) + "\n\nand more", Internal: internal},
		}
		if internal && s.PublicComments {
			e.refusesInternal(step)
			continue
		}
		w := e.write(step)
		c := commentMarked(t, e.read(ref), step.Marker)
		if c.Body != step.Comment.Body || c.Internal != internal {
			t.Errorf("got %q, internal %v; want %q, internal %v", c.Body, c.Internal, step.Comment.Body, internal)
		}
		if w.Item != "" && w.Item != c.ID {
			t.Errorf("Write answered item %q, the comment is %q", w.Item, c.ID)
		}
	}
}

func writeUpdateWithComment(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("both"))
	for _, internal := range []bool{false, true} {
		step := event.Step{
			Kind: event.StepUpdate, Ref: ref, Marker: newMarker(),
			Fields:  event.Fields{event.FieldSummary: unique("both at once")},
			Comment: &event.CommentWrite{Body: unique("with a comment"), Internal: internal},
		}
		if internal && s.PublicComments {
			e.refusesInternal(step)
			continue
		}
		e.write(step)
		ticket := e.read(ref)
		c := commentMarked(t, ticket, step.Marker)
		if c.Body != step.Comment.Body || c.Internal != internal {
			t.Errorf("got %q, internal %v; want %q, internal %v", c.Body, c.Internal, step.Comment.Body, internal)
		}
		if got := ticket.Fields[event.FieldSummary]; got != step.Fields[event.FieldSummary] {
			t.Errorf("got summary %q, want %q", got, step.Fields[event.FieldSummary])
		}
	}
}

// refusesInternal: where there are no internal comments, one must not become public,
// and what would go with it must not be done either.
func (e *env) refusesInternal(step event.Step) {
	e.Helper()
	before := e.read(step.Ref)
	_, err := e.tracker.Write(e.Context(), step, nil)
	wantClass(e.T, "an internal comment where there are none", err, adapters.ErrRejected, adapters.ErrConfiguration)
	after := e.read(step.Ref)
	if len(after.Comments) != len(before.Comments) || after.Fields[event.FieldSummary] != before.Fields[event.FieldSummary] {
		e.Errorf("a refused internal comment left %+v and %v", after.Comments, after.Fields[event.FieldSummary])
	}
}

// writeAs: a comment that we wrote in somebody's name is that one's for all who read it,
// and ours for us: it has its marker, and can be edited as any of ours.
func writeAs(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	if s.WritesAs == "" {
		e.ownNameOnly()
		return
	}
	if !e.schema().Impersonate {
		t.Error("the schema does not say that the account may write in the name of others")
	}
	ref := e.create(unique("as"))
	step := event.Step{Kind: event.StepComment, Ref: ref, Marker: newMarker(), Comment: &event.CommentWrite{Body: "before", As: s.WritesAs}}
	w := e.write(step)
	c := commentMarked(t, e.read(ref), step.Marker)
	if c.Author.ID != s.WritesAs || c.Body != "before" || w.Item != "" && w.Item != c.ID {
		t.Errorf("it reads %+v, and Write says %q", c, w.Item)
	}
	if s.EditsComments {
		step.Comment = &event.CommentWrite{ID: c.ID, Body: "after"}
		e.write(step)
		if got := commentMarked(t, e.read(ref), step.Marker); got.Body != "after" || got.Author.ID != s.WritesAs {
			t.Errorf("edited it reads %+v", got)
		}
	}
	step.Marker, step.Comment = newMarker(), &event.CommentWrite{Body: "nobody's", As: "no-such-person-987654"}
	_, err := e.tracker.Write(t.Context(), step, nil)
	wantClass(t, "a comment in the name of nobody", err, adapters.ErrRejected, adapters.ErrDenied, adapters.ErrConfiguration)
	if n := len(e.read(ref).Comments); n != 1 {
		t.Errorf("there are %d comments, want 1: what could not be written in a name was written without", n)
	}
}

// ownNameOnly: what cannot be done is not promised to filters.
func (e *env) ownNameOnly() {
	e.Helper()
	if e.schema().Impersonate {
		e.Error("the schema says that the account may write in the name of others, and Subject.WritesAs names nobody")
	}
}

func writeEditComment(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("edit"))
	step := event.Step{Kind: event.StepComment, Ref: ref, Marker: newMarker(), Comment: &event.CommentWrite{Body: "before"}}
	e.write(step)
	c := commentMarked(t, e.read(ref), step.Marker)
	edited := step
	edited.Comment = &event.CommentWrite{ID: c.ID, Body: "after"}
	_, err := e.tracker.Write(t.Context(), edited, nil)
	if !s.EditsComments {
		wantClass(t, "the edit of a comment", err, adapters.ErrRejected, adapters.ErrConfiguration)
		if got := commentMarked(t, e.read(ref), step.Marker); got.Body != "before" {
			t.Errorf("the comment reads %q", got.Body)
		}
		return
	}
	e.must(err)
	ticket := e.read(ref)
	if got := commentMarked(t, ticket, step.Marker); got.Body != "after" || got.ID != c.ID || len(ticket.Comments) != 1 {
		t.Errorf("got %+v, want the same comment with the text after", ticket.Comments)
	}
	edited.Comment = &event.CommentWrite{ID: "987654321", Body: "nobody's"}
	_, err = e.tracker.Write(t.Context(), edited, nil)
	wantClass(t, "the edit of a comment that is not there", err, adapters.ErrGone, adapters.ErrRejected)
}

func writeAttach(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("attach"))
	if s.NoFiles {
		e.refusesFiles(ref)
		return
	}
	for name, data := range map[string][]byte{
		fileName:     []byte("small"),
		"large.bin":  bytes.Repeat([]byte("\x00\x01\xfe\xff large "), 100_000),
		"empty.txt":  {},
		"a b+c%.txt": []byte("signs in the name"),
	} {
		step := e.attach(ref, name, data)
		a := fileMarked(t, e.read(ref), step.Marker)
		if a.Name != name || a.Size != int64(len(data)) || a.Internal {
			t.Errorf("got %+v, want %q of %d bytes, public", a, name, len(data))
		}
		if got := digest(e.openFile(ref, a.ID)); got != step.Attachment.SHA256 {
			t.Errorf("the bytes of %q read back differ", name)
		}
	}
	data := []byte("for us only")
	step := attachStep(ref, "internal.txt", data)
	step.Attachment.Internal = true
	_, err := e.tracker.Write(t.Context(), step, bytes.NewReader(data))
	if s.PublicFiles {
		wantClass(t, "an internal file where there are none", err, adapters.ErrRejected, adapters.ErrConfiguration)
		return
	}
	e.must(err)
	if a := fileMarked(t, e.read(ref), step.Marker); !a.Internal {
		t.Error("a file written as internal reads as public")
	}
}

// refusesFiles: where there are no files, nothing of one is sent.
func (e *env) refusesFiles(ref event.Ref) {
	e.Helper()
	data := []byte("a file")
	step := attachStep(ref, "refused.txt", data)
	e.proxy.set(e.subject.Effect, cut)
	_, err := e.tracker.Write(e.Context(), step, bytes.NewReader(data))
	wantClass(e.T, "a file where there are none", err, adapters.ErrRejected, adapters.ErrConfiguration)
	if n := e.proxy.heal(); n > 0 {
		e.Errorf("%d requests were made for a file that is refused", n)
	}
	if found := e.found(step); found.Presence != event.FoundNone {
		e.Errorf("Find of a refused file says %q, want none", found.Presence)
	}
}

var errBroken = errors.New("the source broke")

func writeBrokenBody(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("broken"))
	data := bytes.Repeat([]byte("x"), 300_000)
	tried := map[string]event.Step{}
	for name, body := range map[string]io.Reader{
		"breaks": io.MultiReader(bytes.NewReader(data[:100_000]), brokenReader{}),
		"short":  bytes.NewReader(data[:100_000]),
	} {
		step := attachStep(ref, name+".bin", data)
		if _, err := e.tracker.Write(t.Context(), step, body); err == nil {
			t.Errorf("%s: a file was written of which a third came", name)
		} else if class(err) == "" {
			t.Errorf("%s: the error is of no class: %v", name, err)
		}
		tried[name] = step
	}
	e.settle()
	for name, step := range tried {
		if found := e.found(step); found.Presence != event.FoundNone {
			t.Errorf("%s: Find says %q, want none", name, found.Presence)
		}
	}
	if ticket := e.read(ref); len(ticket.Attachments) != 0 {
		t.Errorf("got attachments %+v, want none", ticket.Attachments)
	}
}

type brokenReader struct{}

// Read implements io.Reader.
func (brokenReader) Read([]byte) (int, error) { return 0, errBroken }

func writeLock(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("lock"))
	before := e.read(ref)
	if !s.Lock {
		if before.Lock != "" {
			t.Errorf("the Subject has no lock, Read gives %q", before.Lock)
		}
		return
	}
	e.must(s.Hand.Edit(t.Context(), ref.ID, event.Fields{event.FieldSummary: "a person was faster"}))
	late := event.Step{
		Kind: event.StepUpdate, Ref: ref, Lock: before.Lock, Marker: newMarker(),
		Fields:  event.Fields{event.FieldSummary: "too late"},
		Comment: &event.CommentWrite{Body: "too late"},
	}
	_, err := e.tracker.Write(t.Context(), late, nil)
	wantClass(t, "a write with an older lock", err, adapters.ErrChanged)
	after := e.read(ref)
	if after.Fields[event.FieldSummary] != "a person was faster" || len(after.Comments) != 0 {
		t.Errorf("a write with an older lock left %v and %+v", after.Fields[event.FieldSummary], after.Comments)
	}
	late.Lock = after.Lock
	e.write(late)
	if got := e.read(ref).Fields[event.FieldSummary]; got != "too late" {
		t.Errorf("a write with the right lock left %v", got)
	}
}

func writeLongSummary(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("long summary"))
	schema, err := e.tracker.Schema(t.Context())
	e.must(err)
	longest := schema.Fields[event.FieldSummary].MaxLength
	if longest == 0 {
		longest = 150 // unbounded as far as known: at least this
	}
	want := strings.Repeat("é", longest)
	e.write(event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldSummary: want}})
	if got := e.read(ref).Fields[event.FieldSummary]; got != want {
		t.Errorf("a summary of the %d characters that the schema allows reads as %v", longest, got)
	}
	_, err = e.tracker.Write(t.Context(), event.Step{
		Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldSummary: strings.Repeat("a", longest+100)},
	}, nil)
	if err != nil {
		wantClass(t, "a summary that is too long", err, adapters.ErrRejected)
	}
}
