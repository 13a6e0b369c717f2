package adapters

import (
	"context"
	"io"
	"time"

	"parley/sync/event"
)

// Tracker is one account at one tracker.
type Tracker interface {
	// Changes returns tickets changed since cursor, oldest first, and the next
	// cursor. An empty cursor starts at the time the tracker has now, not at
	// its beginning: history moves by List. Fewer than limit changes means
	// that there are no more at present. A cursor stays valid for good.
	Changes(ctx context.Context, cursor event.Cursor, limit int) ([]event.Change, event.Cursor, error)
	// Read returns one ticket whole. ErrGone if it is not there any more, or if
	// the tracker shows another ticket under this id (Ref.Created differs).
	Read(ctx context.Context, ref event.Ref) (event.Ticket, error)
	// Write does one step. StepAttach takes its bytes from body; other kinds
	// get nil.
	Write(ctx context.Context, step event.Step, body io.Reader) (event.Written, error)
	// Find answers whether a step in doubt happened. It is asked for what adds
	// (create, a new comment, a file), not before SettleTime after the attempt.
	Find(ctx context.Context, step event.Step) (event.Found, error)
	// Schema tells fields, types, options and what this account may write.
	Schema(ctx context.Context) (event.Schema, error)
	// List pages through the tickets that match query in the tracker's own
	// language, oldest first; an empty query lists all. A page may hold fewer
	// than limit; an empty next cursor ends the list.
	List(ctx context.Context, query string, page event.Cursor, limit int) ([]event.Change, event.Cursor, error)
	// Locate finds a ticket by the key that people use. ErrGone if there is none.
	Locate(ctx context.Context, key string) (event.Change, error)
	// SettleTime is how long after a write's end Find may still be wrong.
	SettleTime() time.Duration
	// Precision is the resolution of change times plus the skew to be expected:
	// a version read within it of its own time may hide a second edit.
	Precision() time.Duration
	// Close gives back what the adapter holds. It may be called twice.
	Close() error
}

// Files is the ability to read the bytes of attachments.
type Files interface {
	// Open returns the bytes of an attachment; the caller closes them. The
	// adapter sends its credential to no other origin.
	Open(ctx context.Context, ref event.Ref, attachment string) (io.ReadCloser, error)
}

// People is the ability to look a person up.
type People interface {
	// FindUser returns the people whose e-mail address, login or id is exactly
	// query. No match is an empty list.
	FindUser(ctx context.Context, query string) ([]event.User, error)
}

// Assigner is the ability to tell beforehand whether a ticket can be assigned to a person.
type Assigner interface {
	// Assignable tells whether a ticket of a project can be assigned to somebody, by
	// the id that FindUser gave. An empty project is the one where tickets are made.
	Assignable(ctx context.Context, project, id string) (bool, error)
}

// Searcher is the ability to find tickets by one field's value.
type Searcher interface {
	// ByField returns up to limit tickets whose field equals value exactly.
	ByField(ctx context.Context, field, value string, limit int) ([]event.Change, error)
}

// Prober is the ability to tell an admin what is wrong before the first sync.
type Prober interface {
	Probe(ctx context.Context) []Finding
}

// Clocked is the ability to tell the tracker's clock. What it has made is looked for,
// and told from what was there before, by its own times.
type Clocked interface {
	// Skew is by how much the tracker's clock is ahead of ours, as far as is known, and
	// whether that is settled: what hangs on it may be otherwise after the next answers.
	Skew() (ahead time.Duration, settled bool)
}

// Historian is the ability to say who changed a field and when.
type Historian interface {
	// History returns the changes of a ticket since a time, oldest first.
	History(ctx context.Context, ref event.Ref, since time.Time) ([]Edit, error)
}

// Partial is a Historian that does not tell of all fields: that it names no change of
// one of the others means nothing.
type Partial interface {
	Tells(field string) bool
}

// Workflow is the ability to say how a ticket's status may be reached where
// Ticket.Next has no direct move, or is not told.
type Workflow interface {
	// Moves returns, by status, those that a ticket like ref may get next. What is
	// said of its present status is exact; others may be missing, or be known from
	// tickets alike: each move is checked again before it is made.
	Moves(ctx context.Context, ref event.Ref) (map[string][]string, error)
}

// Watcher is the ability to hear of changes early. It is a hint only.
type Watcher interface {
	// Watch returns a channel that gets a value when something may have changed.
	Watch() <-chan struct{}
}

// Maker is the ability to make a version or a component. It is used only where the
// configuration lets the incoming filter have one made; Schema.Makes says which kinds.
type Maker interface {
	// Make makes what is named, unless the project has one of exactly this name: done
	// twice, or by two at once, it makes one.
	Make(ctx context.Context, what event.Making) error
}

// Deleter is the ability to delete a ticket. It is used only where the
// configuration lets the peer's deletions be followed.
type Deleter interface {
	// Delete deletes a ticket. ErrGone if it is not there any more.
	Delete(ctx context.Context, ref event.Ref) error
}

// Remover is the ability to delete a comment or a file. It is used for what the peer
// asks back, and only where the configuration lets the peer remove things.
type Remover interface {
	// Remove deletes what is named of a ticket; that it is not there any more is no
	// error. ErrGone if the ticket is not. It is asked again where it is in doubt.
	Remove(ctx context.Context, ref event.Ref, what event.Removal) error
}

// Edit is one change of one field by one person.
type Edit struct {
	At     time.Time
	Author event.User
	Own    bool // made by our account
	Field  string
	Old    any
	New    any
}

// Level grades a Finding.
type Level string

// The levels.
const (
	LevelOK      Level = "ok"
	LevelWarning Level = "warning"
	LevelError   Level = "error"
)

// Finding is one line of a probe.
type Finding struct {
	Level Level  `json:"level"`
	What  string `json:"what"`
	// Hint says what to do; empty for LevelOK.
	Hint string `json:"hint,omitempty"`
}
