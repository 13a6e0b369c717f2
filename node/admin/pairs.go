package admin

import (
	"context"
	"net/http"
)

// ConnectRequest names pairs of tickets that both exist.
type ConnectRequest struct {
	Connection string `json:"connection"`
	Pairs      []Pair `json:"pairs" maxItems:"200"`
	// Old is set if comments and files that are there stay where they are.
	Old bool `json:"old,omitempty"`
	// DryRun checks our side only: the peer checks its own when it is asked.
	DryRun bool `json:"dryRun,omitempty"`
}

// Pair is one of our tickets and one of the peer's, by their keys.
type Pair struct {
	Ours   string `json:"ours"`
	Theirs string `json:"theirs"`
	// Prefer is ours, theirs or fill-empty; default fill-empty.
	Prefer string `json:"prefer,omitempty"`
}

// ConnectResult tells how far each pair is.
type ConnectResult struct {
	Pairs []PairState `json:"pairs"`
	// Open counts those that are not at their end.
	Open int `json:"open"`
}

// PairState is how far a pair is.
type PairState struct {
	Pair
	// State is "ready" (checked), "asked", "waits for approval", "connected",
	// "refused" or "not asked".
	State string `json:"state"`
	// Code is the peer's, Error ours.
	Code  string `json:"code,omitempty"`
	Error string `json:"error,omitempty"`
}

// MatchRequest asks which of our tickets name one of the peer's in a field.
type MatchRequest struct {
	Connection string `json:"connection"`
	// By is our field, by its name.
	By string `json:"by"`
	// Query narrows the listing, in the tracker's own language.
	Query string `json:"query,omitempty"`
}

// ResyncRequest chooses twins to be sent again.
type ResyncRequest struct {
	// Fields of the replica; none is everything, comments and files included.
	Fields []string `json:"fields,omitempty"`
	Query  string   `json:"query,omitempty"`
	DryRun bool     `json:"dryRun,omitempty"`
}

func routePairs(api routes, s Service) {
	route(api, http.MethodPost, "/v1/tickets/connect", "connect", "Ask the peer to pair tickets that both exist",
		func(ctx context.Context, in *body[ConnectRequest]) (ConnectResult, error) {
			return s.Connect(ctx, in.Body)
		})
	route(api, http.MethodPost, "/v1/tickets/connect/state", "connect-state", "How far pairs are",
		func(ctx context.Context, in *body[ConnectRequest]) (ConnectResult, error) {
			return s.ConnectState(ctx, in.Body)
		})
	route(api, http.MethodPost, "/v1/tickets/match", "match", "Suggest pairs",
		func(ctx context.Context, in *body[MatchRequest]) ([]Pair, error) { return s.Match(ctx, in.Body) })
	route(api, http.MethodPost, "/v1/connections/{name}/resync", "resync", "Send twins again",
		func(ctx context.Context, in *named[ResyncRequest]) (Count, error) {
			n, err := s.Resync(ctx, in.Name, in.Body)
			return Count{Count: n}, err
		})
	route(api, http.MethodPost, "/v1/queue/approve", "approve", "Let what waits for leave go on",
		func(ctx context.Context, in *body[QueueSelect]) (Count, error) {
			n, err := s.Approve(ctx, in.Body)
			return Count{Count: n}, err
		})
}
