package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
)

func behaviourPromises() []promise {
	return []promise{
		{"OpenMakesNoRequest", openIsQuiet},
		{"CloseTwice", closeTwice},
		{"CancelIsPrompt", cancelIsPrompt},
		{"CancelledBeforehandWritesNothing", cancelledBefore},
		{"ManyAtOnce", manyAtOnce},
		{"AbilitiesWork", abilities},
		{"WebhooksAreCheckedAndNameTheTicket", webhooks},
		{"TableSaysWhatIsProven", capabilities},
	}
}

// closedAddress is u with a port that nobody listens on.
func closedAddress(t *testing.T, u *url.URL) *url.URL {
	t.Helper()
	var c net.ListenConfig
	l, err := c.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := *u
	gone.Host = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return &gone
}

func openIsQuiet(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	e.proxy.set(everything, cut)
	e.reopen()
	if n := e.proxy.heal(); n != 0 {
		t.Errorf("Open made %d requests", n)
	}
}

func closeTwice(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	e.start()
	for range 2 {
		if err := e.tracker.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

// prompt is how soon a cancelled call must return, patience how long the suite
// waits to tell how late it is.
const (
	prompt   = 5 * time.Second
	patience = 20 * time.Second
)

func cancelIsPrompt(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	calls := e.calls()
	ref := e.create(unique("cancel"))
	arrived := make(chan struct{}, 100)
	e.proxy.set(everything, func(w http.ResponseWriter, r *http.Request, f forwarder) {
		arrived <- struct{}{}
		hang(w, r, f)
	})
	calls["Write"] = func(ctx context.Context) error {
		_, err := e.tracker.Write(ctx, event.Step{
			Kind: event.StepComment, Ref: ref, Marker: newMarker(), Comment: &event.CommentWrite{Body: "cancelled"},
		}, nil)
		return err
	}
	for _, name := range sortedNames(calls) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- calls[name](ctx) }()
		<-arrived
		cancelled := time.Now()
		cancel()
		var err error
		select {
		case err = <-done:
		case <-time.After(patience):
			t.Fatalf("%s goes on %v after it was cancelled", name, patience)
		}
		if took := time.Since(cancelled); took > prompt {
			t.Errorf("%s returned %v after it was cancelled", name, took)
		}
		if !errors.Is(err, context.Canceled) || class(err) == "" {
			t.Errorf("%s: got %v of class %q, want a class and context.Canceled", name, err, class(err))
		}
	}
}

