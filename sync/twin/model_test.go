package twin_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley/sync/event"
	"parley/sync/twin"
)

// party is one side of a pair in a model: a ticket, what its node knows, and what
// is on the way to it. Filters name every field as it is.
type party struct {
	name     string
	peer     *party
	policy   twin.Policy
	row      twin.Row
	ticket   event.Fields
	at       time.Time
	received event.Fields
	seq      event.Seq
	// events and outcomes are on their way here, each in order.
	events   []message
	outcomes []event.Outcome
	// parked is the peer's event that waits for a person here, nil if none does.
	parked *message
	// said are this side's events by their numbers.
	said map[event.Seq]message
	// last is the last edit of each field that people made here; knew is the
	// peer's last one that had come here by then.
	last  map[string]edit
	heard map[string]int // of the peer's edits, by field
	edits int
}

type message struct {
	event.ChangeBody
	seq   event.Seq
	edits map[string]int // the sender's last edit of each field
}

type edit struct {
	number int // of this side's
	knew   int // the number of the peer's that had come here
	value  any
}

func modelTypes() map[string]event.Field {
	return map[string]event.Field{"f": {Type: event.TypeText}, "g": {Type: event.TypeOption}, "labels": {Type: event.TypeSet}}
}

func parties(winner string, ask bool) (a, b *party) {
	side := func(us, them string) *party {
		ticket := event.Fields{"f": "begin", "g": "begin", "labels": []any{}}
		p := &party{
			name: us, policy: twin.Policy{Winner: winner, Ask: ask, Us: us, Them: them}, ticket: ticket, at: base(),
			received: maps.Clone(ticket), last: map[string]edit{}, heard: map[string]int{}, said: map[event.Seq]message{},
		}
		p.row.Local, p.row.Sent = map[string]twin.Base{}, map[string]twin.Sent{}
		for name, value := range ticket {
			p.row.Local[name] = twin.Base{Hash: event.HashValue(value)}
			p.row.Sent[name] = twin.Sent{Hash: event.HashValue(value), State: twin.Confirmed}
		}
		return p
	}
	a, b = side("a", "b"), side("b", "a")
	a.peer, b.peer = b, a
	return a, b
}

// person edits the ticket.
func (p *party) person(name string, value any, after time.Duration) {
	p.at = p.at.Add(after)
	p.ticket[name] = value
	p.edits++
	p.last[name] = edit{number: p.edits, knew: p.heard[name], value: value}
}

// look sends what the peer has not confirmed, as the way out does.
func (p *party) look(t *rapid.T) bool {
	if p.row.Out != nil && p.row.Out.Parked == "" {
		return false
	}
	decided, alike := map[string]bool{}, map[string]bool{}
	for name, d := range p.row.Disputes {
		switch {
		case twin.Equal(modelTypes()[name].Type, p.ticket[name], p.received[name]):
			alike[name] = true
		case d.Decision != nil && d.Decision.Holds(p.ticket[name]):
			// An edit of somebody who knows what has come.
			p.person(name, d.Decision.Value, time.Second)
			decided[name] = true
		}
	}
	fields, _ := p.row.Differs(p.ticket, false)
	body := event.ChangeBody{Cause: event.CauseEdit, Fields: fields, Seen: p.row.Seen}
	if len(decided) > 0 {
		body.Cause, body.Fields = event.CauseResolve, event.Fields{}
		for name := range decided {
			body.Fields[name] = p.ticket[name]
			delete(p.row.Disputes, name)
		}
	}
	for name := range alike {
		if len(decided) == 0 { // else it has not left yet
			delete(p.row.Disputes, name)
			body.Fields = maps.Clone(body.Fields)
			if body.Fields == nil {
				body.Fields = event.Fields{}
			}
			body.Fields[name] = p.ticket[name]
		}
	}
	if len(body.Fields) == 0 {
		p.row.SetLocal(p.ticket, p.at)
		return false
	}
	for name := range p.row.Disputes {
		if _, named := body.Fields[name]; named {
			body.Disputed = append(body.Disputed, name)
		}
	}
	again := p.repeats(&body)
	p.seq++
	at := p.row.Later(body.Fields, p.at)
	body.At = at.Format(time.RFC3339Nano)
	p.row.Append(p.seq, twin.HashAll(body.Fields), false, p.at)
	local := p.ticket
	if len(decided) > 0 {
		local = body.Fields // of the others nothing was looked at
	}
	p.row.Carry(local, body.Fields, twin.Carried{Seq: p.seq, Cause: body.Cause, Exact: true, Again: again}, at)
	p.row.SendSets(p.seq, false, twin.OnlySets(body.Fields, modelTypes()), p.ticket)
	m := message{ChangeBody: body, seq: p.seq, edits: map[string]int{}}
	for name := range body.Fields {
		// What the peer said before and was taken on is in it, too.
		m.edits[name] = p.last[name].number
	}
	p.peer.events, p.said[m.seq] = append(p.peer.events, m), m
	t.Logf("%s sends %d: %v, disputed %v, again %v, %s, seen %d", p.name, m.seq, m.Fields, m.Disputed, m.Again, m.Cause, m.Seen.Seq)
	return true
}

