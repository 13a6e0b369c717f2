package admin

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"parley/sync/event"
)

// RecordRequest asks for test cases made of a ticket.
type RecordRequest struct {
	Connection string `json:"connection"`
	Key        string `json:"key"`
	// Blank leaves of every text its form only.
	Blank bool `json:"blank,omitempty"`
}

// RecordResult is cases without what they expect, and nothing personal in them.
type RecordResult struct {
	Key        string `json:"key"`
	Connection string `json:"connection"`
	// Cases is the text of a test file.
	Cases string `json:"cases"`
	// Schema is the tracker's, which the cases were made with.
	Schema event.Schema `json:"schema"`
}

func routeFilters(api huma.API, s Service) {
	route(api, http.MethodPost, "/v1/filters/record", "record", "Test cases of a ticket, masked",
		func(ctx context.Context, in *body[RecordRequest]) (RecordResult, error) {
			return s.Record(ctx, in.Body)
		})
}
