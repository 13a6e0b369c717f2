package filters

import (
	"fmt"
	"maps"
	"slices"

	"parley/sync/event"
)

// Egress is what may leave on a connection, whatever the outgoing filter says.
// The zero Egress lets public content written here leave, every field but url.
type Egress struct {
	// Allow lists the fields that may leave, by their name in event.Fields, and
	// "comments" and "attachments". Empty: every field that the filter sets,
	// except url.
	Allow []string
	// InternalComments lets internal comments and files leave.
	InternalComments bool
	// Foreign names the connections whose comments and files may leave here.
	Foreign []string
	// Restricted lets tickets leave that the tracker keeps from most people.
	Restricted bool
	// MaxBytes of a replica without the content of files; 0 is 512 KiB.
	MaxBytes int
}

// OursMeta is what the gate knows of our ticket from the tracker itself: a
// filter can change what a comment says it is, not what it is.
type OursMeta struct {
	Restricted  bool
	comments    []Comment
	attachments []Attachment
}

// MetaOf takes the facts from our ticket.
func MetaOf(issue Ours, restricted bool) OursMeta {
	return OursMeta{Restricted: restricted, comments: issue.Comments, attachments: issue.Attachments}
}

// finder finds items of our ticket by their ids. A list that keeps the ticket's
// order costs a step each, any other an index.
type finder struct {
	count int
	id    func(i int) string
	next  int
	index map[string]int
}

func (f *finder) find(id string) (int, bool) {
	if f.index == nil {
		for i := f.next; i < f.count; i++ {
			if f.id(i) == id {
				f.next = i + 1
				return i, true
			}
		}
		f.index = make(map[string]int, f.count)
		for i := range f.count {
			f.index[f.id(i)] = i
		}
	}
	i, ok := f.index[id]
	return i, ok
}

// Finding is one thing that a gate did not let pass: the ticket waits for a person.
type Finding struct {
	Code  FindingCode `json:"code"`
	Field string      `json:"field,omitempty"`
	// Item is the id of the comment or file, if it is one.
	Item string `json:"item,omitempty"`
	// Sample shows enough to find the place, and not the content.
	Sample string `json:"sample,omitempty"`
}

// FindingCode names a kind of finding; codes are stable.
type FindingCode string

// The codes of findings.
const (
	FindingRestricted  FindingCode = "restricted"   // the ticket itself may not leave
	FindingField       FindingCode = "field"        // a field that is not allowed
	FindingInternal    FindingCode = "internal"     // an internal comment
	FindingUnknownItem FindingCode = "unknown-item" // a comment or file that our ticket does not have
	FindingTooLarge    FindingCode = "too-large"
	FindingProject     FindingCode = "project" // may not be created there
	FindingType        FindingCode = "type"    // may not be created as that
	FindingComments    FindingCode = "comments"
	FindingAttachments FindingCode = "attachments"
	FindingRemoval     FindingCode = "removal"
)

// Check returns what may leave of replica, and what it held back. With a
// finding nothing should be sent. What other connections wrote, and internal
// files, are left out without one: leaving them out is the normal case. replica
// is not changed.
func (e Egress) Check(replica Replica, meta OursMeta) (Replica, []Finding) {
	if meta.Restricted && !e.Restricted {
		return Replica{Fields: event.Fields{}}, []Finding{{Code: FindingRestricted}}
	}
	out := Replica{Fields: make(event.Fields, len(replica.Fields))}
	var findings []Finding
	for _, name := range slices.Sorted(maps.Keys(replica.Fields)) {
		if !e.allows(name) {
			findings = append(findings, Finding{Code: FindingField, Field: name, Sample: sample(replica.Fields[name])})
			continue
		}
		out.Fields[name] = replica.Fields[name]
	}
	if replica.CommentsSent {
		found := e.comments(replica, meta, &out)
		findings = append(findings, found...)
	}
	if replica.AttachmentsSent {
		found := e.attachments(replica, meta, &out)
		findings = append(findings, found...)
	}
	if n, most := replicaBytes(out), e.maxBytes(); n > most {
		findings = append(findings, Finding{Code: FindingTooLarge, Sample: fmt.Sprintf("%d KB of %d", n>>10, most>>10)})
	}
	return out, findings
}

