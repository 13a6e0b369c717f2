package filters

import (
	"context"
	"time"

	"parley/sync/event"
)

// Replica is what leaves a node of one ticket, or what came of the peer's.
type Replica struct {
	// Fields by name. A key that is there with nil is "empty", a key that is
	// missing is "not sent".
	Fields event.Fields `json:"fields"`
	// Comments and Attachments that belong to the side that sent the replica.
	Comments    []Comment    `json:"comments,omitempty"`
	Attachments []Attachment `json:"attachments,omitempty"`
	// CommentsSent and AttachmentsSent tell an empty list from one not sent.
	CommentsSent    bool `json:"commentsSent,omitempty"`
	AttachmentsSent bool `json:"attachmentsSent,omitempty"`
}

// Comment is a comment as filters see it. ID is our tracker's own on the way
// out and the wire's item id on the way in.
type Comment struct {
	event.Comment
	// From is the name of the connection it came in on; "" is written here.
	From string `json:"from,omitempty"`
	// As is the person of ours in whose name asUser wants it written, if there is one.
	// Line stands above it where it is written in ours, and says whose it is.
	As   event.User `json:"as,omitzero"`
	Line string     `json:"line,omitempty"`
}

// Attachment is an attachment as filters see it; ID as Comment's.
type Attachment struct {
	event.Attachment
	From string `json:"from,omitempty"`
}

// Ours is our own ticket as filters see it.
type Ours struct {
	Fields      event.Fields
	Key         string
	URL         string
	Comments    []Comment // all of them; the language splits them by From and Internal
	Attachments []Attachment
}

// Context is what a run knows besides tickets.
type Context struct {
	Connection ConnectionInfo
	Vars       map[string]any
	FirstSync  bool
	// Twin is theirs, nil if there is none or they do not disclose it.
	Twin  *TwinInfo
	Event EventInfo
	// TwinID names the pair, the same before and after its first sync, which tokens
	// belong to. Without it none is made and none is read.
	TwinID string
	// Lookups answers user(), assignable(), ticketBy() and twinOf(); nil answers nothing.
	Lookups Lookups
}

// ConnectionInfo is the variable connection.
type ConnectionInfo struct {
	Name string
	Peer string
	Tags []string
}

// TwinInfo is the variable twin.
type TwinInfo struct {
	Key   string
	URL   string
	Since time.Time
}

// EventInfo is the variable event. At is also what now() gives.
type EventInfo struct {
	At    time.Time
	By    *event.User
	Kinds []string
}

// Asks is what a script wants to be told that costs something to find out; what it
// does not ask for may be left out of its Context.
type Asks struct {
	By, Kinds bool // of event
	Twin      bool
}

// of adds one member of event.
func (a Asks) of(member string) Asks {
	a.By = a.By || member == "by"
	a.Kinds = a.Kinds || member == "kinds"
	return a
}

// Asks tells what the script wants to be told.
func (f *Outgoing) Asks() Asks { return f.script.asks }

// Asks tells what the script wants to be told.
func (f *Incoming) Asks() Asks { return f.script.asks }

// Lookups are the questions that a filter may ask while it runs, at most 200 a run.
type Lookups interface {
	// User returns the one person whose e-mail, login or id is query, or nil.
	User(ctx context.Context, query string) (*event.User, error)
	// Assignable tells whether a ticket of a project of ours can be assigned to the
	// person with an id of ours; an empty project is the one where tickets are made.
	Assignable(ctx context.Context, project, id string) (bool, error)
	// TicketsBy returns tickets in scope whose field equals value, at most two.
	TicketsBy(ctx context.Context, field, value string) ([]event.Ref, error)
	// TwinOf returns our ticket for the peer's ticket id, or nil while there is none.
	TwinOf(ctx context.Context, theirs string) (*event.Ref, error)
}

// StopKind is how a filter ended a run early.
type StopKind string

// The kinds of stop.
const (
	StopSkip   StopKind = "skip"
	StopLeave  StopKind = "leave"
	StopPark   StopKind = "park"
	StopRefuse StopKind = "refuse"
)

// Stop is an early end with its reason, which stays home.
type Stop struct {
	Kind   StopKind
	Reason string
	Line   int
}

// Trace is what one line did, for `filter try`.
type Trace struct {
	Line   int    `json:"line"`
	Target string `json:"target"`
	Value  any    `json:"value"`
	// Why says why a line did nothing ("not sent", "keep"), or "".
	Why string `json:"why,omitempty"`
}

// OutInput is what an outgoing filter runs on.
type OutInput struct {
	Context
	Issue    Ours
	Previous *Replica // last replica sent, nil if none
	Trace    bool
}

// OutResult is what an outgoing filter made.
type OutResult struct {
	Replica Replica
	Stop    *Stop
	Trace   []Trace
}

// InInput is what an incoming filter runs on.
type InInput struct {
	Context
	Issue    *Ours // ours as it is now; nil on firstSync
	Replica  Replica
	Previous *Replica // last replica applied, nil if none
	Trace    bool
}

// SetChange is what += and -= did to a set or to links.
type SetChange struct {
	Add    []any
	Remove []any
}

// InResult is what an incoming filter wants of our ticket.
type InResult struct {
	// Fields that a line set; nil empties. What no line set, or set to keep, is
	// missing. Sets (`=` on labels and the like) hold the peer's entries only.
	Fields event.Fields
	// Exact names the sets that `exactly` made: the whole set, ours too.
	Exact map[string]bool
	// Via are the statuses that the status in Fields is to be reached through, in order.
	Via []string
	// Make is what the script wants made if a field is written that holds it.
	Make []event.Making
	// Sets holds += and -=.
	Sets map[string]SetChange
	// Comments and Attachments asserted: the peer's entries, changed as the
	// filter wanted; unchanged comments share the replica's memory. Nil with the
	// flag unset: no line spoke of them.
	Comments       []Comment
	Attachments    []Attachment
	CommentsSet    bool
	AttachmentsSet bool
	// KeepRemovedComments and KeepRemovedAttachments: the filter refuses removals.
	KeepRemovedComments    bool
	KeepRemovedAttachments bool
	// Connect is the ticket of ours to pair with; nil creates one.
	Connect *event.Ref
	Stop    *Stop
	Trace   []Trace
}
