// Package admin is how people and programs steer a running node: a REST API on
// a unix socket (mode 0600) in the node's folder, described by OpenAPI 3.1 that
// is generated from the handlers. Package client speaks it; the CLI uses that.
//
// The API promises what its Service does: an answer that a change was made
// comes after the change is on disk. It refuses, as a Problem and before the
// Service is asked, what it does not have, bodies that are not of the operation's
// shape or over 1 MiB, and parameters out of bounds. Nothing in it shows a secret. Texts that
// came from a tracker or a peer may be in it: who prints them to a terminal
// takes escapes out.
package admin

import (
	"context"
	"io"
	"time"

	"parley/adapters"
	"parley/node/backup"
	"parley/sync/event"
)

// Service is what a node can be asked and told.
type Service interface {
	Status(ctx context.Context) (Status, error)
	Key(ctx context.Context) (Key, error)
	Connections(ctx context.Context) ([]Connection, error)
	Invite(ctx context.Context, r InviteRequest) (Invitation, error)
	Accept(ctx context.Context, r AcceptRequest) (Connection, error)
	// Words are what our person reads to the other side's.
	Words(ctx context.Context, name string) (Words, error)
	// Confirm takes what the other side's person read.
	Confirm(ctx context.Context, name string, r ConfirmRequest) (Connection, error)
	RemoveConnection(ctx context.Context, name string) error
	Verify(ctx context.Context, name string, r VerifyRequest) (Verification, error)
	Pause(ctx context.Context, name string, r PauseRequest) (Connection, error)
	Resume(ctx context.Context, name string) (Connection, error)
	ScopeCount(ctx context.Context, name string) (ScopeCount, error)
	Fields(ctx context.Context, name string) (Fields, error)
	FieldsSeen(ctx context.Context, name string) (Fields, error)
	Preview(ctx context.Context, name string, r PreviewRequest) (Preview, error)
	ScopeExplain(ctx context.Context, name, key string) (ScopeExplanation, error)
	StartLoad(ctx context.Context, name string, r LoadRequest) (Load, error)
	Load(ctx context.Context, name string) (Load, error)
	AbortLoad(ctx context.Context, name string) (Load, error)
	PauseLoad(ctx context.Context, name string) (Load, error)
	ResumeLoad(ctx context.Context, name string) (Load, error)
	Tickets(ctx context.Context, q TicketQuery) ([]Ticket, error)
	Explain(ctx context.Context, key string) (Explanation, error)
	Sync(ctx context.Context, r SyncRequest) (SyncResult, error)
	Unsync(ctx context.Context, r SyncRequest) (SyncResult, error)
	Conflicts(ctx context.Context, connection string) ([]Conflict, error)
	Conflict(ctx context.Context, s ConflictSelect) ([]Conflict, error)
	Resolve(ctx context.Context, r ResolveRequest) error
	Connect(ctx context.Context, r ConnectRequest) (ConnectResult, error)
	ConnectState(ctx context.Context, r ConnectRequest) (ConnectResult, error)
	Match(ctx context.Context, r MatchRequest) ([]Pair, error)
	Resync(ctx context.Context, name string, r ResyncRequest) (int, error)
	History(ctx context.Context, key string) (History, error)
	Undo(ctx context.Context, r UndoRequest) (UndoResult, error)
	Queue(ctx context.Context, connection string) ([]QueueEntry, error)
	QueueEntry(ctx context.Context, id string) (QueueEntry, error)
	Retry(ctx context.Context, q QueueSelect) (int, error)
	Skip(ctx context.Context, q QueueSelect) (int, error)
	Approve(ctx context.Context, q QueueSelect) (int, error)
	Probe(ctx context.Context) ([]adapters.Finding, error)
	Schema(ctx context.Context) (event.Schema, error)
	Try(ctx context.Context, r TryRequest) (TryResult, error)
	Record(ctx context.Context, r RecordRequest) (RecordResult, error)
	Publish(ctx context.Context, r PublishRequest) (PublishResult, error)
	FilterHistory(ctx context.Context, connection string) (FilterHistory, error)
	FilterDiff(ctx context.Context, connection, from, to string) (FilterDiff, error)
	// Export is what defines how the connections behave; Apply makes it so.
	Export(ctx context.Context) (Setup, error)
	Apply(ctx context.Context, r ApplyRequest) (ApplyResult, error)
	Templates(ctx context.Context) ([]TemplateUse, error)
	TemplateDiff(ctx context.Context, from, to string) (TemplateDiff, error)
	Audit(ctx context.Context, q AuditQuery) (AuditPage, error)
	AuditHead(ctx context.Context) (AuditHead, error)
	// AuditWitnesses asks the peers for the heads that they keep of this node's record.
	AuditWitnesses(ctx context.Context) ([]Witness, error)
	// Witnessed are the heads of the peer's record that this node keeps.
	Witnessed(ctx context.Context, connection string) (Witness, error)
	// PruneAudit removes the records made before a time; it returns how many.
	PruneAudit(ctx context.Context, r AuditPruneRequest) (int, error)
	Reload(ctx context.Context) error
	// Claim says that this process is the node, where another live copy of it
	// works; it returns how many connections stood back.
	Claim(ctx context.Context) (int, error)
	// Backup writes a backup of the running node to w.
	Backup(ctx context.Context, w io.Writer) (backup.Contents, error)
}

