package filters

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"parley/sync/event"
)

// Outgoing is a compiled outgoing filter: it makes a replica of our ticket.
type Outgoing struct{ script *script }

// CompileOutgoing compiles src. The error is Problems and lists every mistake.
func CompileOutgoing(src string, env Env) (*Outgoing, error) {
	s, err := compile(outgoing, src, env)
	if err != nil {
		return nil, err
	}
	return &Outgoing{script: s}, nil
}

// Version names the script with its tables and variables: equal versions do the same.
func (f *Outgoing) Version() string { return f.script.version }

// Targets lists the replica's fields that the script can set, by their name in
// event.Fields, and "comments" and "attachments". The list is not to be changed.
func (f *Outgoing) Targets() []string { return f.script.targets }

// Warnings are mistakes that do not stop the script from being used.
func (f *Outgoing) Warnings() Problems { return slices.Clone(f.script.warnings) }

// Reads lists what of our ticket the script reads, as scripts write it.
func (f *Outgoing) Reads() []string { return f.script.readsOf("issue.") }

// Remembers tells whether the script compares with the last replica sent: only
// then need it be kept.
func (f *Outgoing) Remembers() bool { return f.script.remembers }

// Run makes the replica. The error is a *RunError, or ctx's.
func (f *Outgoing) Run(ctx context.Context, in OutInput) (OutResult, error) {
	m := f.script.machine()
	defer f.script.release(m)
	r := f.script.begin(ctx, in.Context, m)
	out := &m.out
	out.Replica.Fields = make(event.Fields, f.script.fields)
	r.ours = in.Issue
	r.issue, r.replica, r.previous, r.trace, r.sink = &r.ours, &out.Replica, in.Previous, in.Trace, out
	err := r.execute(f.script.statements, m)
	out.Stop, out.Trace = r.stop, r.traces
	if err != nil {
		return OutResult{Trace: out.Trace}, fmt.Errorf("run the outgoing filter: %w", err)
	}
	if out.Stop != nil {
		return OutResult{Stop: out.Stop, Trace: out.Trace}, nil
	}
	if err := withinSize(r, out.Replica); err != nil {
		return OutResult{Trace: out.Trace}, fmt.Errorf("run the outgoing filter: %w", &RunError{Line: 1, Message: err.Error(), Err: err})
	}
	return *out, nil
}

// set implements sink.
func (o *OutResult) set(r *run, t *target, op string, v any) (string, error) {
	switch v.(type) {
	case keepValue, pendingValue:
		o.unset(t)
		return keepReason(v), nil
	case exactValue, stayValue:
		return "", errors.New("exactly and keepRemoved are for incoming filters")
	}
	copied := &outward{run: r, cut: true}
	if t.collection() {
		return "", o.setCollection(copied, t, v)
	}
	if op != "=" {
		return "", o.change(copied, t, op, v)
	}
	plain, err := copied.value(v, t.typ)
	if err != nil {
		return "", err
	}
	o.Replica.Fields[t.key] = plain
	return "", nil
}

func keepReason(v any) string {
	if _, ok := v.(pendingValue); ok {
		return "pending: the twin is not here yet"
	}
	return "keep"
}

func (o *OutResult) unset(t *target) {
	switch t.key {
	case collectionComments:
		o.Replica.Comments, o.Replica.CommentsSent = nil, false
	case collectionAttachments:
		o.Replica.Attachments, o.Replica.AttachmentsSent = nil, false
	default:
		delete(o.Replica.Fields, t.key)
	}
}

func (o *OutResult) setCollection(copied *outward, t *target, v any) (err error) {
	if t.key == collectionComments {
		o.Replica.Comments, err = copied.comments(v)
		o.Replica.CommentsSent = err == nil
		return err
	}
	o.Replica.Attachments, err = copied.attachments(v)
	o.Replica.AttachmentsSent = err == nil
	return err
}

// change does += and -= on a set of the replica.
func (o *OutResult) change(copied *outward, t *target, op string, v any) error {
	texts, err := copied.texts(asList(v))
	if err != nil {
		return err
	}
	list, _ := o.Replica.Fields[t.key].([]any)
	have := slices.DeleteFunc(append([]any{}, list...), func(one any) bool {
		_, isText := one.(string)
		return !isText || op == "-=" && slices.Contains(texts, one)
	})
	if op == "+=" {
		have = append(have, texts...)
	}
	o.Replica.Fields[t.key] = sortedSet(have)
	return nil
}

// asList lets += take one text as well as a list.
func asList(v any) any {
	switch v.(type) {
	case nil:
		return []any{}
	case []any:
		return v
	}
	return []any{v}
}

// withinSize bounds a whole result; each value was bounded when it was set.
func withinSize(r *run, result Replica) error {
	if n := replicaBytes(result); n > r.limits.Result {
		return fmt.Errorf("%w: the result has %d KB of %d", ErrLimit, n>>10, r.limits.Result>>10)
	}
	return nil
}
