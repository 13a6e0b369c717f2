package event

// Message is what one event says: exactly one of its members is set. Data
// streams carry Change; control streams carry the others.
type Message struct {
	Change  *ChangeBody `json:"change,omitempty"`
	Outcome *Outcome    `json:"outcome,omitempty"`
	Items   *Items      `json:"items,omitempty"`
	Ask     *Ask        `json:"ask,omitempty"`
	Goodbye *Goodbye    `json:"goodbye,omitempty"`
	Note    *Note       `json:"note,omitempty"`
}

// Cause says why a change was sent. Filter and heal never beat an edit.
type Cause string

// The causes.
const (
	CauseEdit    Cause = "edit"
	CauseFilter  Cause = "filter"
	CauseHeal    Cause = "heal"
	CauseResolve Cause = "resolve"
)

// Position is a place in the data stream that its receiver sends about: the
// number of an event under an epoch. The zero Position is "nothing yet".
type Position struct {
	Epoch uint64 `json:"epoch,omitempty"`
	Seq   Seq    `json:"seq,omitempty"`
}

// Behind tells whether p comes after q in one stream.
func (p Position) Behind(q Position) bool {
	return p.Epoch > q.Epoch || p.Epoch == q.Epoch && p.Seq > q.Seq
}

// ChangeBody is a data event: all of a twin that the peer has not confirmed.
type ChangeBody struct {
	Twin TwinID `json:"twin"`
	// Origin and Hops follow a chain of copies across nodes.
	Origin OriginID `json:"origin"`
	Hops   int      `json:"hops,omitempty"`
	// Turn counts the events, to and fro, that led to this one without a person's
	// edit in between: each side's own writes made it say something else.
	Turn int `json:"turn,omitempty"`
	// First is set as long as the peer has confirmed nothing of the twin.
	First bool `json:"first,omitempty"`
	// Filter is the version of the outgoing filter that made this.
	Filter string `json:"filter"`
	Cause  Cause  `json:"cause"`
	// Seen is the peer's last event applied to this twin when this was made.
	Seen Position `json:"seen,omitzero"`
	// At is the tracker's change time, RFC 3339 in UTC.
	At string `json:"at"`
	// Fields that differ from what the peer confirmed; nil is "empty".
	Fields Fields `json:"fields,omitempty"`
	// Disputed are those of Fields that stand beside the peer's until a person
	// decides: they are to be known, not written. Sorted.
	Disputed []string `json:"disputed,omitempty"`
	// Again are those of Fields that this event only repeats, by the event that said
	// them first; ascending.
	Again []Again `json:"again,omitempty"`
	// Items not confirmed, oldest first.
	Items []Item `json:"items,omitempty"`
	// More is set when a change was cut and the rest follows.
	More bool `json:"more,omitempty"`
	// Connect asks to pair the twin with a ticket that is there, and says what
	// stands where both tickets have something; nil makes a ticket.
	Connect *Connect `json:"connect,omitempty"`
}

// Again is what an event repeats of an earlier one, of the same twin and epoch, that
// the peer has not applied: it is no later change, and weighs as it did then.
type Again struct {
	Seq Seq `json:"seq"`
	// At and Cause are those of that event.
	At    string `json:"at"`
	Cause Cause  `json:"cause"`
	// Fields, sorted.
	Fields []string `json:"fields"`
}

// Connect is how two tickets that both exist become a twin.
type Connect struct {
	// Key is what the receiver's people call its ticket; "" in the answer, whose
	// twin is paired already.
	Key string `json:"key,omitempty"`
	// Prefer says whose value stands where both have one.
	Prefer Prefer `json:"prefer"`
	// Old is set if comments and files that were there before stay where they are.
	Old bool `json:"old,omitempty"`
}

// Prefer is whose value stands at first contact. An empty value never does.
type Prefer string

// The preferences, as the sender of the event says them.
const (
	PreferSender   Prefer = "sender"
	PreferReceiver Prefer = "receiver"
	PreferNeither  Prefer = "neither" // each side keeps its own
)

// ItemKind tells comments from attachments on the wire.
type ItemKind string

// The kinds of item.
const (
	ItemComment    ItemKind = "comment"
	ItemAttachment ItemKind = "attachment"
)

// ItemID is opaque to the peer and never changes for one comment or file: a
// keyed hash of the tracker's own id.
type ItemID string