// Status is a node at a glance.
type Status struct {
	Node        string       `json:"node"`
	ID          string       `json:"id"`
	Version     string       `json:"version"`
	Started     time.Time    `json:"started"`
	Tracker     TrackerState `json:"tracker"`
	Store       StoreState   `json:"store"`
	Connections []Connection `json:"connections"`
	// Listening is the address that peers reach, or "".
	Listening string `json:"listening,omitempty"`
}

// TrackerState tells whether the tracker answers.
type TrackerState struct {
	Kind     string    `json:"kind"`
	URL      string    `json:"url,omitempty"`
	LastPoll time.Time `json:"lastPoll,omitzero"`
	Error    string    `json:"error,omitempty"`
	// Limited is until when the tracker wants to be left alone.
	Limited time.Time `json:"limitedUntil,omitzero"`
}

// StoreState tells how the disk is.
type StoreState struct {
	Full  bool   `json:"full"`
	Error string `json:"error,omitempty"`
	// Damaged is what was lost of the store, as long as the damaged one is kept.
	Damaged *Damage `json:"damaged,omitempty"`
}

// Damage tells of a store that was damaged, and what was taken over of it.
type Damage struct {
	At time.Time `json:"at"`
	// Aside is the folder of the damaged store.
	Aside string `json:"aside"`
	// Rows were taken over. Lost are files, and parts of files, that could not be
	// read.
	Rows int `json:"rows"`
	Lost int `json:"lost"`
	// Forgotten are twins of which nothing is known but that there were some; the
	// peers send them again.
	Forgotten int `json:"forgotten"`
}

