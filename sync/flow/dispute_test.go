package flow_test

import (
	"slices"
	"strings"
	"testing"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/twin"
)

// asking is a pair where a's people decide conflicts, with one ticket on each side.
func asking(t *testing.T) (w *world, a, b *node, atA, atB event.Ref) {
	t.Helper()
	w = newWorld(t)
	a, b = w.node("a"), w.node("b")
	x, y := w.join(1, a, b)
	x.asked, y.asked = "a", "a"
	a.plug(x)
	b.plug(y)
	atA = a.desk.open("one")
	w.settle()
	return w, a, b, atA, b.one().Ref
}

// part lets both sides change a field without knowing of each other.
func (w *world) part(a, b *node, atA, atB event.Ref, field, x, y string) {
	w.t.Helper()
	a.wires[0].cut = true
	a.desk.set(atA, field, x)
	b.desk.set(atB, field, y)
	for _, n := range []*node{a, b} {
		n.poll()
		n.alone()
	}
	a.wires[0].cut = false
	w.settle()
}

func (n *node) disputes(ref event.Ref) []string {
	n.w.t.Helper()
	var names []string
	for name := range n.twinOf(ref).Disputes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// decide chooses a value for a field in dispute, as a person does who sees both.
func (n *node) decide(ref event.Ref, field string, value any) error {
	n.w.t.Helper()
	i, err := n.path.Inspect(n.con(), ref, event.TwinID{})
	n.must(err)
	ticket, err := n.desk.Read(n.w.t.Context(), ref)
	n.must(err)
	return n.path.Resolve(n.con(), i.TwinID, field, twin.Decision{Value: value, Ours: event.HashValue(ticket.Fields[field])})
}

func TestAsk_BothKeepTheirOwnUntilAPersonDecides(t *testing.T) {
	t.Parallel()
	w, a, b, atA, atB := asking(t)
	w.part(a, b, atA, atB, "summary", "ours", "theirs")
	if got, want := a.one().Fields["summary"], b.one().Fields["summary"]; got != "ours" || want != "theirs" {
		t.Fatalf("a has %v, b has %v: something was overwritten", got, want)
	}
	// Other fields go on, and so does the field in dispute, without being written.
	a.desk.set(atA, "status", "Waiting")
	b.desk.set(atB, "summary", "theirs again")
	w.settle()
	if got := b.one().Fields["status"]; got != "Waiting" {
		t.Errorf("another field did not go on: %v", got)
	}
	row := a.twinOf(atA)
	ticket, conflicts, err := a.path.Conflicts(t.Context(), a.con(), twinID(t, a, atA), *row)
	if err != nil || len(conflicts) != 1 {
		t.Fatalf("conflicts %v of %s: %v", conflicts, ticket.Key, err)
	}
	c := conflicts[0]
	if c.Field != "summary" || c.Ours != "ours" || c.Theirs != "theirs again" || !c.Known || c.OursAt == 0 || c.TheirsAt == 0 || c.Since == 0 {
		t.Errorf("side by side: %+v", c)
	}
	if got := b.disputes(atB); !slices.Equal(got, []string{"summary"}) {
		t.Errorf("the other side knows of %v", got)
	}
	for _, n := range []*node{a, b} {
		if c := n.compare(); !c.Agreed() || len(c.Moving) > 0 {
			t.Errorf("%s takes the dispute for a difference: %+v", n.name, c)
		}
	}
	if a.rows('w')+b.rows('w')+a.rows('q')+b.rows('q')+a.rows('i')+b.rows('i') != 0 {
		t.Error("something waits; a dispute blocks nothing")
	}
}

func twinID(t *testing.T, n *node, ref event.Ref) event.TwinID {
	t.Helper()
	i, err := n.path.Inspect(n.con(), ref, event.TwinID{})
	n.must(err)
	return i.TwinID
}

func TestAsk_ADecisionWinsOnBothSides(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"ours", "theirs", "a third"} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			w, a, b, atA, atB := asking(t)
			w.part(a, b, atA, atB, "summary", "ours", "theirs")
			a.must(a.decide(atA, "summary", value))
			// While the decision is on its way, b's people change the field again.
			a.alone()
			b.desk.set(atB, "summary", "too late")
			w.settle()
			if x, y := a.one().Fields["summary"], b.one().Fields["summary"]; x != y || x == "ours" && value == "theirs" {
				t.Errorf("a has %v, b has %v", x, y)
			}
			if got := len(a.disputes(atA)) + len(b.disputes(atB)) + a.rows('f') + b.rows('f'); got != 0 {
				t.Errorf("%d are left in dispute", got)
			}
		})
	}
}

