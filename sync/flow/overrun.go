package flow

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/plan"
	"parley/sync/store"
	"parley/sync/twin"
)

// A tracker without an optimistic lock takes our write over an edit that somebody
// made after we read the ticket. Its history tells; then both had changed the field
// without knowing of each other, which is a conflict as any other. Where the edit
// stands, it is written back and leaves as ours.

// locked tells whether no write of the plan can have run over anybody's edit.
func (in *incoming) locked() bool {
	return !slices.ContainsFunc(in.plan.Steps, func(s plan.Step) bool {
		return len(s.Write.Fields) > 0 && s.Write.Kind == event.StepUpdate && s.Write.Lock == ""
	})
}

// overruns are edits by somebody that the plan's writes ran over, by field. Sets
// are left out: they merge entry by entry, and nobody's entry is overwritten by
// what was not there.
func (in *incoming) overruns(schema event.Schema) map[string]adapters.Edit {
	if in.locked() {
		return nil
	}
	var out map[string]adapters.Edit
	for name, want := range with(in.plan.Want(), in.back) {
		kind := schema.Fields[name].Type
		if isList(want) || isList(in.plan.Before[name]) {
			continue
		}
		edit, ok := lastBefore(in.past, name, kind, want, in.plan)
		if !ok || twin.Equal(kind, edit.New, in.plan.Before[name]) || twin.Equal(kind, edit.New, want) {
			continue
		}
		if out == nil {
			out = map[string]adapters.Edit{}
		}
		out[name] = edit
	}
	return out
}

// lastBefore is what somebody had made of a field when the plan first wrote it.
func lastBefore(past []adapters.Edit, name string, kind event.Type, want any, pl *plan.Plan) (adapters.Edit, bool) {
	of := slices.DeleteFunc(slices.Clone(past), func(e adapters.Edit) bool { return e.Field != name })
	ours := func(e adapters.Edit) bool { return e.Own && (twin.Equal(kind, e.New, want) || pl.Passed(name, e.New)) }
	for i := len(of) - 1; i > 0; i-- {
		if !ours(of[i]) {
			continue
		}
		for i > 0 && ours(of[i-1]) {
			i-- // hops on the way to a status
		}
		if i == 0 || of[i-1].Own || !twin.Equal(kind, of[i-1].New, of[i].Old) {
			return adapters.Edit{}, false
		}
		return of[i-1], true
	}
	return adapters.Edit{}, false
}

// restore plans what is to be written back of edits that were run over. It reports
// whether there is something to do. Each field is decided about once; but writing
// back may run over a newer edit, which then stands.
func (p *Path) restore(ctx context.Context, in *incoming) (bool, error) {
	if len(in.past) == 0 || in.judged && len(in.back) == 0 {
		return false, nil
	}
	schema, err := p.Schema(ctx)
	if err != nil {
		return false, err
	}
	over := in.overruns(schema)
	back := event.Fields{}
	for _, name := range slices.Sorted(maps.Keys(over)) {
		_, again := in.back[name]
		if in.judged && !again || in.rules.merging()[name] == twin.Theirs {
			continue
		}
		cause, theirsAt := in.weight(name)
		stands, asked := in.con.Policy.EditStands(over[name].At, cause, theirsAt)
		verdict := "the peer's change stands"
		switch {
		case asked:
			verdict = "it is written back, and a person decides"
			in.plan.Disputed = withName(in.plan.Disputed, name)
		case again || stands:
			verdict = "it is written back"
		default:
			in.lose(name, over[name])
		}
		if again || stands {
			back[name] = over[name].New
			in.plan.Kept = withName(in.plan.Kept, name)
		}
		in.editedAt = later(in.editedAt, over[name].At)
		p.Observe(Observation{
			What: "overran", Connection: in.con.Name, Twin: in.id, Key: in.key(), Code: event.CodeConflict, At: p.Now(),
			Detail: "an edit of " + name + " came between reading and writing: " + verdict,
		})
	}
	if in.judged, in.back = true, back; len(back) == 0 {
		return false, nil
	}
	more := plan.Plan{Steps: []plan.Step{{State: plan.Planned, Write: event.Step{
		Kind: event.StepUpdate, Ref: in.plan.Ref, Fields: back,
	}}}}
	more.StatusLast(true)
	in.plan.Steps = append(in.plan.Steps, more.Steps...)
	in.plan.IntendAll(p.Boot.Random, p.Now())
	return true, p.storeSteps(in, "store what is written back")
}