// Connection is one connection at a glance.
type Connection struct {
	Name string `json:"name"`
	ID   string `json:"id"`
	Peer string `json:"peer"` // the peer's node id
	// State is "paused", "working", "failing", "fuse blown", "peer away", "stopped", "compare words" or "not configured".
	State     string `json:"state"`
	PausedOut bool   `json:"pausedOut"`
	PausedIn  bool   `json:"pausedIn"`
	// PausedUntil is when the pause ends by itself.
	PausedUntil time.Time `json:"pausedUntil,omitzero"`
	Reason      string    `json:"reason,omitempty"`
	Contact     time.Time `json:"contact,omitzero"`
	Since       time.Time `json:"since,omitzero"` // approval
	// Waiting counts tickets to be looked at, Sending data events without an
	// outcome, Applying the peer's events not done, Files files to be fetched,
	// Parked those of all these that wait for a person.
	Waiting  int `json:"waiting"`
	Sending  int `json:"sending"`
	Applying int `json:"applying"`
	Files    int `json:"files"`
	Parked   int `json:"parked"`
	Twins    int `json:"twins"`
	// Counted is when all these were counted, where that takes long and is not done anew
	// each time.
	Counted time.Time `json:"counted,omitzero"`
	// Oldest is the age of the oldest event without an outcome, in seconds.
	Oldest float64 `json:"oldestSeconds"`
	// Verified is when both sides were last compared, Differing how many twins were
	// not alike then; Swept is when the last sweep of the tracker ended.
	Verified  time.Time `json:"verified,omitzero"`
	Differing int       `json:"differing,omitempty"`
	Swept     time.Time `json:"swept,omitzero"`
	// Holdups are what holds everything on the connection up, for a while.
	Holdups []Holdup `json:"holdups,omitempty"`
}

// Holdup is something that ends by itself or when its cause is mended.
type Holdup struct {
	// What is "looking" or "writing" (ticket after ticket failed: one is tried from
	// time to time), "peer over quota", "over quota at peer" or "peer refused" (so
	// much of its was wrong that nothing is opened), "fuse" (Code of it is blown: a
	// person lets it go on) or "peer version" (the peer speaks only those of Code).
	What string `json:"what"`
	Code string `json:"code,omitempty"`
	// Since is when it began, Next when it is tried again or ends.
	Since time.Time `json:"since,omitzero"`
	Next  time.Time `json:"next,omitzero"`
}

// Key is the node's public identity.
type Key struct {
	Node string `json:"node"`
	// ID is the node id, Fingerprint the same in groups to read aloud.
	ID          string `json:"id"`
	Fingerprint string `json:"fingerprint"`
	Document    string `json:"document"`
	TLSPin      string `json:"tlsPin,omitempty"`
}

// InviteRequest asks for an invitation.
type InviteRequest struct {
	// Name of the connection at our side.
	Name string `json:"name"`
	// Valid is how long the code can be used; default 24 h, in seconds.
	Valid float64 `json:"validSeconds,omitempty"`
	// Conflict is ours, theirs, newest, or ask or ask-theirs: our people, or the
	// peer's, decide. Default newest.
	Conflict string `json:"conflict,omitempty"`
}

// Words are those of a pairing that our person reads to the other side's. What that one
// reads is not told: it has to be heard.
type Words struct {
	Connection string `json:"connection"`
	Read       string `json:"read"`
	Compared   bool   `json:"compared"` // at this side
}

// ConfirmRequest holds what our person heard.
type ConfirmRequest struct {
	Words string `json:"words"`
}

// Invitation is a code to hand to the other side's admin.
type Invitation struct {
	Code    string    `json:"code"`
	Expires time.Time `json:"expires"`
	Name    string    `json:"name"`
}

// AcceptRequest joins with a code.
type AcceptRequest struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

// PauseRequest pauses a connection.
type PauseRequest struct {
	// Direction is out, in or both (default).
	Direction string `json:"direction,omitempty"`
	Reason    string `json:"reason,omitempty"`
	// Until is when it ends by itself; left out, a person ends it.
	Until time.Time `json:"until,omitzero"`
}

// ScopeCount counts what the scope matches at present.
type ScopeCount struct {
	Listed  int `json:"listed"`  // tickets that the query lists
	Matches int `json:"matches"` // of these, in scope
	Twins   int `json:"twins"`   // of the matching, in step already
	// Cut is set if the listing was ended at a bound.
	Cut bool `json:"cut,omitempty"`
}

// ScopeExplanation says why a ticket is in scope or not.
type ScopeExplanation struct {
	Key     string `json:"key"`
	Matches bool   `json:"matches"`
	// Starts tells whether it would start by itself, Why says why not.
	Starts bool   `json:"starts"`
	Twin   bool   `json:"twin"`
	Why    string `json:"why,omitempty"`
}

