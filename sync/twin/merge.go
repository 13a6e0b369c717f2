package twin

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"parley/sync/event"
)

// Policy decides who wins where both sides changed a field without knowing of
// each other. It is part of the agreed connection, so both sides decide alike.
type Policy struct {
	// Winner is a node id, or "newest".
	Winner string
	// Ask is set if not Winner's edit wins, but what a person there decides.
	Ask bool
	// Us and Them are the node ids.
	Us, Them string
}

// Newest compares the trackers' change times; a tie goes to the lower node id.
const Newest = "newest"

// oursWins tells whether our change, made at ours, stands against theirs.
func (p Policy) oursWins(ours, theirs time.Time) bool {
	if p.Winner != Newest {
		return p.Winner == p.Us
	}
	// Whole seconds: the event names the time with the coarser of the trackers'
	// precisions, and both sides must compare the same two numbers.
	a, b := ours.Unix(), theirs.Unix()
	if a != b {
		return a > b
	}
	return p.Us < p.Them
}

// Owner says whose a field is at one side, by that side's own settings.
type Owner string

// The owners.
const (
	Ours   Owner = "ours"   // nothing of the peer's is written to it
	Theirs Owner = "theirs" // an edit of ours that has not left gives way
)

// Incoming is what a merge decides on.
type Incoming struct {
	// Wanted is what the incoming filter makes of the peer's whole replica.
	// Same is what it makes with the fields that the event names left out: what
	// is alike in both, the peer has not changed.
	Wanted, Same event.Fields
	// Exact names sets that are to be as wanted, ours included.
	Exact map[string]bool
	// Added and Removed are explicit changes to sets.
	Added, Removed map[string][]any
	// Ours is our ticket; nil if it is to be created.
	Ours event.Fields
	// OursAt is our tracker's change time of the ticket, TheirsAt the event's.
	OursAt, TheirsAt time.Time
	Cause            event.Cause
	// Forgot is set if this side may have lost what it knew of the twin: a field
	// that is not as its base says, or has none, may have been changed by anybody,
	// ourselves included.
	Forgot bool
	// Disputed are fields of which the event says that a person is to decide.
	Disputed map[string]bool
	// Again are fields of which the event says only what an earlier one did.
	Again map[string]Again
	// Seen is our last event that the peer knew of, as a number of our stream's
	// present epoch; 0 if none.
	Seen event.Seq
	// Owners of fields at our side; a field without one is both sides'.
	Owners map[string]Owner
	// Types of our fields, for sets and for what counts as equal.
	Types map[string]event.Field
}

// Again is what an event says of a field that an earlier one, without an answer, said
// before it: its cause and time are those of the earlier one.
type Again struct {
	Cause event.Cause
	At    time.Time
	// Known is set if our ticket has had it since: then what differs is an edit
	// of ours that knew of it.
	Known bool
}

// of is in with the cause and time of what the event says of a field.
func (in Incoming) of(name string) Incoming {
	if a, again := in.Again[name]; again {
		in.Cause, in.TheirsAt = a.Cause, a.At
	}
	return in
}

// Merged is what a merge decided.
type Merged struct {
	// Write are the fields to set, Before what they are at present.
	Write, Before event.Fields
	// Said is what the event says of our fields, written or not: what the peer
	// holds, as our values.
	Said event.Fields
	// Kept are fields where ours stands against the peer's.
	Kept []string
	// Disputed are those of Kept that a person must decide, and those that have come
	// to the same while the peer may take them for disputed.
	Disputed []string
	// Untold are those of Disputed that the event did not call so: the peer may see no
	// dispute in them.
	Untold []string
	// Conflicts are all fields that both sides had changed.
	Conflicts []string
}

// Merge decides which of the peer's changes are to be written.
func (r *Row) Merge(in Incoming, policy Policy) Merged {
	out := Merged{Write: event.Fields{}, Before: event.Fields{}, Said: event.Fields{}}
	for _, name := range in.names() {
		want, changed := r.target(in, name)
		if !changed {
			continue
		}
		if said, ok := in.Wanted[name]; ok {
			out.Said[name] = said
		}
		have := in.Ours[name]
		if Equal(in.Types[name].Type, want, have) {
			if policy.Ask && r.untold(name, have, in, policy) {
				out.dispute(name, in)
			}
			continue
		}
		switch owner := in.Owners[name]; {
		case owner == Ours:
			out.Kept = append(out.Kept, name)
			continue
		case owner == Theirs && !r.Unseen(name, in.Seen):
			out.write(name, want, in)
			continue
		}
		if in.Ours != nil && !in.Types[name].Type.IsSet() && (r.concurrent(name, have, in) || policy.Ask && in.Disputed[name]) {
			if _, open := r.Disputes[name]; in.Again[name].Known && !open {
				out.Kept = append(out.Kept, name)
				continue
			}
			in := in.of(name)
			out.Conflicts = append(out.Conflicts, name)
			asked := policy.Ask && r.asks(name, want, have, in, policy)
			if asked {
				out.dispute(name, in)
			}
			if asked || r.keeps(name, want, have, in, policy) {
				out.Kept = append(out.Kept, name)
				continue
			}
		}
		out.write(name, want, in)
	}
	return out
}

