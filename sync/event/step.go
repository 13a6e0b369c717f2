package event

// StepKind tells what a step does.
type StepKind string

// The kinds of step.
const (
	StepCreate  StepKind = "create"  // make a ticket from Fields
	StepUpdate  StepKind = "update"  // set Fields; may hold one new comment too
	StepComment StepKind = "comment" // add Comment, or edit it when Comment.ID is set
	StepAttach  StepKind = "attach"  // add Attachment; the bytes are handed over beside the step
	StepRemove  StepKind = "remove"  // delete a comment or a file of the ticket: not by Write, but by adapters.Remover
	StepDelete  StepKind = "delete"  // delete the ticket: not by Write, but by adapters.Deleter
)

// Step is one write to a tracker. It holds absolute values, so doing it twice
// differs from doing it once only for what it adds: the ticket of a create, a
// new comment, a file. Those carry the marker.
type Step struct {
	Kind   StepKind `json:"kind"`
	Marker Marker   `json:"marker,omitempty"`
	// Ref is the ticket; zero for a create.
	Ref Ref `json:"ref,omitzero"`
	// Fields to set; nil empties one. A status may stand among them.
	Fields Fields `json:"fields,omitempty"`
	// Was are fields whose entries are written one by one (links), as they were when
	// the step was decided on; see LinkChanges.
	Was Fields `json:"was,omitempty"`
	// Comment to add or edit.
	Comment *CommentWrite `json:"comment,omitempty"`
	// Attachment to add.
	Attachment *AttachmentWrite `json:"attachment,omitempty"`
	// Remove is what a StepRemove deletes.
	Remove *Removal `json:"remove,omitempty"`
	// Make is what the tracker must have before the fields can be set: not by Write, but
	// by adapters.Maker.
	Make []Making `json:"make,omitempty"`
	// Lock is Ticket.Lock of the read that the step was decided on, or "".
	Lock string `json:"lock,omitempty"`
	// Since is the tracker's newest creation time known before the first
	// attempt, in seconds since 1970 less a margin: look-ups need not go back
	// further. 0 is unknown.
	Since int64 `json:"since,omitempty"`
}

// CommentWrite is a comment to write.
type CommentWrite struct {
	// ID is ours to edit; "" adds a comment.
	ID       string `json:"id,omitempty"`
	Body     string `json:"body"`
	Internal bool   `json:"internal,omitempty"`
	// As is the id of the person in whose name a new comment is added; "" is our
	// account. Only trackers whose Schema says Impersonate get one.
	As string `json:"as,omitempty"`
}

// AttachmentWrite is a file to add.
type AttachmentWrite struct {
	Name     string `json:"name"`
	Size     int64  `json:"size"`
	MIME     string `json:"mime"`
	SHA256   string `json:"sha256"`
	Internal bool   `json:"internal,omitempty"`
}

// What can be made beside tickets.
const (
	MakeVersions   = "versions"
	MakeComponents = "components"
)

// Making names a version or a component that a field of a ticket is to hold.
type Making struct {
	Kind string `json:"kind"` // MakeVersions or MakeComponents
	Name string `json:"name"`
	// Project to have it; empty is the one where tickets are made.
	Project string `json:"project,omitempty"`
}

// Removal names a comment or a file of our ticket that is to go.
type Removal struct {
	File bool   `json:"file,omitempty"`
	ID   string `json:"id"`
}

// Written is what a write answered.
type Written struct {
	// Ref and Key of the ticket written; for a create, the new one.
	Ref Ref
	Key string
	// Item is the id of the comment or attachment added, "" where the tracker
	// does not say it (the read-back finds it by its marker).
	Item string
	// Partly says what of a step that was done did not come about, in words for the
	// admin of this side and without ticket text; "" is nothing. The step is not tried again.
	Partly string
	// Version of the ticket after the write, where the tracker says it; see
	// Change.Version. Nobody takes it from what Find found.
	Version string
}

// Presence is the answer to "did this step happen?".
type Presence string

// The answers of Find.
const (
	FoundNone  Presence = "none"  // for certain not there
	FoundOne   Presence = "one"   // there, once
	FoundMany  Presence = "many"  // there more than once: a person must look
	FoundLater Presence = "later" // the tracker cannot tell yet: ask again
)

// Found is what Find answered; Written is set for FoundOne.
type Found struct {
	Presence Presence
	Written  Written
}