// LoadRequest takes history in.
type LoadRequest struct {
	Query string `json:"query,omitempty"`
	// Keys names tickets instead of a query.
	Keys  []string `json:"keys,omitempty"`
	Limit int      `json:"limit,omitempty"`
	// Rate is tickets a second; default 5.
	Rate   float64 `json:"rate,omitempty"`
	DryRun bool    `json:"dryRun,omitempty"`
}

// Load is a load under way, or the last one.
type Load struct {
	// State is "none", "listing", "running", "paused", "done" or "aborted".
	State string `json:"state"`
	Total int    `json:"total"`
	// Done counts tickets whose event has an outcome or that had nothing to send.
	Done    int     `json:"done"`
	Skipped int     `json:"skipped"` // not in scope
	Parked  int     `json:"parked"`
	Rate    float64 `json:"rate"`       // a second, as it goes
	ETA     float64 `json:"etaSeconds"` // 0 is unknown
	Error   string  `json:"error,omitempty"`
	DryRun  bool    `json:"dryRun,omitempty"`
}

// UnderWay tells whether the load has not come to its end.
func (l Load) UnderWay() bool {
	return l.State == "listing" || l.State == "running" || l.State == "paused"
}

// TicketQuery chooses tickets to list.
type TicketQuery struct {
	Connection string
	// State is synced, waiting, parked, conflict, ended, gone, orphan or "" for all.
	State string
	Limit int
}