func cancelledBefore(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("cancelled"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	all := adding(e, ref)
	for kind, a := range all {
		if _, err := e.tracker.Write(ctx, a.step, bodyOf(a.data)); err == nil {
			t.Errorf("%s with a cancelled context says that it worked", kind)
		}
	}
	e.settle()
	for kind, a := range all {
		if found := e.found(a.step); found.Presence != event.FoundNone {
			t.Errorf("%s with a cancelled context: Find says %q", kind, found.Presence)
		}
	}
}

// manyAtOnce uses one adapter from many goroutines; the race detector watches.
func manyAtOnce(t *testing.T, s *Subject) {
	const workers, rounds = 6, 3
	e := newEnv(t, s)
	cursor, ref := e.start(), e.create(unique("many"))
	var all sync.WaitGroup
	var mu sync.Mutex
	var markers []event.Marker
	var errs []error
	for worker := range workers {
		all.Go(func() {
			for round := range rounds {
				step := event.Step{
					Kind: event.StepComment, Ref: ref, Marker: newMarker(),
					Comment: &event.CommentWrite{Body: fmt.Sprintf("worker %d round %d", worker, round)},
				}
				_, errWrite := e.tracker.Write(t.Context(), step, nil)
				_, errRead := e.tracker.Read(t.Context(), ref)
				_, _, errChanges := e.tracker.Changes(t.Context(), cursor, 20)
				_, errSchema := e.tracker.Schema(t.Context())
				mu.Lock()
				markers = append(markers, step.Marker)
				errs = append(errs, errWrite, errRead, errChanges, errSchema)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	ticket := e.read(ref)
	for _, m := range markers {
		commentMarked(t, ticket, m)
	}
	if len(ticket.Comments) != workers*rounds {
		t.Errorf("got %d comments, want %d", len(ticket.Comments), workers*rounds)
	}
}

// abilities tries the interfaces beside Tracker that the adapter has.
func abilities(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("abilities"))
	e.must(s.Hand.Comment(t.Context(), ref.ID, "by a person", false))
	if p, ok := e.tracker.(adapters.People); ok {
		e.tryPeople(p, ref)
	}
	if p, ok := e.tracker.(adapters.Assigner); ok {
		if yes, err := p.Assignable(e.Context(), "", "nobody-of-that-name"); yes || err != nil {
			t.Errorf("Assignable to nobody gave %v, %v; want no and no error", yes, err)
		}
	}
	if p, ok := e.tracker.(adapters.Searcher); ok {
		e.trySearcher(p, ref)
	}
	if p, ok := e.tracker.(adapters.Prober); ok {
		if found := p.Probe(t.Context()); len(found) == 0 || worst(found) == adapters.LevelError {
			t.Errorf("Probe of a good set-up: %+v", found)
		}
	}
	if p, ok := e.tracker.(adapters.Maker); ok {
		e.tryMaker(p)
	}
	if p, ok := e.tracker.(adapters.Historian); ok {
		e.tryHistorian(p)
		e.tellsAll(p)
	}
	if p, ok := e.tracker.(adapters.Workflow); ok && len(s.Statuses) > 0 {
		e.tryWorkflow(p)
	}
	if p, ok := e.tracker.(adapters.Watcher); ok {
		e.tryWatcher(p, ref)
	}
	if p, ok := e.tracker.(adapters.Remover); ok {
		e.tryRemover(p)
	}
}

// tryRemover removes a comment and a file that the account wrote, and nothing else; what
// is not there any more is no error, and a ticket that is not is gone.
func (e *env) tryRemover(p adapters.Remover) {
	e.Helper()
	ref := e.create(unique("removal"))
	e.write(event.Step{Kind: event.StepComment, Ref: ref, Marker: newMarker(), Comment: &event.CommentWrite{Body: "stays"}})
	e.write(event.Step{Kind: event.StepComment, Ref: ref, Marker: newMarker(), Comment: &event.CommentWrite{Body: "goes"}})
	goes := []event.Removal{{ID: commentSaying(e.T, e.read(ref), "goes").ID}}
	if !e.subject.NoFiles {
		e.attach(ref, "goes.txt", []byte("goes"))
		e.attach(ref, "stays.txt", []byte("stays"))
		for _, a := range e.read(ref).Attachments {
			if a.Name == "goes.txt" {
				goes = append(goes, event.Removal{File: true, ID: a.ID})
			}
		}
	}
	for _, what := range goes {
		e.must(p.Remove(e.Context(), ref, what))
		e.must(p.Remove(e.Context(), ref, what))
		stranger := event.Ref{ID: ref.ID, Created: ref.Created - 3600}
		wantClass(e.T, "a removal from an id with another created time", p.Remove(e.Context(), stranger, what), adapters.ErrGone)
	}
	e.eventually("what was removed to be gone, and nothing else", func() bool {
		k := e.read(ref)
		return len(k.Comments) == 1 && k.Comments[0].Body == "stays" && (e.subject.NoFiles || len(k.Attachments) == 1 && k.Attachments[0].Name == "stays.txt")
	})
}

func (e *env) tryPeople(p adapters.People, ref event.Ref) {
	e.Helper()
	author := commentSaying(e.T, e.read(ref), "by a person").Author
	people, err := p.FindUser(e.Context(), author.ID)
	e.must(err)
	if !slices.ContainsFunc(people, func(u event.User) bool { return u.ID == author.ID }) {
		e.Errorf("FindUser(%q) gave %+v", author.ID, people)
	}
	if people, err = p.FindUser(e.Context(), "nobody@nowhere.invalid"); err != nil || len(people) != 0 {
		e.Errorf("FindUser of nobody gave %+v, %v; want none and no error", people, err)
	}
}

func (e *env) trySearcher(p adapters.Searcher, ref event.Ref) {
	e.Helper()
	value := unique("search")
	e.write(event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{e.subject.Text: value}})
	e.eventually("ByField to find the ticket", func() bool {
		changes, err := p.ByField(e.Context(), e.subject.Text, value, 2)
		e.must(err)
		return len(changes) == 1 && changes[0].Ref == ref
	})
	// Part of the value is another value.
	changes, err := p.ByField(e.Context(), e.subject.Text, value[:len(value)-1], 2)
	if err != nil || len(changes) != 0 {
		e.Errorf("ByField of a part of the value gave %+v, %v; want none", changes, err)
	}
}

func (e *env) tryHistorian(p adapters.Historian) {
	e.Helper()
	ref := e.create(unique("history"))
	since := e.read(ref).Updated
	ours, theirs := unique("ours"), unique("theirs")
	e.write(event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldSummary: ours}})
	e.must(e.subject.Hand.Edit(e.Context(), ref.ID, event.Fields{event.FieldSummary: theirs}))
	edits, err := p.History(e.Context(), ref, since)
	e.must(err)
	edits = slices.DeleteFunc(edits, func(x adapters.Edit) bool { return x.Field != event.FieldSummary })
	if len(edits) != 2 {
		e.Fatalf("History gave %+v, want two changes of the summary", edits)
	}
	if edits[0].New != ours || !edits[0].Own || edits[1].New != theirs || edits[1].Own || edits[1].Old != ours {
		e.Errorf("History gave %+v, want ours then theirs", edits)
	}
}

// tellsAll: that a history names no change of a field means that nobody made one, or the
// adapter says that it does not tell of the field.
func (e *env) tellsAll(p adapters.Historian) {
	e.Helper()
	ref := e.create(unique("told"))
	before := e.read(ref)
	fields := event.Fields{}
	for name, values := range e.subject.Fields {
		fields[name] = values[0]
	}
	if !e.subject.DescriptionFixed {
		fields[event.FieldDescription] = "another text"
	}
	if e.subject.Parent != nil && e.subject.Child == nil {
		fields[event.FieldParent] = map[string]any{"id": e.create(unique("above")).ID}
	}
	if len(e.subject.Links) > 0 {
		fields[event.FieldLinks] = event.LinksValue([]event.Link{{Type: e.subject.Links[0], ID: e.create(unique("beside")).ID}})
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		e.write(event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{name: fields[name]}})
	}
	after := e.read(ref)
	edits, err := p.History(e.Context(), ref, before.Updated)
	e.must(err)
	partial, some := e.tracker.(adapters.Partial)
	for name := range fields {
		told := slices.ContainsFunc(edits, func(x adapters.Edit) bool { return x.Field == name })
		changed := !cmp.Equal(before.Fields[name], after.Fields[name])
		if changed && !told && (!some || partial.Tells(name)) {
			e.Errorf("History does not tell that %s was changed, and the adapter does not say so", name)
		}
	}
}