// TestAsk_ADisputeThatOneSideSeesIsToldToTheOther: two edits that meet are the same
// to a's filter and not to b's.
func TestAsk_ADisputeThatOneSideSeesIsToldToTheOther(t *testing.T) {
	t.Parallel()
	w, a, b, atA, atB := asking(t)
	rules := b.wires[0].rules
	rules.Outgoing, rules.Incoming = compile(t,
		strings.Replace(outgoing, "issue.summary", `unprefixed("[peer] ", issue.summary)`, 1),
		strings.Replace(incoming, "replica.summary", `prefixed("[peer] ", replica.summary)`, 1))
	w.part(a, b, atA, atB, "summary", "the same", "the same")
	if got := append(a.disputes(atA), b.disputes(atB)...); len(got) != 0 {
		t.Errorf("%v is in dispute where nobody can decide", got)
	}
	if x, y := a.one().Fields["summary"], b.one().Fields["summary"]; x != "the same" || y != "[peer] the same" {
		t.Errorf("a has %v, b has %v", x, y)
	}
	row := b.twinOf(atB)
	if len(row.Untold) != 0 || b.rows('w')+b.rows('q')+a.rows('w')+a.rows('q') != 0 {
		t.Errorf("something is left: %v", row.Untold)
	}
}

// TestAsk_ADecisionIsDoneOnceAfterACrash: between the write to our own tracker and
// the event, and again when the tracker does not say that it wrote.
func TestAsk_ADecisionIsDoneOnceAfterACrash(t *testing.T) {
	t.Parallel()
	w, a, b, atA, atB := asking(t)
	w.part(a, b, atA, atB, "summary", "ours", "theirs")
	writes := 0
	a.desk.on = func(call string, _ event.Step) error {
		if call == "write done" {
			if writes++; writes == 1 {
				return trouble(adapters.ErrDoubt, "write")
			}
		}
		return nil
	}
	a.must(a.decide(atA, "summary", "theirs"))
	a.alone()
	a.crash()
	w.settle()
	if x, y := a.one().Fields["summary"], b.one().Fields["summary"]; x != "theirs" || y != "theirs" {
		t.Errorf("a has %v, b has %v", x, y)
	}
	if got := len(a.disputes(atA)) + len(b.disputes(atB)); got != 0 {
		t.Errorf("%d are left in dispute", got)
	}
}

// TestAsk_ADecisionOnAnotherValueDoesNotHold: who decides has seen both values.
func TestAsk_ADecisionOnAnotherValueDoesNotHold(t *testing.T) {
	t.Parallel()
	w, a, b, atA, atB := asking(t)
	w.part(a, b, atA, atB, "summary", "ours", "theirs")
	a.must(a.decide(atA, "summary", "theirs"))
	a.desk.set(atA, "summary", "ours again")
	w.settle()
	if x, y := a.one().Fields["summary"], b.one().Fields["summary"]; x != "ours again" || y != "theirs" {
		t.Errorf("a has %v, b has %v", x, y)
	}
	if got := a.disputes(atA); !slices.Equal(got, []string{"summary"}) {
		t.Errorf("in dispute: %v", got)
	}
	if err := a.decide(atA, "status", "Done"); err == nil {
		t.Error("a field that is not in dispute was decided on")
	}
}

