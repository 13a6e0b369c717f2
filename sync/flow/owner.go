package flow

import (
	"slices"

	"parley/sync/event"
	"parley/sync/twin"
)

// What becomes of a local edit of a field that is the peer's.
const (
	OnEditRestore = "restore" // the peer's value is put back
	OnEditWarn    = "warn"    // it stays here, does not leave, and people are told
	OnEditAllow   = "allow"   // it leaves as any other edit
)

// theirs tells whether there are fields of the peer's to look after.
func (r *Rules) theirs() bool {
	if r.OnLocalEdit == OnEditAllow {
		return false
	}
	for _, owner := range r.Owners {
		if owner == twin.Theirs {
			return true
		}
	}
	return false
}

// merging are the owners as a merge sees them: an edit of ours that is allowed to
// leave meets the peer's as any other.
func (r *Rules) merging() map[string]twin.Owner {
	if r.OnLocalEdit != OnEditAllow {
		return r.Owners
	}
	out := map[string]twin.Owner{}
	for name, owner := range r.Owners {
		if owner == twin.Ours {
			out[name] = owner
		}
	}
	return out
}

// owners finds fields of the peer's that people changed here.
func (o *outgoing) owners(schema event.Schema, set event.Fields) {
	if !o.rules.theirs() {
		return
	}
	for name, owner := range o.rules.Owners {
		want, known := o.up.theirs[name]
		have := o.ticket.Fields[name]
		switch base := o.known.row.Local[name]; {
		case owner != twin.Theirs, !known, base.Hash == event.HashValue(have), twin.Equal(schema.Fields[name].Type, want, have):
		case o.rules.OnLocalEdit == OnEditRestore && !isLost(o.known.row.LostLocal, name):
			set[name] = want
		}
	}
}

// hide shows the filter the peer's own value in place of an edit that is not to
// leave, and takes the field out of what is agreed on with it.
func (o *outgoing) hide(schema event.Schema) {
	if !o.rules.theirs() {
		return
	}
	for name, owner := range o.rules.Owners {
		want, known := o.up.theirs[name]
		have := o.ticket.Fields[name]
		if owner != twin.Theirs || !known || o.known.row.Local[name].Hash == event.HashValue(have) || twin.Equal(schema.Fields[name].Type, want, have) {
			continue
		}
		o.ours.Fields = with(o.ours.Fields, event.Fields{name: want})
		delete(o.mergeable(), name)
		o.up.astray = append(o.up.astray, name)
	}
	slices.Sort(o.up.astray)
}

func isLost(lost []string, name string) bool {
	return slices.ContainsFunc(lost, func(loss string) bool { field, _ := twin.LossOf(loss); return field == name })
}
