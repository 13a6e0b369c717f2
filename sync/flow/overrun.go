package flow

import (
	"context"
	"maps"
	"slices"
	"time"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/plan"
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
	if in.created() || in.locked() {
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
	theirsAt, _ := time.Parse(time.RFC3339Nano, in.body.At)
	back := event.Fields{}
	for _, name := range slices.Sorted(maps.Keys(over)) {
		_, again := in.back[name]
		if in.judged && !again {
			continue
		}
		verdict := "the peer's change stands"
		if again || in.con.Policy.EditStands(over[name].At, in.body.Cause, theirsAt) {
			verdict = "it is written back"
			back[name] = over[name].New
			in.plan.Kept = append(in.plan.Kept, name)
		}
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
