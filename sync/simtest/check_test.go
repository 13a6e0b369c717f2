package simtest

import (
	"fmt"
	"slices"
	"strings"

	"parley/sync/event"
	"parley/sync/store"
	"parley/sync/twin"
)

// verdict is what a quiet world does not keep of the promises.
type verdict struct{ violations []string }

func (v *verdict) addf(format string, args ...any) {
	v.violations = append(v.violations, fmt.Sprintf(format, args...))
}

// check holds the quiet world to the promises.
func (w *world) check() []string {
	v := &verdict{}
	for _, n := range w.nodes {
		if n.seen["stopped"] > 0 {
			v.addf("%s stopped a connection", n.name)
		}
		w.checkCreates(v, n)
	}
	for _, l := range w.lines {
		from, to := l.ends[0], l.ends[1]
		if w.flavour() != plainly {
			w.checkGates(v, from, to)
			continue
		}
		for _, e := range l.ends {
			e.checkRest(v)
		}
		if w.shape == reused {
			w.checkErased(v, from, to)
			continue
		}
		w.checkLine(v, from, to)
	}
	got := w.nodes[0].seen["restored"] + w.nodes[1].seen["restored"]
	if want := map[shape]int{restored: 1, together: 2}[w.shape]; got != want {
		v.addf("%d nodes were restored, want %d", got, want)
	}
	v.violations = append(v.violations, w.unforgiven...)
	v.violations = append(v.violations, w.early...)
	return v.violations
}

// checkRest: nothing is under way, held or parked.
func (e *end) checkRest(v *verdict) {
	for _, kind := range openRows {
		if c := e.count(kind); c != 0 {
			v.addf("%s has %d rows of kind %c left for %s: %s", e.node.name, c, kind, e.peer.node.name, e.dump(kind))
		}
	}
	if c := e.undecided(); c != 0 {
		v.addf("%s has %d twins left with %s that wait for a decision", e.node.name, c, e.peer.node.name)
	}
}

func (e *end) dump(kind byte) string {
	var out []string
	_ = e.node.store.View(func(r store.Reader) error {
		return r.Scan(store.Prefix(kind, e.id), nil, func(_, value []byte) (bool, error) {
			out = append(out, fmt.Sprintf("%q", value))
			return true, nil
		})
	})
	return strings.Join(out, ", ")
}

// checkCreates: no ticket was made twice.
func (w *world) checkCreates(v *verdict, n *node) {
	seen := map[event.Marker]string{}
	for _, k := range n.tracker.list {
		if k.Marker == "" {
			continue
		}
		if other := seen[k.Marker]; other != "" {
			v.addf("%s and %s are the same ticket, made twice", other, k.Key)
		}
		seen[k.Marker] = k.Key
	}
}

// checkGates is all that is asked of a pair whose filters ask for what a gate
// does not let through: such tickets wait for a person.
func (w *world) checkGates(v *verdict, from, to *end) {
	for _, e := range []*end{from, to} {
		for _, k := range e.node.tracker.list {
			for _, c := range k.Comments {
				if c.Marker != "" && strings.Contains(c.Body, "internal") {
					v.addf("%s: an internal comment crossed: %s", k.Key, c.Body)
				}
			}
			for _, a := range k.Attachments {
				if a.Marker != "" && strings.Contains(a.Name, "internal") {
					v.addf("%s: an internal file crossed: %s", k.Key, a.Name)
				}
				if a.Marker != "" && w.flavour() == strict && e == to {
					v.addf("%s: the gate let a file in: %s", k.Key, a.Name)
				}
			}
		}
	}
}

// checkLine: the tickets of two nodes agree.
func (w *world) checkLine(v *verdict, from, to *end) {
	pairs := 0
	for _, a := range from.node.tracker.list {
		b := from.twinOf(a)
		switch belongs := w.belongs(from, a); {
		case b == nil && belongs:
			v.addf("%s has no twin at %s", a.Key, to.node.name)
		case b != nil && !belongs:
			v.addf("%s has %s for a twin and should not leave", a.Key, b.Key)
		}
		if b != nil {
			pairs++
			for _, e := range []*end{from, to} {
				if row := e.rowOf(map[*end]*ticket{from: a, to: b}[e]); row == nil || row.State != twin.Live {
					v.addf("%s: its half of %s and %s has ended", e.node.name, a.Key, b.Key)
				}
			}
			w.checkPair(v, from, to, a, b)
		}
	}
	twins := 0
	for _, b := range to.node.tracker.list {
		if w.belongs(to, b) {
			twins++
		}
	}
	for _, e := range []*end{from, to} {
		e.checkAgreed(v, pairs)
	}
	if pairs != twins {
		v.addf("%d tickets of %s have a twin, %d of %s should", pairs, from.node.name, twins, to.node.name)
	}
}

// belongs tells whether a ticket is to be kept in step over the connection.
func (w *world) belongs(e *end, k *ticket) bool {
	if e.node.name != "B" || len(e.node.ends) == 1 || k.Marker == "" {
		return true
	}
	// B made it for A, or for C.
	forA := k.Fields["fields.Key at A"] != nil
	if e.peer.node.name == "A" {
		return forA
	}
	return !forA || w.forwards()
}

