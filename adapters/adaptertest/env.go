package adaptertest

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// env is one test's own proxy and adapter.
type env struct {
	*testing.T
	subject *Subject
	proxy   *proxy
	tracker adapters.Tracker
}

func newEnv(t *testing.T, s *Subject) *env {
	t.Helper()
	e := &env{T: t, subject: s, proxy: newProxy(t, s.URL)}
	e.reopen()
	return e
}

// reopen drops the adapter and opens another: what a restart leaves.
func (e *env) reopen() {
	e.Helper()
	if e.tracker != nil {
		if err := e.tracker.Close(); err != nil {
			e.Fatalf("close the adapter: %v", err)
		}
	}
	tracker := e.subject.Open(e.T, e.proxy.url)
	e.tracker = tracker
	e.Cleanup(func() { _ = tracker.Close() }) // a second Close must be harmless
}

func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// fields are those of a ticket to create.
func (e *env) fields(summary, description string) event.Fields {
	f := maps.Clone(e.subject.Create)
	if f == nil {
		f = event.Fields{}
	}
	f[event.FieldSummary] = summary
	f[event.FieldDescription] = description
	return f
}

// create makes a ticket by the adapter.
func (e *env) create(summary string) event.Ref {
	e.Helper()
	w, err := e.tracker.Write(e.Context(), event.Step{
		Kind: event.StepCreate, Marker: newMarker(), Fields: e.fields(summary, "made by the suite"),
	}, nil)
	e.must(err)
	if w.Ref.IsZero() || w.Ref.Created == 0 || w.Key == "" {
		e.Fatalf("create answered %+v, want ref with time, and key", w)
	}
	return w.Ref
}

// byHand makes a ticket as a person.
func (e *env) byHand(fields event.Fields) event.Ref {
	e.Helper()
	_, key, err := e.subject.Hand.Create(e.Context(), fields)
	e.must(err)
	change, err := e.tracker.Locate(e.Context(), key)
	e.must(err)
	return change.Ref
}

// write does a step that must work.
func (e *env) write(step event.Step) event.Written {
	e.Helper()
	w, err := e.tracker.Write(e.Context(), step, nil)
	if err != nil {
		e.Fatalf("%s: %v", step.Kind, err)
	}
	if w.Ref.IsZero() || (!step.Ref.IsZero() && w.Ref != step.Ref) {
		e.Fatalf("%s answered ref %v, want %v", step.Kind, w.Ref, step.Ref)
	}
	return w
}

// read reads a ticket and checks that it is as tickets are.
func (e *env) read(ref event.Ref) event.Ticket {
	e.Helper()
	ticket, err := e.tracker.Read(e.Context(), ref)
	e.must(err)
	if ticket.Ref != ref {
		e.Errorf("Read answered %v for %v", ticket.Ref, ref)
	}
	checkTicket(e.T, ticket)
	return ticket
}

// attach writes a file and returns its step.
func (e *env) attach(ref event.Ref, name string, data []byte) event.Step {
	e.Helper()
	step := attachStep(ref, name, data)
	_, err := e.tracker.Write(e.Context(), step, bytes.NewReader(data))
	e.must(err)
	return step
}

func attachStep(ref event.Ref, name string, data []byte) event.Step {
	return event.Step{
		Kind: event.StepAttach, Marker: newMarker(), Ref: ref,
		Attachment: &event.AttachmentWrite{
			Name: name, Size: int64(len(data)), MIME: "text/plain", SHA256: digest(data),
		},
	}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// openFile reads a file's bytes.
func (e *env) openFile(ref event.Ref, id string) []byte {
	e.Helper()
	files, ok := e.tracker.(adapters.Files)
	if !ok {
		e.Fatal("the adapter reads attachments but not their bytes: Files is missing")
	}
	r, err := files.Open(e.Context(), ref, id)
	e.must(err)
	defer func() { _ = r.Close() }()
	data, err := io.ReadAll(r)
	e.must(err)
	return data
}

// settle waits until what was tried before may be asked about. It is long:
// tests try all that they try first, and settle once.
func (e *env) settle() {
	settled := time.NewTimer(e.tracker.SettleTime())
	defer settled.Stop()
	<-settled.C
}

// found asks where a settled step is, for as long as the adapter says later. A
// connection that breaks on a busy machine is asked again, as by the path.
func (e *env) found(step event.Step) event.Found {
	e.Helper()
	var found event.Found
	e.eventually("Find to answer", func() bool {
		var err error
		found, err = e.tracker.Find(e.Context(), step)
		if errors.Is(err, adapters.ErrTransient) {
			e.Logf("asked again: %v", err)
			return false
		}
		e.must(err)
		return found.Presence != event.FoundLater
	})
	return found
}

// eventually polls until ok, for as long as the tracker may lag and a bit.
func (e *env) eventually(what string, ok func() bool) {
	e.Helper()
	deadline := time.Now().Add(20*time.Second + 2*e.subject.Lag + 2*e.tracker.SettleTime())
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			e.Fatalf("waited in vain for %s", what)
		}
		select {
		case <-tick.C:
		case <-e.Context().Done():
			e.Fatalf("the test ended while waiting for %s", what)
		}
	}
}

// start is a cursor from which everything that follows is seen.
func (e *env) start() event.Cursor {
	e.Helper()
	_, cursor, err := e.tracker.Changes(e.Context(), "", 50)
	e.must(err)
	if cursor == "" {
		e.Fatal("Changes from the empty cursor answered the empty cursor")
	}
	return cursor
}

// newMarker is what the product makes: 16 characters of base32.
func newMarker() event.Marker {
	raw := make([]byte, 10)
	_, _ = rand.Read(raw) // never fails
	return event.Marker(strings.ToLower(base32.StdEncoding.EncodeToString(raw)))
}

// unique makes a text that no other test has.
func unique(text string) string { return text + " " + string(newMarker()[:8]) }

// class names the class of an error; an error has exactly one.
func class(err error) string {
	var found []string
	for name, c := range map[string]error{
		"ErrTransient": adapters.ErrTransient, "ErrLimited": adapters.ErrLimited, "ErrDoubt": adapters.ErrDoubt,
		"ErrRejected": adapters.ErrRejected, "ErrDenied": adapters.ErrDenied, "ErrGone": adapters.ErrGone,
		"ErrConfiguration": adapters.ErrConfiguration, "ErrChanged": adapters.ErrChanged,
	} {
		if errors.Is(err, c) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return strings.Join(found, " and ")
}

// wantClass checks that an error is of one of the classes, and of no other.
func wantClass(t testing.TB, what string, err error, classes ...error) {
	t.Helper()
	var wanted []string
	for _, c := range classes {
		wanted = append(wanted, class(c))
	}
	if got := class(err); !slices.Contains(wanted, got) {
		t.Errorf("%s: got error %q of class %q, want %s", what, text(err), got, strings.Join(wanted, " or "))
	}
}

func text(err error) string {
	if err == nil {
		return "none"
	}
	return err.Error()
}