// repeats says what an event only repeats of the parked one before it.
func (p *party) repeats(body *event.ChangeBody) map[string]bool {
	out := map[string]bool{}
	if p.row.Out == nil || body.Cause == event.CauseResolve {
		return out
	}
	for _, name := range slices.Sorted(maps.Keys(body.Fields)) {
		sent, hash := p.row.Sent[name], event.HashValue(body.Fields[name])
		if sent.State != twin.Waiting || sent.Hash != hash || sent.Said != hash || slices.Contains(body.Disputed, name) {
			continue
		}
		out[name] = true
		first := p.said[sent.Seq]
		a := event.Again{Seq: sent.Seq, At: first.At, Cause: first.Cause}
		for _, before := range first.Again {
			if slices.Contains(before.Fields, name) {
				a = before
			}
		}
		a.Fields = []string{name}
		body.Again = append(body.Again, a)
	}
	return out
}

// park lets the next event wait for a person, with its fields written or not.
func (p *party) park(t *rapid.T, written bool) {
	m := p.events[0]
	if written {
		p.deliver(t)
		p.peer.outcomes = p.peer.outcomes[:len(p.peer.outcomes)-1]
	} else {
		p.events = p.events[1:]
		maps.Copy(p.received, m.Fields)
	}
	t.Logf("%s parks %d, written: %v", p.name, m.seq, written)
	p.parked = &m
	p.peer.outcomes = append(p.peer.outcomes, event.Outcome{Seq: m.seq, Verdict: event.Parked, Code: event.CodeRejected})
}

// retry takes up what waits for a person.
func (p *party) retry(t *rapid.T) bool {
	if p.parked == nil {
		return false
	}
	p.events = append([]message{*p.parked}, p.events...)
	p.deliver(t)
	return true
}

// merged is what the next event means for the ticket.
func (p *party) merged(m message) (twin.Incoming, twin.Merged) {
	wanted := maps.Clone(p.received)
	same := maps.Clone(p.received)
	maps.Copy(wanted, m.Fields)
	for name := range m.Fields {
		delete(same, name)
	}
	at, _ := time.Parse(time.RFC3339Nano, m.At)
	in := twin.Incoming{
		Wanted: wanted, Same: same, Ours: p.ticket, OursAt: p.at, TheirsAt: at, Cause: m.Cause,
		Seen: m.Seen.Seq, Types: modelTypes(), Disputed: map[string]bool{},
	}
	for _, name := range m.Disputed {
		in.Disputed[name] = true
	}
	in.Again = p.saidAgain(m)
	return in, p.row.Merge(in, p.policy)
}

func (p *party) saidAgain(m message) map[string]twin.Again {
	out := map[string]twin.Again{}
	for _, a := range m.Again {
		at, _ := time.Parse(time.RFC3339Nano, a.At)
		for _, name := range a.Fields {
			out[name] = twin.Again{Cause: a.Cause, At: at, Known: a.Seq <= p.row.Seen.Seq}
		}
	}
	if m.seq == p.row.Seen.Seq {
		at, _ := time.Parse(time.RFC3339Nano, m.At)
		for name := range m.Fields {
			out[name] = twin.Again{Cause: m.Cause, At: at, Known: true}
		}
	}
	return out
}