func TestAsk_EqualValuesEndTheDispute(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"owner", "other"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			w, a, b, atA, atB := asking(t)
			w.part(a, b, atA, atB, "summary", "ours", "theirs")
			if side == "owner" {
				a.desk.set(atA, "summary", "theirs")
			} else {
				b.desk.set(atB, "summary", "ours")
			}
			w.settle()
			if x, y := a.one().Fields["summary"], b.one().Fields["summary"]; x != y {
				t.Errorf("a has %v, b has %v", x, y)
			}
			if got := len(a.disputes(atA)) + len(b.disputes(atB)) + a.rows('f') + b.rows('f'); got != 0 {
				t.Errorf("%d are left in dispute", got)
			}
			a.desk.set(atA, "summary", "later")
			w.settle()
			if got := b.one().Fields["summary"]; got != "later" {
				t.Errorf("the field does not go on: %v", got)
			}
		})
	}
}

// TestFields_TheirsIsPutBack: an edit of a field that is the peer's does not leave,
// and is put back where the settings say so.
func TestFields_TheirsIsPutBack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		on          string
		here, there string
		astray      int
	}{
		{"restore", "one", "one", 0},
		{"warn", "mine", "one", 1},
		{"allow", "mine", "mine", 0},
	} {
		t.Run(tt.on, func(t *testing.T) {
			t.Parallel()
			w, a, b := pair(t)
			rules := b.wires[0].rules
			rules.Owners, rules.OnLocalEdit = map[string]twin.Owner{"summary": twin.Theirs}, tt.on
			ref := a.desk.open("one")
			w.settle()
			there := b.one().Ref
			b.desk.set(there, "summary", "mine")
			b.desk.set(there, "status", "Waiting")
			w.settle()
			if x, y := b.one().Fields["summary"], a.one().Fields["summary"]; x != tt.here || y != tt.there {
				t.Errorf("here %v, want %v; at the peer %v, want %v", x, tt.here, y, tt.there)
			}
			if got := a.one().Fields["status"]; got != "Waiting" {
				t.Errorf("another field did not leave: %v", got)
			}
			if got := b.rows('f'); got != tt.astray {
				t.Errorf("people are told of %d tickets, want %d", got, tt.astray)
			}
			a.desk.set(ref, "summary", "theirs")
			w.settle()
			if x, y := b.one().Fields["summary"], a.one().Fields["summary"]; x != "theirs" || y != "theirs" {
				t.Errorf("after an edit of the peer: %v and %v", x, y)
			}
			if b.rows('f')+b.rows('w')+a.rows('w') != 0 {
				t.Error("rows are left")
			}
		})
	}
}

// TestFields_TheirsThatCannotBePutBackIsNotTriedForEver: the tracker says yes and
// does nothing.
func TestFields_TheirsThatCannotBePutBackIsNotTriedForEver(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	rules := b.wires[0].rules
	rules.Owners, rules.OnLocalEdit = map[string]twin.Owner{"summary": twin.Theirs}, "restore"
	a.desk.open("one")
	w.settle()
	writes := 0
	b.desk.takes = func(k *event.Ticket, field string, value any) any {
		if field == "summary" {
			writes++
			return k.Fields[field]
		}
		return value
	}
	b.desk.set(b.one().Ref, "summary", "mine")
	w.settle()
	b.desk.set(b.one().Ref, "status", "Done")
	w.settle()
	if writes != 1 {
		t.Errorf("it was tried %d times, want once", writes)
	}
	if got := a.one().Fields; got["summary"] != "one" || got["status"] != "Done" {
		t.Errorf("the peer has %v", got)
	}
}

// TestFields_OursIsNotOverwritten: what the peer says of it is answered with ours,
// once; where both sides call it theirs, each keeps its own.
func TestFields_OursIsNotOverwritten(t *testing.T) {
	t.Parallel()
	for _, both := range []bool{false, true} {
		w, a, b := pair(t)
		for i, n := range []*node{a, b} {
			if i == 0 || both {
				n.wires[0].rules.Owners = map[string]twin.Owner{"status": twin.Ours}
			}
		}
		a.desk.open("one")
		w.settle()
		b.desk.set(b.one().Ref, "status", "Done")
		w.settle()
		want := "Open"
		if both {
			want = "Done"
		}
		if x, y := a.one().Fields["status"], b.one().Fields["status"]; x != "Open" || y != want {
			t.Errorf("both %v: here %v, there %v, want %v", both, x, y, want)
		}
		sent := len(w.sent)
		w.settle()
		if len(w.sent) != sent {
			t.Errorf("both %v: they go on telling each other", both)
		}
	}
}
