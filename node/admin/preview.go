package admin

import (
	"context"
	"net/http"
)

// PreviewRequest chooses tickets of which people want to know what would leave.
type PreviewRequest struct {
	// Query in the tracker's own language, instead of the connection's; or Keys.
	Query string   `json:"query,omitempty"`
	Keys  []string `json:"keys,omitempty"`
	// Limit is how many tickets are looked at; 20 if 0.
	Limit int `json:"limit,omitempty" minimum:"0" maximum:"5000"`
}

// Preview is what would leave of some tickets. Nothing of it is stored or sent.
type Preview struct {
	// Listed is how many tickets were found, Cut is set if there are more.
	Listed int  `json:"listed"`
	Cut    bool `json:"cut,omitempty"`
	// Leaving, Held and Staying count them; Bytes and FileBytes are of what would leave
	// or is held.
	Leaving   int             `json:"leaving"`
	Held      int             `json:"held"`
	Staying   int             `json:"staying"`
	Bytes     int             `json:"bytes"`
	FileBytes int64           `json:"fileBytes"`
	Tickets   []PreviewTicket `json:"tickets"`
}

// PreviewTicket is what would leave of one ticket.
type PreviewTicket struct {
	Key string `json:"key"`
	// State is leaves, held (by the gate, for Findings) or stays; Why says why.
	State    string        `json:"state"`
	Why      string        `json:"why,omitempty"`
	Fields   []PreviewText `json:"fields,omitempty"`
	Comments []PreviewText `json:"comments,omitempty"`
	Files    []TryFile     `json:"files,omitempty"`
	Findings []GateFinding `json:"findings,omitempty"`
	// Bytes of the message, FileBytes of the files that are fetched after it.
	Bytes     int   `json:"bytes"`
	FileBytes int64 `json:"fileBytes,omitempty"`
}

// PreviewText is a field, or the comment of somebody, as it would leave.
type PreviewText struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
	Bytes int    `json:"bytes"`
	// Internal marks an internal comment that the gate lets leave.
	Internal bool `json:"internal,omitempty"`
}

func routePreview(api routes, s Service) {
	route(api, http.MethodPost, "/v1/connections/{name}/preview", "preview", "What would leave of tickets; nothing does",
		func(ctx context.Context, in *named[PreviewRequest]) (Preview, error) {
			return s.Preview(ctx, in.Name, in.Body)
		})
}