// Ticket is one of our tickets on one connection.
type Ticket struct {
	Key        string    `json:"key"`
	Connection string    `json:"connection"`
	Twin       string    `json:"twin,omitempty"`
	State      string    `json:"state"`
	Since      time.Time `json:"since,omitzero"`
	Code       string    `json:"code,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	// Lost are fields that a tracker ignored or changed: ours, and the peer's.
	LostOurs   []string  `json:"lostOurs,omitempty"`
	LostTheirs []string  `json:"lostTheirs,omitempty"`
	Next       time.Time `json:"next,omitzero"`
}

// Explanation says all about a ticket.
type Explanation struct {
	Key     string        `json:"key"`
	URL     string        `json:"url,omitempty"`
	Tickets []Explained   `json:"connections"`
	Read    *event.Ticket `json:"-"`
}

// Explained is a ticket on one connection: whether it belongs, what the filter
// made of it, where its last event is, what blocks it, what happens next.
type Explained struct {
	Ticket
	Scope ScopeExplanation `json:"scope"`
	// Sent, Received and Now are views of its fields: what the peer was last told
	// of each (not where it has its own word since), the peer's as last received,
	// and what the filter makes of it at present.
	Sent     event.Fields `json:"sent,omitempty"`
	Received event.Fields `json:"received,omitempty"`
	Now      event.Fields `json:"now,omitempty"`
	// Differs are the fields that would leave.
	Differs []string `json:"differs,omitempty"`
	// Event is where the last event of ours is, in words; Happens what comes next.
	Event    string   `json:"event,omitempty"`
	Blocks   string   `json:"blocks,omitempty"`
	Happens  string   `json:"happens"`
	Comments int      `json:"comments"`
	Files    []string `json:"files,omitempty"`
	// TakenBack are comments and files that one side asked the other to take away.
	TakenBack []TakenBack `json:"takenBack,omitempty"`
	// Approvals are what people let leave that the gate had held back, the latest last.
	Approvals []GateApproval `json:"approvals,omitempty"`
}

// TakenBack is a comment or a file that one side asked the other to take away.
type TakenBack struct {
	// By is who asked: us or them.
	By string `json:"by" enum:"us,them"`
	// Kind is comment or file, Name a file's, Item what our tracker calls it.
	Kind string `json:"kind" enum:"comment,file"`
	Name string `json:"name,omitempty"`
	Item string `json:"item,omitempty"`
	// State is asked, taken back or not taken back if we asked; removed, replaced (the
	// text of a comment) or still here if they did.
	State string `json:"state"`
}

// SyncRequest names tickets.
type SyncRequest struct {
	Keys       []string `json:"keys,omitempty"`
	Query      string   `json:"query,omitempty"`
	Connection string   `json:"connection,omitempty"`
	DryRun     bool     `json:"dryRun,omitempty"`
}

// SyncResult tells what became of each.
type SyncResult struct {
	Tickets []SyncOutcome `json:"tickets"`
}

// SyncOutcome is what became of one ticket.
type SyncOutcome struct {
	Key        string `json:"key"`
	Connection string `json:"connection"`
	// Done is "queued", "unsynced", "would queue", "would unsync" or "".
	Done  string `json:"done,omitempty"`
	Error string `json:"error,omitempty"`
}

// History is the last events of a ticket, oldest first.
type History struct {
	Key    string      `json:"key"`
	Events []PastEvent `json:"events"`
}

// PastEvent is an event of a ticket's twin on one connection.
type PastEvent struct {
	// Event names it, as CONNECTION/in/1.12; Direction is in (the peer's) or out.
	Event      string    `json:"event"`
	Connection string    `json:"connection"`
	Direction  string    `json:"direction"`
	At         time.Time `json:"at"`
	Cause      string    `json:"cause,omitempty"`
	// Fields of the peer's shape that it carried, Items how many comments and files.
	Fields []string `json:"fields,omitempty"`
	Items  int      `json:"items,omitempty"`
	// Filter is the version of the outgoing filter that made it, at whose side it left.
	Filter string `json:"filter,omitempty"`
	// Outcome is applied, refused, parked, waiting or "" (not known any more).
	Outcome  string `json:"outcome,omitempty"`
	Code     string `json:"code,omitempty"`
	Undoable bool   `json:"undoable"`
	// Before and After are our fields that it changed.
	Before event.Fields `json:"before,omitempty"`
	After  event.Fields `json:"after,omitempty"`
}

// UndoRequest asks for the fields that an event changed here to be put back.
type UndoRequest struct {
	// Event is an event's name, or a ticket's key for the last that can be undone,
	// on Connection if that is named.
	Event      string `json:"event" minLength:"1" maxLength:"500"`
	Connection string `json:"connection,omitempty"`
	// Force puts back also what was changed since.
	Force  bool `json:"force,omitempty"`
	DryRun bool `json:"dryRun,omitempty"`
}

// UndoResult tells what is put back.
type UndoResult struct {
	Event      string      `json:"event"`
	Key        string      `json:"key"`
	Connection string      `json:"connection"`
	Fields     []UndoField `json:"fields"`
	// Queued is set if it is on record: the ticket's lane writes it.
	Queued bool `json:"queued"`
}

// UndoField is one field of it.
type UndoField struct {
	Name string `json:"name"`
	Now  any    `json:"now"`
	Back any    `json:"back"`
	// Changed is set if somebody changed it since the event.
	Changed bool `json:"changed,omitempty"`
}

// QueueEntry is something that waits: our work, our event, the peer's event, a file, a chore.
type QueueEntry struct {
	// ID names it for show, retry and skip.
	ID         string `json:"id"`
	Connection string `json:"connection"`
	// Kind is work, out, in, file or chore; State dirty, held, queued, received, ready,
	// applying, waiting or parked.
	Kind    string    `json:"kind"`
	State   string    `json:"state"`
	Key     string    `json:"key,omitempty"`
	Code    string    `json:"code,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Next    time.Time `json:"next,omitzero"`
	Attempt int       `json:"attempt,omitempty"`
	Parked  bool      `json:"parked,omitempty"`
	// Steps of a plan under way, in words.
	Steps []string `json:"steps,omitempty"`
	// Findings are what the egress gate holds back, Digest what an approval of that
	// must name; without it nobody can approve it.
	Findings []GateFinding `json:"findings,omitempty"`
	Digest   string        `json:"digest,omitempty"`
	// Approvals of the same ticket, the latest last.
	Approvals []GateApproval `json:"approvals,omitempty"`
}

