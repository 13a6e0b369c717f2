package adaptertest

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"

	"parley/adapters"
	"parley/sync/event"
)

// call is one read of the adapter, in a form that faults can be tried on.
type call func(context.Context) error

// reads are the calls that must answer an error when the tracker's answer is
// none: an empty result would read as "there is nothing".
func (e *env) reads(ref event.Ref, cursor event.Cursor, key, file string) map[string]call {
	find := event.Step{Kind: event.StepComment, Ref: ref, Marker: newMarker(), Comment: &event.CommentWrite{Body: "x"}}
	create := event.Step{Kind: event.StepCreate, Marker: newMarker(), Fields: e.fields("x", "x")}
	all := map[string]call{
		"Changes": func(ctx context.Context) error {
			_, _, err := e.tracker.Changes(ctx, cursor, 10)
			return err
		},
		"Changes from the empty cursor": func(ctx context.Context) error {
			_, _, err := e.tracker.Changes(ctx, "", 10)
			return err
		},
		"Read": func(ctx context.Context) error {
			_, err := e.tracker.Read(ctx, ref)
			return err
		},
		"List": func(ctx context.Context) error {
			_, _, err := e.tracker.List(ctx, e.subject.Query, "", 10)
			return err
		},
		"Locate": func(ctx context.Context) error {
			_, err := e.tracker.Locate(ctx, key)
			return err
		},
		"Find a comment": func(ctx context.Context) error { return e.findIsSure(ctx, find) },
		"Find a create":  func(ctx context.Context) error { return e.findIsSure(ctx, create) },
		"Open": func(ctx context.Context) error {
			files, ok := e.tracker.(adapters.Files)
			if !ok {
				return errors.New("the adapter does not implement Files")
			}
			r, err := files.Open(ctx, ref, file)
			if err != nil {
				return err
			}
			defer func() { _ = r.Close() }()
			_, err = io.Copy(io.Discard, r)
			return err
		},
	}
	if e.subject.NoFiles {
		delete(all, "Open")
	}
	return all
}

// findIsSure counts later as sure: it claims nothing, but it hides an error.
func (e *env) findIsSure(ctx context.Context, step event.Step) error {
	_, err := e.tracker.Find(ctx, step)
	return err
}

// target is a ticket, with a file where there are files, that reads are tried on. All tests share one:
// nobody changes it.
type target struct {
	once   sync.Once
	cursor event.Cursor
	ref    event.Ref
	key    string
	file   string
}

// calls are the reads of the target by this test's adapter.
func (e *env) calls() map[string]call {
	e.Helper()
	x := e.subject.target
	x.once.Do(func() {
		x.cursor = e.start()
		w := e.write(event.Step{Kind: event.StepCreate, Marker: newMarker(), Fields: e.fields(unique("target"), "text")})
		if !e.subject.NoFiles {
			step := e.attach(w.Ref, "target.txt", []byte("bytes of a file that is long enough to be cut"))
			x.file = fileMarked(e.T, e.read(w.Ref), step.Marker).ID
		}
		x.ref, x.key = w.Ref, w.Key
	})
	if x.key == "" {
		e.Fatal("the ticket that reads are tried on could not be made")
	}
	return e.reads(x.ref, x.cursor, x.key, x.file)
}

// each runs all calls at once and returns their errors by name: what hangs
// hangs side by side.
func each(ctx context.Context, calls map[string]call) map[string]error {
	var mu sync.Mutex
	var all sync.WaitGroup
	out := map[string]error{}
	for name, do := range calls {
		all.Go(func() {
			err := do(ctx)
			mu.Lock()
			defer mu.Unlock()
			out[name] = err
		})
	}
	all.Wait()
	return out
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
