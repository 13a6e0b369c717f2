package filters

import (
	"fmt"
	"slices"
	"strings"
	"time"

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
	// Detect says what is done with what a detector finds; DefaultAction where it
	// says nothing.
	Detect map[string]Action
	// Hosts are our own host names and domains.
	Hosts []string
	// Unscanned are the kinds of files that may leave although nothing can read what
	// is in them; nil is pictures only.
	Unscanned []string
	// Hold is how long a comment or file has to have stood in our tracker before it
	// leaves; 0 is not at all.
	Hold time.Duration
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
type finder[T any] struct {
	items []T
	id    func(*T) string
	next  int
	index map[string]int
}

// find gives nil for what our ticket does not have.
func (f *finder[T]) find(id string) *T {
	if f.index == nil {
		for i := f.next; i < len(f.items); i++ {
			if f.id(&f.items[i]) == id {
				f.next = i + 1
				return &f.items[i]
			}
		}
		f.index = make(map[string]int, len(f.items))
		for i := range f.items {
			f.index[f.id(&f.items[i])] = i
		}
	}
	if i, ok := f.index[id]; ok {
		return &f.items[i]
	}
	return nil
}

func commentID(c *Comment) string { return c.ID }

func attachmentID(a *Attachment) string { return a.ID }

// Finding is one thing that a gate did not let pass: the ticket waits for a person.
type Finding struct {
	Code  FindingCode `json:"code"`
	Field string      `json:"field,omitempty"`
	// Item is the id of the comment or file, if it is one.
	Item string `json:"item,omitempty"`
	// Sample shows enough to find the place, and not the content.
	Sample string `json:"sample,omitempty"`
	// Detector is what found it, if it is one of content; Form how the text had to
	// be read for that, File and Part the file and the place in it.
	Detector string `json:"detector,omitempty"`
	Form     string `json:"form,omitempty"`
	File     string `json:"file,omitempty"`
	Part     string `json:"part,omitempty"`
	// Digest is of the content that it stands in: an approval is bound to it.
	Digest string `json:"digest,omitempty"`
	// Blocked is set if no approval lets it leave.
	Blocked bool `json:"blocked,omitempty"`
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
	FindingContent     FindingCode = "content"   // what a detector looks for
	FindingUnscanned   FindingCode = "unscanned" // content that cannot be read
)

// Check returns what may leave of replica, and what it held back. With a
// finding nothing should be sent. What other connections wrote, and internal
// files, are left out without one: leaving them out is the normal case. replica
// is not changed; what passes whole shares its memory.
func (e Egress) Check(replica Replica, meta OursMeta) (Replica, []Finding) {
	if meta.Restricted && !e.Restricted {
		return Replica{Fields: event.Fields{}}, []Finding{{Code: FindingRestricted}}
	}
	out := Replica{}
	var findings []Finding
	out.Fields, findings = e.fields(replica.Fields)
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
	return e.Mask(out), findings
}

// fields gives those that may leave: fields itself if all do.
func (e Egress) fields(fields event.Fields) (event.Fields, []Finding) {
	var findings []Finding
	for name, v := range fields {
		if !e.allows(name) {
			findings = append(findings, Finding{Code: FindingField, Field: name, Sample: sample(v)})
		}
	}
	if len(findings) == 0 && fields != nil {
		return fields, nil
	}
	passed := make(event.Fields, len(fields))
	for name, v := range fields {
		if e.allows(name) {
			passed[name] = v
		}
	}
	return passed, byField(findings)
}

// byField sorts what was found in a map.
func byField(findings []Finding) []Finding {
	slices.SortFunc(findings, func(a, b Finding) int { return strings.Compare(a.Field, b.Field) })
	return findings
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
	ours := finder[Comment]{items: meta.comments, id: commentID}
	out.CommentsSent = true
	var findings []Finding
	out.Comments = passing(replica.Comments, func(c *Comment) bool {
		our := ours.find(c.ID)
		switch {
		case our == nil:
			findings = append(findings, Finding{Code: FindingUnknownItem, Field: collectionComments, Item: c.ID})
		case e.foreign(our.From):
		case our.Internal && !e.InternalComments:
			findings = append(findings, Finding{Code: FindingInternal, Field: collectionComments, Item: c.ID, Sample: sample(c.Body)})
		default:
			return true
		}
		return false
	})
	return findings
}

// passing gives what passes, each looked at once and in order: list itself if
// all do.
func passing[T any](list []T, passes func(*T) bool) []T {
	for i := range list {
		if passes(&list[i]) {
			continue
		}
		out := append(make([]T, 0, len(list)-1), list[:i]...)
		for k := i + 1; k < len(list); k++ {
			if passes(&list[k]) {
				out = append(out, list[k])
			}
		}
		return out
	}
	return list
}

func (e Egress) attachments(replica Replica, meta OursMeta, out *Replica) []Finding {
	if !e.allows(collectionAttachments) {
		return []Finding{{Code: FindingField, Field: collectionAttachments, Sample: fmt.Sprintf("%d files", len(replica.Attachments))}}
	}
	ours := finder[Attachment]{items: meta.attachments, id: attachmentID}
	out.AttachmentsSent = true
	var findings []Finding
	out.Attachments = passing(replica.Attachments, func(a *Attachment) bool {
		our := ours.find(a.ID)
		switch {
		case our == nil:
			findings = append(findings, Finding{Code: FindingUnknownItem, Field: collectionAttachments, Item: a.ID})
		case e.foreign(our.From):
		case our.Internal && !e.InternalComments:
		default:
			return true
		}
		return false
	})
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