// GateFinding is one thing that the egress gate holds back. It does not show the
// content, only enough to find the place.
type GateFinding struct {
	// Code is content or unscanned, Detector what found it.
	Code     string `json:"code"`
	Detector string `json:"detector,omitempty"`
	// Field, Item, File and Part are the place, Form how it had to be read.
	Field   string `json:"field,omitempty"`
	Item    string `json:"item,omitempty"`
	File    string `json:"file,omitempty"`
	Part    string `json:"part,omitempty"`
	Form    string `json:"form,omitempty"`
	Sample  string `json:"sample,omitempty"`
	Blocked bool   `json:"blocked,omitempty"`
	// Text is all of it in a line.
	Text string `json:"text"`
}

// GateApproval is a person's leave for content that the gate held back.
type GateApproval struct {
	Digest string    `json:"digest"`
	At     time.Time `json:"at"`
	// By is who, Found what was let leave, without the content.
	By    string   `json:"by,omitempty"`
	Found []string `json:"found,omitempty"`
}

// QueueSelect chooses entries.
type QueueSelect struct {
	ID         string `json:"id,omitempty"`
	Connection string `json:"connection,omitempty"`
	Code       string `json:"code,omitempty"`
	// All chooses every parked entry of Connection (or with Code).
	All bool `json:"all,omitempty"`
	// Digest is of the content that the gate held back, for its approval.
	Digest string `json:"digest,omitempty"`
}

// TryRequest runs filters on a ticket and writes nothing.
type TryRequest struct {
	Connection string `json:"connection"`
	Key        string `json:"key,omitempty"`
	// Entry is the id of an event of the peer that waits (`queue list`), in the place of
	// Key: a ticket that is still to be created has none.
	Entry string `json:"entry,omitempty"`
	// Out and In replace the filters in force, as source text.
	Out string `json:"out,omitempty"`
	In  string `json:"in,omitempty"`
}

// TryResult shows what left and what each line did.
type TryResult struct {
	Key      string       `json:"key"`
	Matches  bool         `json:"matches"`
	Replica  event.Fields `json:"replica,omitempty"`
	Comments int          `json:"comments"`
	Files    []string     `json:"files,omitempty"`
	Findings []string     `json:"findings,omitempty"`
	Stop     string       `json:"stop,omitempty"`
	Lines    []TryLine    `json:"lines,omitempty"`
	// Leaving is what would leave now, Entering what would be written here.
	Leaving  *TryLeaving  `json:"leaving,omitempty"`
	Entering *TryEntering `json:"entering,omitempty"`
	// Unread is what the incoming filter reads and the peer does not send.
	Unread []Unread `json:"unread,omitempty"`
}

// TryLine is what one line of a filter did.
type TryLine struct {
	Line   int    `json:"line"`
	Target string `json:"target"`
	Value  any    `json:"value"`
	Why    string `json:"why,omitempty"`
}

// Error classes of a Service; each has an HTTP status and an exit code.
const (
	KindNotFound = "not-found" // 404
	KindDenied   = "denied"    // 403: whoever asks may not
	KindInvalid  = "invalid"   // 422
	KindConflict = "conflict"  // 409: it cannot be done in the present state
	KindTracker  = "tracker"   // 502: the tracker did not do it
	KindPeer     = "peer"      // 502: the peer did not do it
	KindInternal = "internal"  // 500
)

// Error is what a Service returns for people.
type Error struct {
	Kind    string
	Message string
	// Hint says what to do next.
	Hint string
	Err  error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