// deliver applies the next event, as the way in does.
func (p *party) deliver(t *rapid.T) {
	m := p.events[0]
	p.events, p.parked = p.events[1:], nil
	in, out := p.merged(m)
	stands := func(name string) bool {
		if _, written := out.Write[name]; written || name == "labels" {
			return true
		}
		if slices.Contains(out.Disputed, name) {
			return false
		}
		cause, at := m.Cause, in.TheirsAt
		if a, again := in.Again[name]; again {
			cause, at = a.Cause, a.At
		}
		return !p.row.Unseen(name, in.Seen) || !in.Again[name].Known && !p.row.SaidStands(name, cause, at, in.Seen, p.policy)
	}
	echo, agreed := event.Fields{}, event.Fields{}
	for name, said := range out.Said {
		value, written := out.Write[name]
		switch {
		case !stands(name):
			continue
		case name == "labels":
			echo[name] = p.row.Holds(name, said, in.Seen)
		case written:
			echo[name] = value
		default:
			echo[name] = said
			if twin.Equal(modelTypes()[name].Type, said, p.ticket[name]) {
				agreed[name] = p.ticket[name]
			}
		}
	}
	t.Logf("%s applies %d: writes %v, disputed %v", p.name, m.seq, out.Write, out.Disputed)
	if len(out.Write) > 0 {
		p.at = p.at.Add(time.Millisecond)
	}
	maps.Copy(p.ticket, out.Write)
	maps.Copy(agreed, out.Write)
	// The same event again changes nothing.
	if again := p.row.Merge(twin.Incoming{
		Wanted: in.Wanted, Same: in.Same, Ours: p.ticket, OursAt: p.at, TheirsAt: in.TheirsAt, Cause: in.Cause,
		Seen: in.Seen, Types: in.Types, Disputed: in.Disputed, Again: in.Again,
	}, p.policy); len(again.Write) > 0 {
		t.Fatalf("%s: the event %+v once more writes %v", p.name, m, again.Write)
	}
	p.row.Seen = event.Position{Seq: m.seq}
	p.row.Echo(echo, twin.HashAll(echo), in.Seen)
	p.row.Agree(twin.HashAll(agreed), in.Seen)
	p.row.ReceiveSets(twin.OnlySets(out.Said, modelTypes()), in.Seen)
	p.row.Dispute(out.Said, out.Disputed, out.Untold, in.OursAt, in.TheirsAt, p.at)
	maps.Copy(p.received, m.Fields)
	for name, number := range m.edits {
		p.heard[name] = max(p.heard[name], number)
	}
	p.peer.outcomes = append(p.peer.outcomes, event.Outcome{Seq: m.seq, Verdict: event.Applied})
}

// settle takes the next outcome.
func (p *party) settle() {
	p.row.Settle(p.outcomes[0])
	p.outcomes = p.outcomes[1:]
}

// quiet lets all that is under way come to its end.
func quiet(t *rapid.T, a, b *party) {
	t.Helper()
	for i, moved := 0, true; moved; i++ {
		moved = false
		for _, p := range []*party{a, b} {
			for ; len(p.events) > 0; moved = true {
				p.deliver(t)
			}
			for ; len(p.outcomes) > 0; moved = true {
				p.settle()
			}
			moved = p.retry(t) || moved
			moved = p.look(t) || moved
		}
		if i > 100 {
			t.Fatalf("they do not fall quiet:\na %v\nb %v", a.ticket, b.ticket)
		}
	}
}

// live runs any interleaving of edits, looks, deliveries and outcomes. With jumps the
// trackers' clocks are set ahead and back.
func live(t *rapid.T, a, b *party, jumps bool) {
	t.Helper()
	for range rapid.IntRange(1, 60).Draw(t, "turns") {
		p := a
		if rapid.Bool().Draw(t, "at b") {
			p = b
		}
		switch rapid.IntRange(0, 8).Draw(t, "what") {
		case 0, 1:
			name := rapid.SampledFrom([]string{"f", "f", "g"}).Draw(t, "field")
			value := fmt.Sprintf("%s %d", p.name, p.edits)
			if name == "g" {
				value = rapid.SampledFrom([]string{"one", "two"}).Draw(t, "option")
			}
			after := time.Duration(rapid.IntRange(1, 2500).Draw(t, "ms")) * time.Millisecond
			if jumps && rapid.IntRange(0, 3).Draw(t, "clock") == 0 {
				// The tracker's clock is set a day ahead, or back.
				after += time.Duration(2*rapid.IntRange(0, 1).Draw(t, "ahead")-1) * 24 * time.Hour
			}
			p.person(name, value, after)
		case 2:
			p.look(t)
		case 3, 4:
			if len(p.events) > 0 {
				p.deliver(t)
			}
		case 5:
			if len(p.outcomes) > 0 {
				p.settle()
			}
		case 6:
			resolve(t, a)
		case 7:
			if len(p.events) > 0 {
				p.park(t, rapid.Bool().Draw(t, "written"))
			}
		case 8:
			p.retry(t)
		}
	}
}

// resolve decides one dispute at the owner.
func resolve(t *rapid.T, owner *party) {
	for _, name := range slices.Sorted(maps.Keys(owner.row.Disputes)) {
		d := owner.row.Disputes[name]
		value := rapid.SampledFrom([]any{owner.ticket[name], owner.received[name], "decided"}).Draw(t, "decision")
		d.Decision = &twin.Decision{Value: value, Ours: event.HashValue(owner.ticket[name])}
		owner.row.Disputes[name] = d
		return
	}
}

func alike(t *rapid.T, a, b *party) {
	t.Helper()
	for name, value := range a.ticket {
		if !twin.Equal(modelTypes()[name].Type, value, b.ticket[name]) {
			t.Fatalf("%s is %v at a and %v at b", name, value, b.ticket[name])
		}
	}
}

