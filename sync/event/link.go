package event

import (
	"cmp"
	"slices"
)

// The relations that are named alike whatever the tracker calls them. Each is read
// from the ticket that has the link; other relations keep the tracker's words.
const (
	RelatesTo      = "relates to"
	Blocks         = "blocks"
	IsBlockedBy    = "is blocked by"
	Duplicates     = "duplicates"
	IsDuplicatedBy = "is duplicated by"
	Clones         = "clones"
	IsClonedBy     = "is cloned by"
	Causes         = "causes"
	IsCausedBy     = "is caused by"
	Precedes       = "precedes"
	Follows        = "follows"
)

// Link is a relation of a ticket to another one of the same tracker.
type Link struct {
	// Type is the relation: RelatesTo and its like.
	Type string
	// ID is the other ticket's Ref.ID; on the wire it is the id of its twin.
	ID string
	// Key is what people call it; "" where that is not known. It is not on the wire.
	Key string
}

// Value is l as an entry of a field of TypeLinks.
func (l Link) Value() map[string]any {
	v := map[string]any{"type": l.Type, "id": l.ID}
	if l.Key != "" {
		v["key"] = l.Key
	}
	return v
}

// Same tells whether two links are the same relation to the same ticket.
func (l Link) Same(other Link) bool { return l.Type == other.Type && l.ID == other.ID }

// LinksValue is links as a field value: sorted, no repeats, nil if there are none.
func LinksValue(links []Link) any {
	links = slices.Clone(links)
	slices.SortStableFunc(links, func(a, b Link) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.ID, b.ID)) })
	links = slices.CompactFunc(links, Link.Same)
	if len(links) == 0 {
		return nil
	}
	out := make([]any, len(links))
	for i, l := range links {
		out[i] = l.Value()
	}
	return out
}

// LinksOf reads a field value of TypeLinks. What is no link is left out.
func LinksOf(v any) []Link {
	list, _ := v.([]any)
	var out []Link
	for _, one := range list {
		m, _ := one.(map[string]any)
		l := Link{}
		l.Type, _ = m["type"].(string)
		l.ID, _ = m["id"].(string)
		l.Key, _ = m["key"].(string)
		if l.Type != "" && l.ID != "" {
			out = append(out, l)
		}
	}
	return out
}

// LinkChanges is what a step does to the links of a ticket that has those of have:
// it adds what lacks, and takes away what it was decided to. A link that is in
// neither its Was nor its Fields is somebody's since, and stays. Of a step that
// does not name the links nothing is changed.
func (s Step) LinkChanges(have []Link) (add, remove []Link) {
	value, named := s.Fields[FieldLinks]
	if !named {
		return nil, nil
	}
	wanted, was := LinksOf(value), LinksOf(s.Was[FieldLinks])
	has := func(links []Link, l Link) bool { return slices.ContainsFunc(links, l.Same) }
	for _, l := range wanted {
		if !has(have, l) && !has(add, l) {
			add = append(add, l)
		}
	}
	for _, l := range have {
		if has(was, l) && !has(wanted, l) {
			remove = append(remove, l)
		}
	}
	return add, remove
}