func (e Egress) maxBytes() int {
	if e.MaxBytes > 0 {
		return e.MaxBytes
	}
	return 512 << 10
}

func (e Egress) allows(field string) bool {
	if len(e.Allow) == 0 {
		return field != event.FieldURL
	}
	return slices.Contains(e.Allow, field)
}

func (e Egress) comments(replica Replica, meta OursMeta, out *Replica) []Finding {
	if !e.allows(collectionComments) {
		return []Finding{{Code: FindingField, Field: collectionComments, Sample: fmt.Sprintf("%d comments", len(replica.Comments))}}
	}
	ours := finder{count: len(meta.comments), id: func(i int) string { return meta.comments[i].ID }}
	out.CommentsSent = true
	out.Comments = make([]Comment, 0, len(replica.Comments))
	var findings []Finding
	for i := range replica.Comments {
		c := &replica.Comments[i]
		at, known := ours.find(c.ID)
		switch {
		case !known:
			findings = append(findings, Finding{Code: FindingUnknownItem, Field: collectionComments, Item: c.ID})
		case e.foreign(meta.comments[at].From):
		case meta.comments[at].Internal && !e.InternalComments:
			findings = append(findings, Finding{Code: FindingInternal, Field: collectionComments, Item: c.ID, Sample: sample(c.Body)})
		default:
			out.Comments = append(out.Comments, *c)
		}
	}
	return findings
}

func (e Egress) attachments(replica Replica, meta OursMeta, out *Replica) []Finding {
	if !e.allows(collectionAttachments) {
		return []Finding{{Code: FindingField, Field: collectionAttachments, Sample: fmt.Sprintf("%d files", len(replica.Attachments))}}
	}
	ours := finder{count: len(meta.attachments), id: func(i int) string { return meta.attachments[i].ID }}
	out.AttachmentsSent = true
	var findings []Finding
	for _, a := range replica.Attachments {
		at, known := ours.find(a.ID)
		switch {
		case !known:
			findings = append(findings, Finding{Code: FindingUnknownItem, Field: collectionAttachments, Item: a.ID})
		case e.foreign(meta.attachments[at].From):
		case meta.attachments[at].Internal && !e.InternalComments:
		default:
			out.Attachments = append(out.Attachments, a)
		}
	}
	return findings
}

// foreign tells whether what came in on the connection called from stays here.
func (e Egress) foreign(from string) bool { return from != "" && !slices.Contains(e.Foreign, from) }

// CheckScript tells what a filter reads that the gate would not let leave as
// it is: text copied out of an internal comment looks like any other text.
func (e Egress) CheckScript(f *Outgoing) []Finding {
	var findings []Finding
	for _, name := range f.Reads() {
		switch {
		case name == collectionNotes && !e.InternalComments:
			findings = append(findings, Finding{Code: FindingInternal, Field: name})
		case name == collectionForeign && len(e.Foreign) == 0:
			findings = append(findings, Finding{Code: FindingField, Field: name})
		case name == event.FieldURL && !slices.Contains(e.Allow, event.FieldURL):
			findings = append(findings, Finding{Code: FindingField, Field: name})
		}
	}
	return findings
}

// sample is enough of a value to recognise it by.
func sample(v any) string {
	switch v := v.(type) {
	case nil:
		return "empty"
	case string:
		return mask(v, min(2, len([]rune(v))/4))
	case []any:
		return fmt.Sprintf("%d entries", len(v))
	}
	return "•••"
}

func replicaBytes(r Replica) int {
	n := 0
	for name, v := range r.Fields {
		n += len(name) + valueBytes(v, 0)
	}
	for i := range r.Comments {
		n += (&item{comment: &r.Comments[i]}).bytes()
	}
	for i := range r.Attachments {
		n += (&item{attachment: &r.Attachments[i]}).bytes()
	}
	return n
}

func valueBytes(v any, depth int) int {
	if depth > maxDepth {
		return 512 << 20 // deeper than any filter makes: never small enough
	}
	n := 8
	switch v := v.(type) {
	case string:
		n += len(v)
	case []any:
		for _, one := range v {
			n += valueBytes(one, depth+1)
		}
	case map[string]any:
		for key, one := range v {
			n += len(key) + valueBytes(one, depth+1)
		}
	}
	return n
}