func (w *world) checkPair(v *verdict, from, to *end, a, b *ticket) {
	for _, name := range []string{"status", "priority", "summary"} {
		x, y := a.Fields[name], b.Fields[name]
		if name == "summary" {
			// B's filter writes a prefix, and takes it off again; one that a person
			// of B gave has none.
			x, y = bare(x), bare(y)
		}
		lost := from.lost(a, name) || to.lost(b, name)
		if x != y && !lost {
			v.addf("%s and %s differ in %s: %v and %v", a.Key, b.Key, name, x, y)
		}
		if w.shape == pair && !a.decided && !lost {
			checkEdits(v, name, x, a, b)
		}
	}
	checkLinks(v, from, to, a, b)
	if got, want := labels(a), labels(b); !slices.Equal(got, want) {
		v.addf("%s and %s differ in labels: %v and %v", a.Key, b.Key, got, want)
	}
	if got, want := b.Fields["fields.Key at "+from.node.name], a.Key; b.Marker != "" && got != want {
		v.addf("%s: the peer's key is %v, want %s", b.Key, got, want)
	}
	for _, one := range []struct {
		from, to *end
		a, b     *ticket
	}{{from, to, a, b}, {to, from, b, a}} {
		checkComments(v, one.from, one.to, one.a, one.b)
		checkFiles(v, one.from, one.to, one.a, one.b)
	}
}

// lost tells whether the tracker has ignored a field, and the node knows it.
func (e *end) lost(k *ticket, field string) bool {
	if !e.node.tracker.ignores(k, field) {
		return false
	}
	row := e.rowOf(k)
	return row != nil && slices.Contains(row.LostLocal, field)
}

// rowOf is what the node knows of the twin of its ticket; nil if there is none.
func (e *end) rowOf(k *ticket) *twin.Row {
	var row *twin.Row
	_ = e.node.store.View(func(r store.Reader) error {
		id, err := r.Get(store.RefKey(e.id, k.Ref))
		if err == nil {
			row = e.row(event.TwinID(id))
		}
		return err
	})
	return row
}

func bare(summary any) string { return strings.TrimPrefix(summary.(string), "[peer] ") }

// checkEdits: the value both ended with is the last that somebody gave it on
// one of the sides, not an older one that came back.
func checkEdits(v *verdict, name string, value any, a, b *ticket) {
	var last []any
	for _, k := range []*ticket{a, b} {
		if edits := k.edits[name]; len(edits) > 0 {
			last = append(last, edits[len(edits)-1])
		}
	}
	if len(last) > 0 && !slices.Contains(last, value) {
		v.addf("%s: %s is %v, last edits were %v", a.Key, name, value, last)
	}
}

// twinOf finds the peer's ticket for ours by what the nodes know.
func (e *end) twinOf(k *ticket) *ticket {
	var found *ticket
	_ = e.node.store.View(func(r store.Reader) error {
		id, err := r.Get(store.RefKey(e.id, k.Ref))
		if err != nil {
			return err
		}
		if row := e.peer.row(event.TwinID(id)); row != nil {
			found = e.peer.node.tracker.find(row.Ref)
		}
		return nil
	})
	return found
}

func (e *end) row(id event.TwinID) *twin.Row {
	var found *twin.Row
	_ = e.node.store.View(func(r store.Reader) error {
		raw, err := r.Get(store.TwinKey(e.id, id))
		if err == nil {
			found = &twin.Row{}
			err = found.UnmarshalBinary(raw)
		}
		return err
	})
	return found
}

func labels(k *ticket) []string {
	var out []string
	list, _ := k.Fields["labels"].([]any)
	for _, l := range list {
		out = append(out, l.(string))
	}
	slices.Sort(out)
	return out
}

// leaves tells whether something that a person of the node by wrote on a ticket
// of e's goes on to e's peer.
func (e *end) leaves(by string) bool {
	return by == e.node.name || by == "A" && e.node.name == "B" && e.peer.node.name == "C" && e.node.world.forwards()
}

// through tells whether something that a person of the node by wrote comes to
// e over this connection, if it comes at all.
func (e *end) through(by string) bool {
	switch {
	case by == e.node.name:
		return false
	case e.node.name == "B":
		return by == e.peer.node.name
	}
	return true
}

// author is the node whose person wrote a text: "public B 17".
func author(text string) string {
	words := strings.Fields(text)
	return words[len(words)-2]
}

// checkComments: what people wrote for everybody stands on the other side once,
// in order; what they wrote for their own does not, and what came from elsewhere
// only where it may.
func checkComments(v *verdict, from, to *end, a, b *ticket) {
	var want, got []string
	for _, c := range a.Comments {
		if !c.Internal && from.leaves(author(c.Body)) {
			want = append(want, "from peer: "+c.Body)
		}
	}
	for _, c := range b.Comments {
		if c.Marker != "" && to.through(author(c.Body)) {
			got = append(got, c.Body)
		}
	}
	if !slices.Equal(got, want) {
		v.addf("comments of %s on %s:\n got %q\nwant %q", a.Key, b.Key, got, want)
	}
}

func checkFiles(v *verdict, from, to *end, a, b *ticket) {
	var want, got []string
	for _, f := range a.Attachments {
		if !f.Internal && from.leaves(author(f.Name)) {
			want = append(want, f.Name+" "+a.content[f.ID])
		}
	}
	for _, f := range b.Attachments {
		if f.Marker != "" && to.through(author(f.Name)) {
			got = append(got, f.Name+" "+b.content[f.ID])
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		v.addf("files of %s on %s:\n got %q\nwant %q", a.Key, b.Key, got, want)
	}
}
