// Package filtertest runs test files of filters: data that says what goes in
// and what must come out.
//
// A file is YAML (or JSON) and holds a list of cases:
//
//   - name: a status that the table does not have is kept
//     filter: incoming            # or outgoing
//     first: true                 # no twin yet
//     replica: {fields: {status: Odd, summary: Printer on fire}}
//     expect: {fields: {summary: Printer on fire}}
//
// Scripts runs cases with the texts of filters, their variables and tables: the
// command `parley filter test` and tests in Go do the same. Record makes a case of
// a real ticket, with what is personal or secret replaced.
//
// Fields are compared whole: one more or one less fails. Comments and files are
// compared by the members that expect names. The id of a person may be "*", any
// id: the ids that leave differ per connection. Unknown keys are errors.
//
// It knows no tracker and no clock: look-ups are answered from the case, and so is
// the time.
package filtertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/goccy/go-yaml"

	"parley/filters"
	"parley/sync/event"
)

// Case is one test.
type Case struct {
	Name   string `json:"name"`
	Filter string `json:"filter"` // outgoing or incoming
	First  bool   `json:"first,omitempty"`
	// At is the event's time; it has a default.
	At         time.Time `json:"at,omitzero"`
	Connection string    `json:"connection,omitempty"`
	// Vars and Tables stand over those that the filters have otherwise; a table is
	// written as in its file.
	Vars     map[string]any      `json:"vars,omitempty"`
	Tables   map[string]rawTable `json:"tables,omitempty"`
	Issue    *Ticket             `json:"issue,omitempty"`
	Replica  *Ticket             `json:"replica,omitempty"`
	Previous *Ticket             `json:"previous,omitempty"`
	People   []event.User        `json:"people,omitempty"` // found by id or e-mail
	// Assignable are the ids of people whom tickets can be assigned to.
	Assignable []string          `json:"assignable,omitempty"`
	Tickets    map[string]string `json:"tickets,omitempty"` // "field=value" to id
	Twins      map[string]string `json:"twins,omitempty"`   // their id to ours
	Expect     Expect            `json:"expect"`
}

// rawTable is a table as its file has it.
type rawTable = json.RawMessage

// Ticket is a ticket or a replica. Comments or attachments that are left out
// were not sent.
type Ticket struct {
	Key         string               `json:"key,omitempty"`
	URL         string               `json:"url,omitempty"`
	Fields      event.Fields         `json:"fields,omitempty"`
	Comments    []filters.Comment    `json:"comments,omitzero"`
	Attachments []filters.Attachment `json:"attachments,omitzero"`
}

// Expect is what must come out.
type Expect struct {
	Fields      event.Fields          `json:"fields,omitempty"`
	Comments    []map[string]any      `json:"comments,omitempty"`
	Attachments []map[string]any      `json:"attachments,omitempty"`
	Add         map[string][]any      `json:"add,omitempty"`
	Remove      map[string][]any      `json:"remove,omitempty"`
	Connect     string                `json:"connect,omitempty"`
	Stop        filters.StopKind      `json:"stop,omitempty"`
	Error       string                `json:"error,omitempty"` // a part of it
	Held        []filters.FindingCode `json:"held,omitempty"`  // by a gate with its defaults
}

const maxFile = 1 << 20

// Load reads a test file.
func Load(fsys fs.FS, name string) ([]Case, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read the test file: %w", err)
	}
	cases, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("test file %s: %w", name, err)
	}
	return cases, nil
}

// Parse reads the text of a test file.
func Parse(data []byte) ([]Case, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("it has %d bytes; at most %d are allowed", len(data), maxFile)
	}
	// By way of JSON, so that values are what they are in a ticket: numbers are
	// float64, maps have text keys.
	raw, err := yaml.YAMLToJSON(data)
	if err != nil {
		return nil, fmt.Errorf("it is not YAML: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	var cases []Case
	if err := decoder.Decode(&cases); err != nil {
		return nil, fmt.Errorf("it does not hold cases: %w", err)
	}
	for i, c := range cases {
		if c.Name == "" || c.Filter != "outgoing" && c.Filter != "incoming" {
			return nil, fmt.Errorf("case %d needs a name, and filter: outgoing or incoming", i+1)
		}
	}
	return cases, nil
}

func (c Case) context() filters.Context {
	at := c.At
	if at.IsZero() {
		at = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	}
	name := c.Connection
	if name == "" {
		name = "peer"
	}
	return filters.Context{
		Connection: filters.ConnectionInfo{Name: name, Peer: name}, Vars: c.Vars, FirstSync: c.First,
		Event: filters.EventInfo{At: at, Kinds: []string{"edited"}}, Lookups: lookups{c},
		TwinID: "test",
	}
}

func (t *Ticket) ours() filters.Ours {
	if t == nil {
		return filters.Ours{}
	}
	return filters.Ours{Key: t.Key, URL: t.URL, Fields: t.Fields, Comments: t.Comments, Attachments: t.Attachments}
}

func (t *Ticket) replica() *filters.Replica {
	if t == nil {
		return nil
	}
	fields := t.Fields
	if fields == nil {
		fields = event.Fields{}
	}
	return &filters.Replica{
		Fields: fields, Comments: t.Comments, Attachments: t.Attachments,
		CommentsSent: t.Comments != nil, AttachmentsSent: t.Attachments != nil,
	}
}

// lookups answers from a case.
type lookups struct{ c Case }

// User implements filters.Lookups.
func (l lookups) User(_ context.Context, query string) (*event.User, error) {
	for _, u := range l.c.People {
		if u.ID == query || u.Email == query {
			return &u, nil
		}
	}
	return nil, nil
}

// Assignable implements filters.Lookups.
func (l lookups) Assignable(_ context.Context, _, id string) (bool, error) {
	return slices.Contains(l.c.Assignable, id), nil
}

// TicketsBy implements filters.Lookups.
func (l lookups) TicketsBy(_ context.Context, field, value string) ([]event.Ref, error) {
	if id, ok := l.c.Tickets[field+"="+value]; ok {
		return []event.Ref{{ID: id}}, nil
	}
	return nil, nil
}

// TwinOf implements filters.Lookups.
func (l lookups) TwinOf(_ context.Context, theirs string) (*event.Ref, error) {
	if id, ok := l.c.Twins[theirs]; ok {
		return &event.Ref{ID: id}, nil
	}
	return nil, nil
}
