package admin

import (
	"context"
	"net/http"
	"time"
)

// Conflict is a field that both sides changed without knowing of each other, and
// that a person must decide.
type Conflict struct {
	Key        string    `json:"key"`
	Connection string    `json:"connection"`
	Field      string    `json:"field"`
	Since      time.Time `json:"since"`
	// OursAt and TheirsAt are the trackers' change times of the two tickets.
	OursAt   time.Time `json:"oursAt"`
	TheirsAt time.Time `json:"theirsAt"`
	// Peer is the other side, Here is set if our people decide and not theirs.
	Peer string `json:"peer"`
	Here bool   `json:"here"`
	// Overran is set if Ours is an edit that the peer's value was written over: the
	// policy decided against it, and our ticket holds Theirs until it is chosen.
	Overran bool `json:"overran,omitempty"`
	// Decided is set if a decision is on its way.
	Decided bool `json:"decided,omitempty"`
	// Ours and Theirs are the values, as ours; not in a list. Known is set if the
	// peer's is known.
	Ours   any  `json:"ours,omitempty"`
	Theirs any  `json:"theirs,omitempty"`
	Known  bool `json:"known,omitempty"`
}

// ConflictSelect names conflicts of one ticket.
type ConflictSelect struct {
	Key string `json:"key" maxLength:"500"`
	// Connection may be left out if the ticket is in conflict on one only.
	Connection string `json:"connection,omitempty" maxLength:"40"`
}

// ResolveRequest decides a conflict.
type ResolveRequest struct {
	ConflictSelect
	Field string `json:"field" maxLength:"500"`
	// Take is ours, theirs or value.
	Take string `json:"take" enum:"ours,theirs,value"`
	// Value as people write it, if Take is value.
	Value string `json:"value,omitempty" maxLength:"65536"`
}

func routeConflicts(api routes, s Service) {
	route(api, http.MethodGet, "/v1/conflicts", "conflicts", "Fields that a person must decide, without their values",
		func(ctx context.Context, in *ofConnection) ([]Conflict, error) {
			return s.Conflicts(ctx, in.Connection)
		})
	route(api, http.MethodPost, "/v1/conflicts/show", "conflict", "The two values of each field of a ticket that a person must decide",
		func(ctx context.Context, in *body[ConflictSelect]) ([]Conflict, error) {
			return s.Conflict(ctx, in.Body)
		})
	route(api, http.MethodPost, "/v1/conflicts/resolve", "resolve", "Decide a field",
		func(ctx context.Context, in *body[ResolveRequest]) (none, error) {
			return none{}, s.Resolve(ctx, in.Body)
		})
}
