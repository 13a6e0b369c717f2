package admin

import (
	"context"
	"net/http"
	"time"

	"parley/sync/event"
)

// Sent is what a side says that it sends.
type Sent struct {
	Comments    bool        `json:"comments"`
	Attachments bool        `json:"attachments"`
	Fields      []SentField `json:"fields"`
}

// SentField is a field that is sent. No options means that they are not known.
type SentField struct {
	Name    string     `json:"name"`
	Type    event.Type `json:"type,omitempty"`
	Options []string   `json:"options,omitempty"`
}

// Schema is what filters are checked against.
func (s *Sent) Schema() event.Schema {
	if s == nil {
		return event.Schema{}
	}
	out := event.Schema{Comments: s.Comments, Attachments: s.Attachments, Fields: map[string]event.Field{}}
	for _, f := range s.Fields {
		out.Fields[f.Name] = event.Field{Type: f.Type, Options: f.Options}
	}
	return out
}

// Fields is what the two sides of a connection tell each other of what they send.
type Fields struct {
	Connection string `json:"connection"`
	// Theirs is what the peer says since At, nil if it has said nothing.
	Theirs *Sent     `json:"theirs,omitempty"`
	At     time.Time `json:"at,omitzero"`
	// Changes are in words what came and went since people last looked, the first
	// of it at Changed.
	Changes []string  `json:"changes,omitempty"`
	Changed time.Time `json:"changed,omitzero"`
	// Unread is what the incoming filter in force reads and the peer does not send.
	Unread []Unread `json:"unread,omitempty"`
	// Ours is what the peer is told; Held tells that it has that on record.
	Ours Sent `json:"ours"`
	Held bool `json:"held"`
}

// Unread is a place in an incoming filter that reads nothing.
type Unread struct {
	Line int    `json:"line"`
	Col  int    `json:"col"`
	Code string `json:"code"`
	// Text is all of it for people, with the line and a caret.
	Text string `json:"text"`
}

func routeFields(api routes, s Service) {
	route(api, http.MethodGet, "/v1/connections/{name}/fields", "fields", "What the two sides say that they send",
		func(ctx context.Context, in *byName) (Fields, error) { return s.Fields(ctx, in.Name) })
	route(api, http.MethodPost, "/v1/connections/{name}/fields/seen", "fields-seen", "The change of what the peer sends is known",
		func(ctx context.Context, in *byName) (Fields, error) { return s.FieldsSeen(ctx, in.Name) })
}
