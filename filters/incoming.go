package filters

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"parley/sync/event"
)

// Incoming is a compiled incoming filter: it says what a replica means for our ticket.
type Incoming struct{ script *script }

// CompileIncoming compiles src. The error is Problems and lists every mistake.
func CompileIncoming(src string, env Env) (*Incoming, error) {
	s, err := compile(incoming, src, env)
	if err != nil {
		return nil, err
	}
	return &Incoming{script: s}, nil
}

// Version names the script with its tables and variables: equal versions do the same.
func (f *Incoming) Version() string { return f.script.version }

// Targets lists our fields that the script can set, by their name in
// event.Fields, and "comments" and "attachments". The list is not to be changed.
func (f *Incoming) Targets() []string { return f.script.targets }

// Warnings are mistakes that do not stop the script from being used.
func (f *Incoming) Warnings() Problems { return slices.Clone(f.script.warnings) }

// Source says which of the replica's fields decide about one target.
type Source struct {
	Line   int
	Target string
	// Fields of the replica that the line and the ifs around it read.
	Fields []string
}

// Sources lists, line by line, what each assignment depends on.
func (f *Incoming) Sources() []Source { return sources(f.script.statements, nil) }

func sources(list []compiled, above []string) []Source {
	var out []Source
	for i := range list {
		c := &list[i]
		reads := slices.Clone(above)
		reads = append(reads, c.value.depends...)
		slices.Sort(reads)
		reads = slices.Compact(reads)
		if c.target != nil {
			out = append(out, Source{Line: c.line, Target: c.target.key, Fields: reads})
		}
		out = append(out, sources(c.then, reads)...)
		out = append(out, sources(c.otherwise, reads)...)
	}
	return out
}

// Run says what the replica means. The error is a *RunError, or ctx's.
func (f *Incoming) Run(ctx context.Context, in InInput) (InResult, error) {
	m := f.script.machine()
	defer f.script.release(m)
	r := f.script.begin(ctx, in.Context, m)
	out := &m.in
	out.Fields = make(event.Fields, f.script.fields)
	r.theirs = in.Replica
	r.issue, r.replica, r.previous, r.trace, r.sink = in.Issue, &r.theirs, in.Previous, in.Trace, out
	err := r.execute(f.script.statements, m)
	out.Stop, out.Trace = r.stop, r.traces
	if err != nil {
		return InResult{Trace: out.Trace}, fmt.Errorf("run the incoming filter: %w", err)
	}
	if out.Stop != nil {
		return InResult{Stop: out.Stop, Trace: out.Trace}, nil
	}
	whole := Replica{Fields: out.Fields, Comments: out.Comments, Attachments: out.Attachments}
	if err := withinSize(r, whole); err != nil {
		return InResult{Trace: out.Trace}, fmt.Errorf("run the incoming filter: %w", &RunError{Line: 1, Message: err.Error(), Err: err})
	}
	return *out, nil
}

// connect takes the ticket to pair with.
func (o *InResult) connect(r *run, v any) error {
	switch ref := v.(type) {
	case nil, pendingValue:
		o.Connect = nil
		return nil
	case ticketRef:
		if !r.info.FirstSync {
			return errors.New("connect is for the first sync only; put it under if firstSync")
		}
		o.Connect = &ref.ref
		return nil
	}
	return fmt.Errorf("connect wants a ticket, as ticketBy gives it, not a %s", kindOf(v))
}

// set implements sink.
func (o *InResult) set(r *run, t *target, op string, v any) (string, error) {
	copied := &outward{run: r}
	switch v.(type) {
	case keepValue, pendingValue:
		if op == "=" {
			o.unset(t)
		}
		return keepReason(v), nil
	}
	if t.collection() {
		return "", o.setCollection(copied, t, v)
	}
	if op != "=" {
		return "", o.change(copied, t, op, v)
	}
	v, err := o.by(copied, t, v)
	if err != nil {
		return "", err
	}
	exactly, isExact := v.(exactValue)
	if isExact {
		if t.typ != event.TypeSet && t.typ != event.TypeOptions && t.typ != event.TypeLinks {
			return "", errors.New("exactly is for sets")
		}
		v = exactly.items
		if v == nil {
			v = []any{}
		}
	}
	plain, err := copied.value(v, t.typ)
	if err != nil {
		return "", err
	}
	delete(o.Exact, t.key)
	delete(o.Sets, t.key)
	o.Fields[t.key] = plain
	if isExact {
		if o.Exact == nil {
			o.Exact = map[string]bool{}
		}
		o.Exact[t.key] = true
	}
	return "", nil
}

func (o *InResult) unset(t *target) {
	switch t.key {
	case collectionComments:
		o.Comments, o.CommentsSet, o.KeepRemovedComments = nil, false, false
	case collectionAttachments:
		o.Attachments, o.AttachmentsSet, o.KeepRemovedAttachments = nil, false, false
	default:
		if t.key == event.FieldStatus {
			o.Via = nil
		}
		delete(o.Fields, t.key)
		delete(o.Exact, t.key)
		delete(o.Sets, t.key)
	}
}

func (o *InResult) setCollection(copied *outward, t *target, v any) (err error) {
	stay, kept := v.(stayValue)
	if kept {
		v = stay.items
	}
	if t.key == collectionComments {
		o.Comments, err = copied.comments(v)
		o.CommentsSet, o.KeepRemovedComments = err == nil, kept
		return err
	}
	o.Attachments, err = copied.attachments(v)
	o.AttachmentsSet, o.KeepRemovedAttachments = err == nil, kept
	return err
}

// change does += and -= on a set of our ticket: later lines take back earlier ones.
func (o *InResult) change(copied *outward, t *target, op string, v any) error {
	texts, err := copied.texts(asList(v))
	if err != nil {
		return err
	}
	c := o.Sets[t.key]
	to, from := &c.Add, &c.Remove
	if op == "-=" {
		to, from = from, to
	}
	for _, s := range texts {
		*from = slices.DeleteFunc(*from, func(have any) bool { return have == s })
		if !slices.Contains(*to, s) {
			*to = append(*to, s)
		}
	}
	if o.Sets == nil {
		o.Sets = map[string]SetChange{}
	}
	o.Sets[t.key] = c
	return nil
}