// Item is a comment or an attachment on the wire.
type Item struct {
	ID   ItemID   `json:"id"`
	Kind ItemKind `json:"kind"`
	// Author is a name, and an e-mail address only where the filter added it.
	Author  User   `json:"author,omitzero"`
	Created string `json:"created,omitempty"`
	// Body and Internal belong to comments; Edited marks a changed one.
	Body     string `json:"body,omitempty"`
	Internal bool   `json:"internal,omitempty"`
	Edited   string `json:"edited,omitempty"`
	// Name, Size, MIME and SHA256 belong to attachments.
	Name   string `json:"name,omitempty"`
	Size   int64  `json:"size,omitempty"`
	MIME   string `json:"mime,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	Inline bool   `json:"inline,omitempty"`
	// Withdrawn asks for an item back that was said before: of a comment, Body is what
	// is to stand in its place where it cannot be deleted.
	Withdrawn bool `json:"withdrawn,omitempty"`
}

// Verdict is the end, for now, of a data event at its receiver.
type Verdict string

// The verdicts.
const (
	Applied Verdict = "applied"
	Refused Verdict = "refused"
	Parked  Verdict = "parked"
)

// Code is why an event was refused or parked: a closed list, so that no text
// of one side reaches the other.
type Code string

// The codes.
const (
	CodeNone          Code = ""
	CodeByFilter      Code = "by-filter"     // the incoming filter said refuse or skip
	CodeByGate        Code = "by-gate"       // the accept gate does not allow it
	CodeFilterError   Code = "filter-error"  // the incoming filter failed
	CodeRejected      Code = "rejected"      // the tracker does not take the values
	CodeDenied        Code = "denied"        // the account may not
	CodeConfiguration Code = "configuration" // something is set up wrongly
	CodeAmbiguous     Code = "ambiguous"     // a look-up found several
	CodeConflict      Code = "conflict"      // a person must decide
	CodeKnownOrigin   Code = "known-origin"  // this ticket came from here
	CodeTooLarge      Code = "too-large"     // over a limit
	CodeQuota         Code = "quota"         // over the agreed quota
	CodeUnsettled     Code = "unsettled"     // too much waits to be written
	CodeFull          Code = "full"          // the disk is full
	CodeEnded         Code = "ended"         // a person ended the twin here
	CodeLeft          Code = "left"          // the ticket does not belong on the connection any more
	CodeMerged        Code = "merged"        // the ticket is a part of another one
	CodeProposal      Code = "proposal"      // the peer's ticket is gone: a person decides about ours
	CodeFuse          Code = "fuse"          // too many in a minute: a person lets them go on
	CodePaused        Code = "paused"        // by a person
	CodeSkipped       Code = "skipped"       // by a person
	CodeParked        Code = "by-person"     // the filter said park
	CodeGone          Code = "gone"          // the ticket is not there any more
	CodeMalformed     Code = "malformed"     // it says nothing that can be applied
	CodeUnknown       Code = "unknown"       // its twin is not known here: send all of it
	CodeWorkflow      Code = "workflow"      // the tracker's workflow leads to no such status
	CodeApproval      Code = "approval"      // a person must approve it
	CodeLoop          Code = "loop"          // it goes to and fro without a person
)

// Or is c, or other if c is none.
func (c Code) Or(other Code) Code {
	if c == CodeNone {
		return other
	}
	return c
}

// Outcome answers one data event.
type Outcome struct {
	Twin TwinID `json:"twin"`
	// Epoch and Seq are those of the event answered.
	Epoch   uint64  `json:"epoch"`
	Seq     Seq     `json:"seq"`
	Verdict Verdict `json:"verdict"`
	Code    Code    `json:"code,omitempty"`
	// Items that are in the tracker now.
	Items []ItemID `json:"items,omitempty"`
	// Waiting are attachments whose bytes are still to come; Items follow.
	Waiting []ItemID `json:"waiting,omitempty"`
	// Declined are items that will not be written.
	Declined []ItemID `json:"declined,omitempty"`
	// Lost are fields of the event that the tracker ignored or changed; Code of an
	// applied event says why, where one reason holds for all of them.
	Lost []string `json:"lost,omitempty"`
}

// Items reports attachments that were written, or will not be, after the outcome.
type Items struct {
	Twin     TwinID   `json:"twin"`
	Done     []ItemID `json:"done,omitempty"`
	Declined []ItemID `json:"declined,omitempty"`
}

// Ask asks again for outcomes that should have come.
type Ask struct {
	Seqs []Seq `json:"seqs"`
}

// Note tells the peer that a ticket ended at this side; it deletes nothing.
type Note struct {
	Twin TwinID `json:"twin"`
	Code Code   `json:"code"`
	// After is the last event of the sender's data stream from before the end:
	// one of this twin behind it takes the pair up again.
	After Position `json:"after,omitzero"`
}

// Goodbye says that this side has ended the connection.
type Goodbye struct {
	Code Code `json:"code,omitempty"`
}
