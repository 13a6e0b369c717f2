package redmine

import (
	"strconv"
	"time"

	"parley/sync/event"
)

// named is how Redmine refers to most things.
type named struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	// Closed is set for statuses only.
	Closed bool `json:"is_closed"`
}

type issue struct {
	ID              int64         `json:"id"`
	Project         named         `json:"project"`
	Tracker         named         `json:"tracker"`
	Status          named         `json:"status"`
	Priority        named         `json:"priority"`
	Author          named         `json:"author"`
	AssignedTo      *named        `json:"assigned_to"`
	Category        *named        `json:"category"`
	FixedVersion    *named        `json:"fixed_version"`
	Parent          *named        `json:"parent"`
	Subject         string        `json:"subject"`
	Description     string        `json:"description"`
	DueDate         string        `json:"due_date"`
	IsPrivate       bool          `json:"is_private"`
	EstimatedHours  *float64      `json:"estimated_hours"`
	SpentHours      *float64      `json:"spent_hours"`
	CustomFields    []customValue `json:"custom_fields"`
	CreatedOn       time.Time     `json:"created_on"`
	UpdatedOn       time.Time     `json:"updated_on"`
	Journals        []journal     `json:"journals"`
	Attachments     []attachment  `json:"attachments"`
	AllowedStatuses []named       `json:"allowed_statuses"`
	Relations       []relation    `json:"relations"`
	Children        []child       `json:"children"`
}

// child is an issue below another one; those below it stand in it, and are its own.
type child struct {
	ID int64 `json:"id"`
}

func (i *issue) id() string { return strconv.FormatInt(i.ID, 10) }

func (i *issue) ref() event.Ref { return event.NewRef(i.id(), i.CreatedOn) }

func (i *issue) version() string { return i.UpdatedOn.UTC().Format(time.RFC3339) }

func (i *issue) change() event.Change {
	return event.Change{Ref: i.ref(), Key: i.id(), Version: i.version(), Updated: i.UpdatedOn.UTC()}
}

type customValue struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	Multiple bool   `json:"multiple"`
	Value    any    `json:"value"`
}

type journal struct {
	ID        int64     `json:"id"`
	User      named     `json:"user"`
	Notes     string    `json:"notes"`
	CreatedOn time.Time `json:"created_on"`
	// UpdatedOn came with 5.1.
	UpdatedOn time.Time `json:"updated_on"`
	// PrivateNotes is a pointer: where it is not said, a note is internal.
	PrivateNotes *bool    `json:"private_notes"`
	Details      []detail `json:"details"`
}

type detail struct {
	Property string `json:"property"`
	Name     string `json:"name"`
	Old      any    `json:"old_value"`
	New      any    `json:"new_value"`
}

type attachment struct {
	ID          int64     `json:"id"`
	FileName    string    `json:"filename"`
	FileSize    int64     `json:"filesize"`
	ContentType string    `json:"content_type"`
	Description string    `json:"description"`
	Author      named     `json:"author"`
	CreatedOn   time.Time `json:"created_on"`
}

// account is the user behind the key.
type account struct {
	ID          int64        `json:"id"`
	Login       string       `json:"login"`
	FirstName   string       `json:"firstname"`
	LastName    string       `json:"lastname"`
	Mail        string       `json:"mail"`
	Admin       bool         `json:"admin"`
	Memberships []membership `json:"memberships"`
}

type membership struct {
	Project named   `json:"project"`
	User    *named  `json:"user"`
	Group   *named  `json:"group"`
	Roles   []named `json:"roles"`
}

type project struct {
	ID         int64   `json:"id"`
	Name       string  `json:"name"`
	Identifier string  `json:"identifier"`
	Trackers   []named `json:"trackers"`
	Categories []named `json:"issue_categories"`
}

// definition is a custom field as an administrator sees it.
type definition struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"`
	Customized string `json:"customized_type"`
	Format     string `json:"field_format"`
	Multiple   bool   `json:"multiple"`
	Values     []struct {
		Value string `json:"value"`
	} `json:"possible_values"`
}
