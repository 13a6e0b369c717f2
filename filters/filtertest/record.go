package filtertest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"parley/filters"
	"parley/sync/event"
)

// Recording is a real ticket that cases are to be made of. None of it is in them
// as it was, but for numbers, times, options and what no rule takes for personal.
type Recording struct {
	Name       string
	Connection string
	Issue      filters.Ours
	// Received is what the peer last sent of it; nil if nothing.
	Received *filters.Replica
	At       time.Time
	First    bool
	// Schema tells which fields are options: their values are the tracker's words.
	Schema event.Schema
	// Blank leaves of every text its form only.
	Blank bool
}

// Record makes cases of a ticket, masked and without anything expected yet: names
// and addresses of the people in it, e-mail addresses, hosts, keys, cards, IBANs,
// IP addresses and phone numbers are replaced, files are renamed. A name in the
// midst of a text that belongs to nobody in the ticket stays, unless r.Blank.
func Record(ctx context.Context, r Recording) ([]Case, error) {
	m, err := newMasker(ctx, r.Blank)
	if err != nil {
		return nil, err
	}
	m.meetAll(r.Issue.Fields, r.Issue.Comments, r.Issue.Attachments)
	if r.Received != nil {
		m.meetAll(r.Received.Fields, r.Received.Comments, r.Received.Attachments)
	}
	ours := &Ticket{
		Key: r.Issue.Key, URL: m.link(r.Issue.URL), Fields: m.fields(r.Issue.Fields, r.Schema),
		Comments: m.comments(r.Issue.Comments), Attachments: m.attachments(r.Issue.Attachments),
	}
	base := Case{First: r.First, At: r.At.UTC(), Connection: r.Connection}
	out := base
	out.Name, out.Filter, out.Issue = r.Name+": what leaves", "outgoing", ours
	cases := []Case{out}
	if r.Received != nil {
		in := base
		in.Name, in.Filter, in.Issue = r.Name+": what enters", "incoming", ours
		in.Replica = &Ticket{
			Fields: m.fields(r.Received.Fields, event.Schema{}), Comments: m.comments(r.Received.Comments),
			Attachments: m.attachments(r.Received.Attachments),
		}
		cases = append(cases, in)
	}
	for i := range m.people {
		for at := range cases {
			cases[at].People = append(cases[at].People, m.user(m.people[i]))
		}
	}
	return cases, nil
}

func (m *masker) meetAll(fields event.Fields, comments []filters.Comment, attachments []filters.Attachment) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		m.meetIn(fields[name])
	}
	for i := range comments {
		m.meet(comments[i].Author)
	}
	for i := range attachments {
		m.meet(attachments[i].Author)
	}
}

func (m *masker) fields(in event.Fields, schema event.Schema) event.Fields {
	out := make(event.Fields, len(in))
	for _, name := range slices.Sorted(maps.Keys(in)) {
		out[name] = m.field(name, in[name], schema.Fields[name])
	}
	return out
}

// field masks one field. The tracker's own words and its times are nobody's.
func (m *masker) field(name string, value any, known event.Field) any {
	text, isText := value.(string)
	switch {
	case name == event.FieldKey, name == event.FieldCreated, name == event.FieldUpdated, name == event.FieldDue:
		return value
	case isText && name == event.FieldURL:
		return m.link(text)
	case isText && slices.Contains(known.Options, text):
		return value
	case isText && (known.Type == event.TypeTime || known.Type == event.TypeDate):
		return value
	}
	return m.value(value)
}

// comments are masked; none sent stay none sent.
func (m *masker) comments(in []filters.Comment) []filters.Comment {
	if in == nil {
		return nil
	}
	out := make([]filters.Comment, len(in))
	for i, c := range in {
		out[i] = filters.Comment{From: c.From, Comment: event.Comment{
			ID: "c" + strconv.Itoa(i+1), Author: m.user(c.Author), Body: m.text(c.Body), Created: c.Created, Edited: c.Edited, Internal: c.Internal,
		}}
	}
	return out
}

func (m *masker) attachments(in []filters.Attachment) []filters.Attachment {
	if in == nil {
		return nil
	}
	out := make([]filters.Attachment, len(in))
	for i, a := range in {
		out[i] = filters.Attachment{From: a.From, Attachment: event.Attachment{
			ID: "a" + strconv.Itoa(i+1), Name: "file" + strconv.Itoa(i+1) + extension(a.Name), Size: a.Size, MIME: a.MIME,
			Author: m.user(a.Author), Created: a.Created, Internal: a.Internal, Inline: a.Inline,
		}}
	}
	return out
}

// extension of a file's name, where it is one: behind a point may stand anything.
func extension(name string) string {
	ext := strings.ToLower(path.Ext(name))
	for _, r := range strings.TrimPrefix(ext, ".") {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return ""
		}
	}
	if len(ext) > 5 {
		return ""
	}
	return ext
}

// Write is cases as a test file.
func Write(cases []Case) ([]byte, error) {
	raw, err := json.Marshal(cases)
	if err != nil {
		return nil, fmt.Errorf("write test cases: %w", err)
	}
	text, err := yaml.JSONToYAML(raw)
	if err != nil {
		return nil, fmt.Errorf("write test cases: %w", err)
	}
	if _, err := Parse(text); err != nil {
		return nil, fmt.Errorf("what was written is no test file: %w", err)
	}
	return text, nil
}