// lose notes an edit that the policy decided against.
func (in *incoming) lose(name string, edit adapters.Edit) {
	if in.overran == nil {
		in.overran = map[string]adapters.Edit{}
	}
	in.overran[name] = edit
}

// tellOverran records the edits that were lost, for people to see and to choose. Only
// an edit that is kept can be chosen.
func (in *incoming) tellOverran(row *twin.Row, r result, kept bool) {
	if !kept || len(in.overran) == 0 {
		return
	}
	if row.Overran == nil {
		row.Overran = map[string]twin.Overrun{}
	}
	for name, edit := range in.overran {
		_, theirsAt := in.weight(name)
		row.Overran[name] = twin.Overrun{
			Since: r.now.Unix(), OursAt: edit.At.Unix(), TheirsAt: theirsAt.Unix(),
			Event: event.Position{Epoch: in.row.Epoch, Seq: in.row.Seq}, Stands: r.bases[name],
		}
	}
}

// overwritten is what the fields that an event changed were before it: of those
// that our write ran over, what somebody had made of them; none of which ours stands.
func (in *incoming) overwritten() event.Fields {
	before := in.plan.Before
	if len(in.overran)+len(in.plan.Kept) == 0 {
		return before
	}
	before = maps.Clone(before)
	if before == nil {
		before = event.Fields{} // of a ticket that was made
	}
	for name, edit := range in.overran {
		before[name] = edit.New
	}
	for _, name := range in.plan.Kept {
		delete(before, name)
	}
	return before
}

// Overran is an edit that the peer's change was written over.
type Overran struct {
	Field string
	twin.Overrun
	// Edit is what somebody had made of the field, Stands what our ticket has.
	Edit, Stands any
	ref          event.Ref
	key          string
}

// Overruns tells of which edits of a ticket a person may still choose.
func (p *Path) Overruns(con *Connection, id event.TwinID, ticket event.Ticket, row twin.Row) ([]Overran, error) {
	var out []Overran
	err := p.Store.View(func(r store.Reader) error {
		for _, name := range slices.Sorted(maps.Keys(row.Overran)) {
			o := row.Overran[name]
			kept, err := get[beforeRow](r, store.BeforeKey(con.ID, id, o.Event))
			if err != nil {
				return err
			}
			if kept == nil {
				continue
			}
			out = append(out, Overran{
				Field: name, Overrun: o, Edit: kept.Before[name], Stands: ticket.Fields[name], ref: ticket.Ref, key: ticket.Key,
			})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the edits of ticket %s that were written over: %w", ticket.Key, err)
	}
	return out, nil
}

// Choose ends an overrun as a person wants. What differs from what our ticket has is
// written to it, as an undo is, and leaves as an edit.
func (p *Path) Choose(con *Connection, id event.TwinID, o Overran, value any) error {
	if !twin.Same(value, o.Stands) {
		return p.Undo(con, Undo{
			Twin: id, Ref: o.ref, Key: o.key, At: o.Event,
			Set: event.Fields{o.Field: value}, Now: event.Fields{o.Field: o.Stands},
		}, false)
	}
	err := p.Store.Update(func(tx store.Tx) error {
		row, err := twinRow(tx, con.ID, id)
		if err != nil {
			return err
		}
		if row == nil || row.Overran[o.Field].Event != o.Event {
			return ErrNone
		}
		delete(row.Overran, o.Field)
		return putTwin(tx, con.ID, id, row)
	})
	if err != nil {
		return fmt.Errorf("store what was chosen for %s: %w", o.Field, err)
	}
	return nil
}

// withName is list with an entry, once.
func withName(list []string, entry string) []string {
	if slices.Contains(list, entry) {
		return list
	}
	return append(list, entry)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
