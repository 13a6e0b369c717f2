package flow

import "parley/sync/event"

// healed are the comments and files that the heal under way has sent in earlier
// events; nil if it has sent none.
func (o *outgoing) healed() map[local]bool {
	last := o.known.work.Healed
	if last == "" {
		return nil
	}
	done := map[local]bool{}
	note := func(at local) bool {
		done[at] = true
		had, known := o.known.here.at(at)
		return known && had.ID == last
	}
	for _, c := range o.replica.Comments {
		if note(local{id: c.ID}) {
			return done
		}
	}
	for _, a := range o.replica.Attachments {
		if note(local{file: true, id: a.ID}) {
			return done
		}
	}
	// The last one is not there any more: the heal begins anew.
	return nil
}

// last is the last comment or file of the change, "" if it has none.
func (o *outgoing) last() event.ItemID {
	if n := len(o.change.Items); n > 0 {
		return o.change.Items[n-1].ID
	}
	return ""
}
