package flow

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"parley/filters"
	"parley/sync/event"
	"parley/sync/plan"
	"parley/sync/store"
	"parley/sync/twin"
)

// An event that takes a parked one's place says once more what that one had said. That
// is no later change: what it repeats weighs as when it was said first, on both sides,
// and an edit that was made since, on what the parked event had written, stands.

// maxAgain bounds how many earlier events one repeats; what is older weighs as new.
const maxAgain = 16

// repeats finds what of the change only repeats what the parked event before it said.
func (p *Path) repeats(o *outgoing) error {
	row := o.known.row
	if row == nil || row.Out == nil || row.Out.Parked == "" || row.Connect != nil || o.change.Cause == event.CauseResolve {
		return nil
	}
	fields := map[event.Seq][]string{}
	for name, hash := range o.hashes {
		sent := row.Sent[name]
		if sent.State == twin.Waiting && sent.Hash == hash && sent.Said == hash && !slices.Contains(o.change.Disputed, name) {
			fields[sent.Seq] = append(fields[sent.Seq], name)
		}
	}
	if len(fields) == 0 {
		return nil
	}
	var all []event.Again
	err := p.Store.View(func(r store.Reader) error {
		all = nil
		for seq, names := range fields {
			before, err := ownEvent(r, o.con.ID, row.Epoch, seq)
			if err != nil {
				return err
			}
			all = append(all, saidFirst(before, seq, names)...)
		}
		return nil
	})
	o.change.Again = joined(all)
	return err
}

// saidFirst tells by which events fields were said first that the event seq said.
func saidFirst(before event.ChangeBody, seq event.Seq, names []string) []event.Again {
	var out []event.Again
	for _, a := range before.Again {
		a.Fields = slices.DeleteFunc(slices.Clone(a.Fields), func(name string) bool { return !slices.Contains(names, name) })
		names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(a.Fields, name) })
		out = append(out, a)
	}
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { _, said := before.Fields[name]; return !said })
	return append(out, event.Again{Seq: seq, At: before.At, Cause: before.Cause, Fields: names})
}

// joined is a list of repeated events as it stands in a change: each once, in order.
func joined(all []event.Again) []event.Again {
	slices.SortFunc(all, func(a, b event.Again) int { return cmp.Compare(a.Seq, b.Seq) })
	var out []event.Again
	for _, a := range all {
		if last := len(out) - 1; last >= 0 && out[last].Seq == a.Seq {
			out[last].Fields = append(out[last].Fields, a.Fields...)
		} else if len(a.Fields) > 0 {
			out = append(out, a)
		}
	}
	out = out[max(0, len(out)-maxAgain):]
	for _, a := range out {
		slices.Sort(a.Fields)
	}
	return out
}

// repeated tells which of our fields that a change tells the peer of it only
// repeats: told is what the incoming filter would make of the whole of it.
func (p *Path) repeated(ctx context.Context, o *outgoing, input filters.InInput, told event.Fields) map[string]bool {
	out := map[string]bool{}
	for _, a := range o.change.Again {
		input.Replica = filters.Replica{Fields: picked(o.change.Fields, a.Fields)}
		alone, err := o.rules.Incoming.Run(ctx, input)
		if err != nil || alone.Stop != nil {
			continue
		}
		for name, value := range alone.Fields {
			if whole, ok := told[name]; ok && twin.Same(value, whole) {
				out[name] = true
			}
		}
	}
	return out
}

// saidAgain tells what of our fields an event only repeats: what the incoming filter
// makes of it without anything else that it names. An event of which the fields were
// written before the rest of it was refused repeats itself.
func (p *Path) saidAgain(ctx context.Context, in *incoming, input filters.InInput, wanted event.Fields) map[string]twin.Again {
	out := map[string]twin.Again{}
	for _, a := range in.repetitions() {
		unnamed := maps.Clone(in.replica.Fields)
		for name := range in.body.Fields {
			if !slices.Contains(a.Fields, name) {
				delete(unnamed, name)
			}
		}
		input.Context, input.Replica = p.without(in, unnamed), filters.Replica{Fields: unnamed}
		result, err := in.rules.Incoming.Run(ctx, input)
		if err != nil || result.Stop != nil {
			continue
		}
		at, _ := time.Parse(time.RFC3339Nano, a.At)
		said := event.Position{Epoch: in.row.Epoch, Seq: a.Seq}
		for name, value := range wanted {
			if alone, ok := result.Fields[name]; ok && twin.Same(alone, value) {
				out[name] = twin.Again{Cause: a.Cause, At: at, Known: said.Epoch == in.twin.Seen.Epoch && !said.Behind(in.twin.Seen)}
			}
		}
	}
	return out
}

// repetitions are the earlier events that an event repeats.
func (in *incoming) repetitions() []event.Again {
	if in.twin == nil {
		return nil
	}
	if in.twin.Seen == (event.Position{Epoch: in.row.Epoch, Seq: in.row.Seq}) {
		return []event.Again{{
			Seq: in.row.Seq, At: in.body.At, Cause: in.body.Cause, Fields: slices.Collect(maps.Keys(in.body.Fields)),
		}}
	}
	return in.body.Again
}

// weight is the cause and the time of what an event says of one of our fields.
func (in *incoming) weight(name string) (event.Cause, time.Time) {
	if a, again := in.plan.Again[name]; again {
		return a.Cause, a.At
	}
	at, _ := time.Parse(time.RFC3339Nano, in.body.At)
	return in.body.Cause, at
}

func picked(fields event.Fields, names []string) event.Fields {
	out := make(event.Fields, len(names))
	for _, name := range names {
		out[name] = fields[name]
	}
	return out
}

// soFar reads back what a plan has written that is to be dropped, so that it is known
// here; nil if nothing is certain to be in. What is still to be written, a status that
// comes last, is on record as it stands: it is nobody's edit.
func (p *Path) soFar(ctx context.Context, in *incoming) (*result, error) {
	pending, begun := map[string]bool{}, false
	for _, step := range in.plan.Steps {
		if step.State == plan.Done || step.State == plan.Dropped {
			begun = true
			continue
		}
		for name, value := range step.Write.Fields {
			if step.Write.Kind == event.StepCreate || isList(value) {
				return nil, nil
			}
			pending[name] = true
		}
	}
	if !begun || in.connecting() {
		return nil, nil
	}
	in.pending = pending
	r, err := p.readBack(ctx, in)
	in.pending = nil
	return &r, err
}

// storeSoFar records what was read back of a plan that is dropped: in the fields the
// event is applied, and what is edited from here on knew of it.
func (p *Path) storeSoFar(tx store.Tx, in *incoming, soFar *result) error {
	if soFar == nil {
		return nil
	}
	row, err := p.twinFor(tx, in)
	if err != nil {
		return err
	}
	soFar.record(in, row)
	return putTwin(tx, in.con.ID, in.id, row)
}