// kept: of the two last edits of a field, the one that was made in knowledge of
// the other stands; without such knowledge it is one of the two.
func kept(t *rapid.T, a, b *party, name string) {
	t.Helper()
	x, y := a.last[name], b.last[name]
	value := a.ticket[name]
	switch {
	case x.number == 0 && y.number == 0:
	case y.number == 0 || x.number > 0 && x.knew >= y.number:
		if value != x.value {
			t.Fatalf("%s is %v; a's last edit, which knew of b's, was %v", name, value, x.value)
		}
	case x.number == 0 || y.knew >= x.number:
		if value != y.value {
			t.Fatalf("%s is %v; b's last edit, which knew of a's, was %v", name, value, y.value)
		}
	case value != x.value && value != y.value:
		t.Fatalf("%s is %v; the last edits were %v and %v", name, value, x.value, y.value)
	}
}

// TestProperty_MergeConvergesAndLosesNoEdit: for any interleaving of edits, looks,
// deliveries and outcomes both sides end alike, the same event again writes nothing,
// and an edit is lost only to a later one, or where the policy decides against it.
func TestProperty_MergeConvergesAndLosesNoEdit(t *testing.T) {
	t.Parallel()
	for _, winner := range []string{twin.Newest, "a", "b"} {
		t.Run(winner, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				a, b := parties(winner, false)
				live(t, a, b, rapid.Bool().Draw(t, "clocks jump"))
				quiet(t, a, b)
				alike(t, a, b)
				kept(t, a, b, "f")
				if len(a.row.Disputes)+len(b.row.Disputes) > 0 {
					t.Fatal("a person is asked where the policy decides")
				}
			})
		})
	}
}

// TestProperty_AskKeepsBothUntilAPersonDecides: where the policy asks, nothing is
// overwritten on either side until the owner's people decide, whatever comes in
// between; then both sides end alike, as decided.
func TestProperty_AskKeepsBothUntilAPersonDecides(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := parties("a", true)
		live(t, a, b, false)
		quiet(t, a, b)
		for _, name := range []string{"f", "g"} {
			if _, open := a.row.Disputes[name]; !open {
				if !twin.Equal(modelTypes()[name].Type, a.ticket[name], b.ticket[name]) {
					t.Fatalf("%s is %v at a and %v at b, and nobody is asked", name, a.ticket[name], b.ticket[name])
				}
				kept(t, a, b, name)
				continue
			}
			for _, p := range []*party{a, b} {
				if p.ticket[name] != p.last[name].value {
					t.Fatalf("%s: %s is %v, people left it at %v, and nobody has decided", p.name, name, p.ticket[name], p.last[name].value)
				}
			}
			if a.received[name] != b.ticket[name] || b.received[name] != a.ticket[name] {
				t.Fatalf("%s: a has %v and knows %v, b has %v and knows %v", name, a.ticket[name], a.received[name], b.ticket[name], b.received[name])
			}
		}
		for range 2 {
			resolve(t, a)
			quiet(t, a, b)
		}
		alike(t, a, b)
		if len(a.row.Disputes)+len(b.row.Disputes) > 0 {
			t.Fatalf("still open: a %v, b %v", a.row.Disputes, b.row.Disputes)
		}
	})
}

// TestProperty_SetsKeepWhatNobodyTookOut: entries that people add and take out on
// both sides end alike, with every entry that only was added.
func TestProperty_SetsKeepWhatNobodyTookOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := parties(twin.Newest, false)
		added, removed := map[any]bool{}, map[any]bool{}
		for range rapid.IntRange(1, 40).Draw(t, "turns") {
			p := a
			if rapid.Bool().Draw(t, "at b") {
				p = b
			}
			have := p.ticket["labels"].([]any)
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				entry := any(fmt.Sprintf("%s%d", p.name, p.edits))
				added[entry] = true
				p.person("labels", append(slices.Clone(have), entry), time.Second)
			case 1:
				if len(have) > 0 {
					entry := rapid.SampledFrom(have).Draw(t, "entry")
					removed[entry] = true
					p.person("labels", slices.DeleteFunc(slices.Clone(have), func(v any) bool { return v == entry }), time.Second)
				}
			case 2:
				p.look(t)
			case 3, 4:
				if len(p.events) > 0 {
					p.deliver(t)
				}
			case 5:
				if len(p.outcomes) > 0 {
					p.settle()
				}
			}
		}
		quiet(t, a, b)
		alike(t, a, b)
		for entry := range added {
			if got, want := slices.Contains(a.ticket["labels"].([]any), entry), !removed[entry]; got != want {
				t.Fatalf("%v stands: %v, want %v in %v", entry, got, want, a.ticket["labels"])
			}
		}
	})
}