// tryWorkflow: what Moves says of the present status is exact, so all of it is taken.
func (e *env) tryWorkflow(p adapters.Workflow) {
	e.Helper()
	ref := e.create(unique("workflow"))
	for range 2 {
		ticket := e.read(ref)
		status, _ := ticket.Fields[event.FieldStatus].(string)
		moves, err := p.Moves(e.Context(), ref)
		e.must(err)
		next := slices.DeleteFunc(slices.Clone(moves[status]), func(to string) bool { return to == status })
		if len(next) == 0 {
			e.Fatalf("Moves of a ticket that is %s gave %v, want what may follow", status, moves)
		}
		for _, to := range next {
			if len(ticket.Next) > 0 && !slices.Contains(ticket.Next, to) {
				e.Errorf("Moves says that %s follows %s, Ticket.Next has only %q", to, status, ticket.Next)
			}
		}
		e.write(event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldStatus: next[0]}})
		if got := e.read(ref).Fields[event.FieldStatus]; got != next[0] {
			e.Errorf("status is %v after a move to %s that Moves names", got, next[0])
		}
	}
}

func (e *env) tryWatcher(p adapters.Watcher, ref event.Ref) {
	e.Helper()
	hints := p.Watch()
	// The first hint may be for the beginning: change until one follows.
	heard := 0
	for n := 0; heard < 2; n++ {
		e.must(e.subject.Hand.Edit(e.Context(), ref.ID, event.Fields{event.FieldSummary: unique("watched")}))
		ctx, cancel := context.WithTimeout(e.Context(), time.Second)
		select {
		case <-hints:
			heard++
		case <-ctx.Done():
		}
		cancel()
		if n > 20 {
			e.Fatal("Watch said nothing of twenty changes")
		}
	}
}
