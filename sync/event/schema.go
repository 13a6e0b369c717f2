package event

// Type is the type of a field; see the package comment.
type Type string

// The field types.
const (
	TypeText     Type = "text"
	TypeRich     Type = "rich"
	TypeOption   Type = "option"
	TypeCascade  Type = "cascade"
	TypeUser     Type = "user"
	TypeNumber   Type = "number"
	TypeBool     Type = "bool"
	TypeTime     Type = "time"
	TypeDate     Type = "date"
	TypeDuration Type = "duration"
	TypeSet      Type = "set"
	TypeOptions  Type = "options"
	TypeUsers    Type = "users"
	TypeRef      Type = "ref"
	TypeLinks    Type = "links"
	TypeRefs     Type = "refs" // tickets of the same tracker: read, and never merged
)

// IsSet tells whether fields of the type are merged entry by entry. None of them is
// ever nil inside a node: an empty set is an empty list.
func (t Type) IsSet() bool {
	return t == TypeSet || t == TypeOptions || t == TypeUsers || t == TypeLinks
}

// Schema tells what a tracker account can see and write.
type Schema struct {
	// Fields by name, standard ones and custom ones ("fields.Severity").
	Fields map[string]Field `json:"fields"`
	// Projects and Types are what a ticket may be created in and as.
	Projects []string `json:"projects,omitempty"`
	Types    []string `json:"types,omitempty"`
	// Comments, Internal, Attachments: whether the account may write these.
	Comments    bool `json:"comments"`
	Internal    bool `json:"internal"`
	Attachments bool `json:"attachments"`
	// EditComments tells whether a comment of ours can be changed later.
	EditComments bool `json:"editComments"`
	// Impersonate tells whether the account may add comments in the name of others.
	Impersonate bool `json:"impersonate,omitempty"`
	// Assignable: whether the tracker tells beforehand who a ticket can be assigned to.
	Assignable bool `json:"assignable,omitempty"`
	// Makes are the kinds of what the account may make for tickets to name: MakeVersions,
	// MakeComponents.
	Makes []string `json:"makes,omitempty"`
	// MaxAttachment is in bytes; 0 is unknown.
	MaxAttachment int64 `json:"maxAttachment,omitempty"`
}

// Field describes one field.
type Field struct {
	Type Type `json:"type"`
	// Options are the names an option field may take, and the relations that may be
	// written in a field of links; empty is "not known".
	Options []string `json:"options,omitempty"`
	// Closed are the options of a status that end a ticket, where that is known.
	Closed []string `json:"closed,omitempty"`
	// Writable tells whether this account may set it.
	Writable bool `json:"writable"`
	// Required fields must be set on create.
	Required bool `json:"required,omitempty"`
	// MaxLength is in characters; 0 is unbounded or unknown.
	MaxLength int `json:"maxLength,omitempty"`
}
