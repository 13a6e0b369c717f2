package audit

import (
	"context"
	"sync"
)

// Notes collects what changes while something is done, for the record of its end.
type Notes struct {
	mu      sync.Mutex // guards what follows
	changed []Change
}

type notesKey struct{}

// WithNotes returns a context in which Changed writes down.
func WithNotes(ctx context.Context) (context.Context, *Notes) {
	n := &Notes{}
	return context.WithValue(ctx, notesKey{}, n), n
}

// All is what was written down, in order.
func (n *Notes) All() []Change {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]Change(nil), n.changed...)
}

// Changed writes down what something was and is, if anybody keeps a record. The same
// before and after is no change.
func Changed(ctx context.Context, what, was, is string) {
	n, ok := ctx.Value(notesKey{}).(*Notes)
	if !ok || was == is {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.changed = append(n.changed, Change{what, was, is})
}
