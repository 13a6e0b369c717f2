package event

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Change says that a ticket may have changed. It is a hint: the ticket is
// read whole before anything is decided.
type Change struct {
	Ref Ref
	// Key is what people call the ticket ("SUP-12").
	Key string
	// Version differs whenever the tracker can tell that the ticket differs.
	Version string
	// Updated is the tracker's change time in UTC, with its own precision.
	Updated time.Time
	// Deleted is set when the tracker reported a deletion for certain.
	Deleted bool
}

// Fields maps field names to plain values; see the package comment.
type Fields map[string]any

// CustomPrefix starts the name of every custom field.
const CustomPrefix = "fields."

// Standard field names that every adapter uses where its tracker has the thing.
const (
	FieldKey         = "key"
	FieldURL         = "url"
	FieldProject     = "project"
	FieldType        = "type"
	FieldSummary     = "summary"
	FieldDescription = "description"
	FieldStatus      = "status"
	FieldResolution  = "resolution"
	FieldPriority    = "priority"
	FieldAssignee    = "assignee"
	FieldReporter    = "reporter"
	FieldCreator     = "creator"
	FieldCreated     = "created"
	FieldUpdated     = "updated"
	FieldDue         = "due"
	FieldLabels      = "labels"
	FieldComponents  = "components"
	FieldFixVersions = "fixVersions"
	FieldEstimate    = "estimate"
	FieldSpent       = "spent"
	FieldParent      = "parent"
	// FieldLinks are the other tickets of the same tracker that this one stands in a
	// relation to, beside its parent. See Link.
	FieldLinks = "links"
	// FieldChildren are the tickets whose parent this one is, where the tracker tells
	// them with it. They are read only: each names its parent. See RefsValue.
	FieldChildren = "children"
)

// RefsValue is tickets as a field's value: keys by ids, in the order of the keys.
func RefsValue(keys map[string]string) []any {
	ids := slices.SortedFunc(maps.Keys(keys), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(keys[a]), len(keys[b])), cmp.Compare(keys[a], keys[b]), cmp.Compare(a, b))
	})
	out := make([]any, len(ids))
	for i, id := range ids {
		out[i] = map[string]any{"id": id, "key": keys[id]}
	}
	return out
}

// Ticket is one ticket as read: whole, markers taken out of the text.
type Ticket struct {
	Ref    Ref
	Key    string
	URL    string
	Fields Fields
	// Comments and Attachments are oldest first.
	Comments    []Comment
	Attachments []Attachment
	// Marker is the one that our create left, if any.
	Marker Marker
	// Version and Updated as in Change.
	Version string
	Updated time.Time
	// Restricted tickets never leave by default (a tracker's private flag).
	Restricted bool
	// Next are the statuses that the account may give the ticket as it is; none if
	// the tracker does not tell.
	Next []string
	// Lock is what an adapter with a real optimistic lock wants back in Step.Lock.
	Lock string
}

// User is a person as a tracker knows them.
type User struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
}

// Value is u as a field value.
func (u User) Value() map[string]any {
	v := map[string]any{"id": u.ID, "name": u.Name}
	if u.Email != "" {
		v["email"] = u.Email
	}
	return v
}

// UserOf is the person that a field value is; the zero User if it is none.
func UserOf(v any) User {
	m, _ := v.(map[string]any)
	text := func(name string) string { s, _ := m[name].(string); return s }
	return User{ID: text("id"), Name: text("name"), Email: text("email")}
}

// Comment is one entry in a ticket's conversation.
type Comment struct {
	ID      string    `json:"id"`
	Author  User      `json:"author"`
	Body    string    `json:"body"`
	Created time.Time `json:"created"`
	Edited  time.Time `json:"edited,omitzero"`
	// Internal comments are for the tracker's own people. What cannot be read
	// for certain counts as internal.
	Internal bool `json:"internal,omitempty"`
	// Marker is the one that our write left, if any. Never on the wire.
	Marker Marker `json:"-"`
}

// Attachment describes a file on a ticket; the bytes go another way.
type Attachment struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Size    int64     `json:"size"`
	MIME    string    `json:"mime"`
	SHA256  string    `json:"sha256,omitempty"` // hex; "" as long as nobody has read the bytes
	Author  User      `json:"author"`
	Created time.Time `json:"created"`
	// Internal and Inline as the tracker says; uncertain counts as internal.
	Internal bool   `json:"internal,omitempty"`
	Inline   bool   `json:"inline,omitempty"`
	Marker   Marker `json:"-"`
}