func (m *Merged) dispute(name string, in Incoming) {
	m.Disputed = append(m.Disputed, name)
	if !in.Disputed[name] {
		m.Untold = append(m.Untold, name)
	}
}

func (m *Merged) write(name string, want any, in Incoming) {
	m.Write[name] = want
	if in.Ours != nil {
		m.Before[name] = in.Ours[name]
	}
}

func (in Incoming) names() []string {
	seen := map[string]bool{}
	for name := range in.Wanted {
		seen[name] = true
	}
	for name := range in.Added {
		seen[name] = true
	}
	for name := range in.Removed {
		seen[name] = true
	}
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// target is the value that a field should get, and whether the peer changed it.
func (r *Row) target(in Incoming, name string) (any, bool) {
	want, set := in.Wanted[name]
	before, also := in.Same[name]
	changed := set && (in.Ours == nil || !also || !Same(want, before))
	if !in.Types[name].Type.IsSet() {
		return want, changed
	}
	have := list(in.Ours[name])
	switch {
	case changed && in.Exact[name]:
		have = list(want)
	case changed:
		held := r.Sets[name].missed(in.Seen)
		have = union(minus(have, minus(held, list(want))), minus(list(want), minus(held, have)))
	}
	have = union(minus(have, in.Removed[name]), in.Added[name])
	return sortedSet(have), changed || len(in.Added[name])+len(in.Removed[name]) > 0
}

// concurrent tells whether we changed a field without the peer knowing.
func (r *Row) concurrent(name string, have any, in Incoming) bool {
	base, known := r.Local[name]
	if !known {
		return in.Forgot && !Empty(have)
	}
	return base.Hash != event.HashValue(have) || base.unseen(in.Seen)
}

// asks tells whether a person must decide about a field that both sides changed:
// where it is one edit against another, and nobody has decided yet.
func (r *Row) asks(name string, want, have any, in Incoming, policy Policy) bool {
	base, known := r.Local[name]
	switch {
	case policy.decided(base, in.Cause, in.Seen):
		return false
	case in.Disputed[name]:
		return true
	case base.Hash == event.HashValue(have):
		ours, _ := base.against(in.Seen)
		return !ours && !weak(in.Cause)
	case known && weak(in.Cause) && !in.Forgot, !known && Empty(want):
		return false
	}
	return true
}

// untold tells whether ours has come to what the peer says without the peer knowing:
// it says that the two are disputed, or was told something else and will find so.
// Ours must leave, and until then the two may part again.
func (r *Row) untold(name string, have any, in Incoming, policy Policy) bool {
	base := r.Local[name]
	return !policy.decided(base, in.Cause, in.Seen) &&
		(in.Disputed[name] || base.unseen(in.Seen) && base.Hash != event.HashValue(have))
}

// decided tells whether a person's decision is one of the two that meet: theirs,
// made by cause at the owner, or ours, which the peer had not seen.
func (p Policy) decided(base Base, cause event.Cause, seen event.Seq) bool {
	return p.theirsFinal(cause) || p.oursFinal(base, seen)
}

func (p Policy) theirsFinal(cause event.Cause) bool {
	return cause == event.CauseResolve && (!p.Ask || p.Winner == p.Them)
}

func (p Policy) oursFinal(base Base, seen event.Seq) bool {
	return p.Ask && p.Winner == p.Us && base.Final > seen
}

// keeps tells whether ours stands where both sides changed a field.
func (r *Row) keeps(name string, want, have any, in Incoming, policy Policy) bool {
	base, known := r.Local[name]
	switch {
	case policy.theirsFinal(in.Cause):
		return false
	case policy.oursFinal(base, in.Seen):
		return true
	case base.Hash == event.HashValue(have):
		return r.SaidStands(name, in.Cause, in.TheirsAt, in.Seen, policy)
	case base.unseen(in.Seen) && r.SaidStands(name, in.Cause, in.TheirsAt, in.Seen, policy):
		// The peer lets what left here stand; what was done to it since is later still,
		// whatever the tracker's clock says.
		return true
	case known && weak(in.Cause) && !in.Forgot:
		return true
	case !known && Empty(want):
		// Of what was forgotten, a value stands against none.
		return true
	}
	return policy.oursWins(in.OursAt, in.TheirsAt)
}

// SaidStands tells how a field ends of which an event of ours and one of the
// peer's, made with cause at theirsAt and knowing ours up to seen, say different
// things, neither knowing of the other: as ours says, or as the peer's. Both sides
// come to the same answer.
func (r *Row) SaidStands(name string, cause event.Cause, theirsAt time.Time, seen event.Seq, policy Policy) bool {
	ours, at := r.Local[name].against(seen)
	switch {
	case ours != weak(cause):
		return weak(cause)
	case policy.theirsFinal(cause):
		return false
	}
	return policy.oursWins(time.Unix(at, 0), theirsAt)
}

// Unseen tells whether the peer, which has seen our events up to seen, does not know
// what our last one said of a field.
func (r *Row) Unseen(name string, seen event.Seq) bool { return r.Local[name].unseen(seen) }

// weak tells whether a change made with cause gives way to an edit.
func weak(cause event.Cause) bool { return cause == event.CauseFilter || cause == event.CauseHeal }

// Fit is how what a tracker holds after a write compares with what was wanted.
type Fit string

// The fits.
const (
	Kept       Fit = "kept"       // as wanted
	Ignored    Fit = "ignored"    // as it was before
	Normalised Fit = "normalised" // the tracker's own spelling of it: cut, trimmed, rounded
	Foreign    Fit = "foreign"    // something else: somebody changed it meanwhile
)

// Compare tells how got, read back after a write, fits what was wanted.
func Compare(t event.Type, before, want, got any) Fit {
	switch {
	case Equal(t, want, got):
		return Kept
	case Equal(t, before, got):
		return Ignored
	case alike(t, want, got):
		return Normalised
	}
	return Foreign
}

// Equal tells whether two values are the same to a person: text without regard
// to line ends and blanks at the ends, sets without order, nil as empty.
func Equal(t event.Type, a, b any) bool {
	if Empty(a) && Empty(b) {
		return true
	}
	if Empty(a) || Empty(b) {
		return false
	}
	switch t {
	case event.TypeText, event.TypeRich:
		return plainText(a) == plainText(b)
	case event.TypeUser, event.TypeRef:
		return idOf(a) == idOf(b)
	}
	if t.IsSet() {
		x, y := list(a), list(b)
		return slices.EqualFunc(x, y, Same) || sameSet(sortedSet(x), sortedSet(y))
	}
	return Same(a, b)
}

func alike(t event.Type, want, got any) bool {
	switch w := want.(type) {
	case string:
		g, ok := got.(string)
		if !ok || g == "" {
			return false
		}
		if t == event.TypeOption {
			return strings.EqualFold(w, g)
		}
		w, g = squeeze(w), squeeze(g)
		return w == g || len(g) >= 16 && strings.HasPrefix(w, g)
	case float64:
		g, ok := got.(float64)
		return ok && abs(w-g) <= 0.01*max(1, abs(w))
	}
	return false
}

// squeeze leaves only what no text format adds or takes away.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n\u00a0*_`~#>|+-\\=.:!()[]{}<&;/\"'", r) {
			return -1
		}
		return r
	}, s)
}

