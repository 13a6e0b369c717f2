package flow

import (
	"context"
	"maps"
	"slices"

	"parley/filters"
	"parley/sync/event"
	"parley/sync/twin"
)

// loss is what the peer is told of what our tracker ignored or changed: names of
// its own fields, and a code.
type loss struct {
	names []string
	why   event.Code
}

// lostOf finds which fields of the event the lost ones were made of. Names of our
// own fields stay home. What the script makes of nothing that the event says is
// no loss of the peer's.
func (p *Path) lostOf(ctx context.Context, in *incoming, lost []string) loss {
	if len(lost) == 0 {
		return loss{}
	}
	var out loss
	for i, l := range lost {
		if _, why := twin.LossOf(l); i == 0 || why == out.why {
			out.why = why
		} else {
			out.why = ""
		}
	}
	whole := in.replica
	whole.Comments, whole.Attachments, whole.CommentsSent, whole.AttachmentsSent = nil, nil, false, false
	all, ok := p.makes(ctx, in, whole)
	if !ok {
		return loss{}
	}
	for _, name := range slices.Sorted(maps.Keys(in.body.Fields)) {
		part := whole
		part.Fields = maps.Clone(whole.Fields)
		delete(part.Fields, name)
		without, _ := p.makes(ctx, in, part)
		for _, l := range lost {
			field, _ := twin.LossOf(l)
			was, had := all[field]
			if is, has := without[field]; had && (!has || !twin.Same(was, is)) {
				out.names = append(out.names, name)
				break
			}
		}
	}
	return out
}

// makes is what the incoming filter makes of a replica's fields.
func (p *Path) makes(ctx context.Context, in *incoming, replica filters.Replica) (event.Fields, bool) {
	input := filters.InInput{Context: p.incomingContext(in, replica.Fields), Replica: replica}
	if in.ours != nil {
		ours := ours(in.con, *in.ours, &known{})
		input.Issue = &ours
	}
	out, err := in.rules.Incoming.Run(ctx, input)
	return out.Fields, err == nil && out.Stop == nil
}