func plainText(v any) string {
	s, _ := v.(string)
	return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
}

// idOf is what makes a person, a ticket or a link the same one, however it is named.
func idOf(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	if relation, isLink := m["type"].(string); isLink {
		id, _ := m["id"].(string)
		return relation + " " + id
	}
	return m["id"]
}

// Empty tells whether a value says nothing: none, blank text, no entries.
func Empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(v) == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// Same compares plain values as their hashes do, mostly without hashing.
func Same(a, b any) bool {
	switch x := a.(type) {
	case nil:
		if b == nil {
			return true
		}
	case string:
		y, ok := b.(string)
		return ok && x == y
	case bool:
		y, ok := b.(bool)
		return ok && x == y
	case []any:
		if y, ok := b.([]any); ok && (x == nil) == (y == nil) {
			return slices.EqualFunc(x, y, Same)
		}
	case map[string]any:
		if y, ok := b.(map[string]any); ok && (x == nil) == (y == nil) {
			return maps.EqualFunc(x, y, Same)
		}
	}
	return event.HashValue(a) == event.HashValue(b)
}

func keyOf(v any) event.Hash { return event.HashValue(idOf(v)) }

func has(l []any, v any) bool {
	return slices.ContainsFunc(l, func(x any) bool { return Same(idOf(x), idOf(v)) })
}

func minus(a, b []any) []any {
	out := []any{}
	for _, v := range a {
		if !has(b, v) {
			out = append(out, v)
		}
	}
	return out
}

func union(a, b []any) []any {
	out := slices.Clone(a)
	for _, v := range b {
		if !has(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func sortedSet(l []any) []any {
	out := union(nil, l)
	slices.SortFunc(out, func(a, b any) int {
		x, xs := a.(string)
		y, ys := b.(string)
		if xs && ys {
			return strings.Compare(x, y)
		}
		return cmp.Compare(keyOf(a), keyOf(b))
	})
	if out == nil {
		out = []any{}
	}
	return out
}

func abs(f float64) float64 { return max(f, -f) }
