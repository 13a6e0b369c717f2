package admin

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"parley/adapters"
	"parley/sync/event"
)

// maxBody of a request, in bytes.
const maxBody = 1 << 20

// routes are the operations, and what guards them.
type routes struct {
	huma.API
	guard Guard
}

// NewHandler is the REST API over a Service. Its description is at
// /openapi.json. Nothing is done that the guard does not allow and has on record.
func NewHandler(s Service, version string, guard Guard) http.Handler {
	mux := http.NewServeMux()
	config := huma.DefaultConfig("Parley node", version)
	config.Info.Description = "How people and programs steer a running node."
	config.DocsPath = ""     // the built-in page loads scripts from elsewhere
	config.SchemasPath = ""  // all schemas are in /openapi.json
	config.CreateHooks = nil // no $schema in answers
	config.Transformers = []huma.Transformer{ownErrors}
	api := routes{humago.New(mux, config), guard}
	routeNode(api, s)
	routeConnections(api, s)
	routeFields(api, s)
	routeLoads(api, s)
	routeTickets(api, s)
	routeHistory(api, s)
	routeQueue(api, s)
	routePairs(api, s)
	routeConflicts(api, s)
	routeFilters(api, s)
	routeVersions(api, s)
	routeSetup(api, s)
	routeTemplates(api, s)
	routeAudit(api, s)
	routeBackup(api, s)
	// One byte more than huma's own bound, whose answer is the better one.
	return http.MaxBytesHandler(orProblem(mux), MaxSetup+1)
}

// Requests and answers. Nothing is embedded: what an unexported struct brings
// in is not read.
type (
	none struct{}

	byName struct {
		Name string `path:"name" maxLength:"40" doc:"Name of the connection"`
	}
	withKey struct {
		Name string `path:"name" maxLength:"40" doc:"Name of the connection"`
		Key  string `query:"key" required:"true" maxLength:"500" doc:"Key of the ticket, as people use it"`
	}
	key struct {
		Key string `query:"key" required:"true" maxLength:"500" doc:"Key of the ticket, as people use it"`
	}
	ofConnection struct {
		Connection string `query:"connection" maxLength:"40" doc:"Only of this connection"`
	}
	entryID struct {
		ID string `query:"id" required:"true" maxLength:"500" doc:"Id of the entry"`
	}
	ticketFilter struct {
		Connection string `query:"connection" maxLength:"40" doc:"Only of this connection"`
		State      string `query:"state" enum:"synced,waiting,parked,conflict,ended,gone,orphan" doc:"Only in this state"`
		Limit      int    `query:"limit" minimum:"0" maximum:"100000" doc:"At most so many; 0 is the node's bound"`
	}
	body[T any] struct {
		Body T
	}
	named[T any] struct {
		Name string `path:"name" maxLength:"40" doc:"Name of the connection"`
		Body T
	}
	answer[T any] struct {
		Body T
	}
	// Count is how many entries were told.
	Count struct {
		Count int `json:"count" doc:"How many entries it was done to"`
	}
)

// route registers one operation.
func route[I, O any](api routes, method, path, id, summary string, do func(context.Context, *I) (O, error)) {
	routeUpTo(api, maxBody, method, path, id, summary, do)
}

// routeUpTo is route for a request of so many bytes.
func routeUpTo[I, O any](api routes, most int64, method, path, id, summary string, do func(context.Context, *I) (O, error)) {
	op := huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary,
		MaxBodyBytes: most, BodyReadTimeout: readTimeout,
		Responses: map[string]*huma.Response{"default": problemResponse(api)},
	}
	huma.Register(api, op, func(ctx context.Context, in *I) (*answer[O], error) {
		ctx, cancel := context.WithTimeout(ctx, answerTimeout)
		defer cancel()
		out, err := guarded(ctx, api.guard, id, in, func(ctx context.Context) (O, error) { return do(ctx, in) })
		if err != nil {
			return nil, problemOf(err)
		}
		return &answer[O]{Body: out}, nil
	})
}

// problemResponse describes how errors look.
func problemResponse(api routes) *huma.Response {
	return &huma.Response{
		Description: "Error",
		Content: map[string]*huma.MediaType{"application/problem+json": {
			Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem"),
		}},
	}
}

func routeNode(api routes, s Service) {
	route(api, http.MethodGet, "/v1/status", "status", "The node at a glance",
		func(ctx context.Context, _ *none) (Status, error) { return s.Status(ctx) })
	route(api, http.MethodGet, "/v1/key", "key", "The node's public identity",
		func(ctx context.Context, _ *none) (Key, error) { return s.Key(ctx) })
	route(api, http.MethodGet, "/v1/tracker/probe", "probe", "What is wrong at the tracker",
		func(ctx context.Context, _ *none) ([]adapters.Finding, error) { return s.Probe(ctx) })
	route(api, http.MethodGet, "/v1/tracker/schema", "schema", "Fields, types and options of the tracker",
		func(ctx context.Context, _ *none) (event.Schema, error) { return s.Schema(ctx) })
	route(api, http.MethodPost, "/v1/filters/try", "try", "Run filters on a ticket; nothing is written",
		func(ctx context.Context, in *body[TryRequest]) (TryResult, error) { return s.Try(ctx, in.Body) })
	route(api, http.MethodPost, "/v1/node/claim", "claim", "This process is the node, and not another live copy of it",
		func(ctx context.Context, _ *none) (Count, error) {
			n, err := s.Claim(ctx)
			return Count{Count: n}, err
		})
	route(api, http.MethodPost, "/v1/reload", "reload", "Read configuration and filters again",
		func(ctx context.Context, _ *none) (none, error) { return none{}, s.Reload(ctx) })
}

func routeConnections(api routes, s Service) {
	route(api, http.MethodGet, "/v1/connections", "connections", "All connections",
		func(ctx context.Context, _ *none) ([]Connection, error) { return s.Connections(ctx) })
	route(api, http.MethodPost, "/v1/connections/invite", "invite", "Make a one-time invitation",
		func(ctx context.Context, in *body[InviteRequest]) (Invitation, error) { return s.Invite(ctx, in.Body) })
	route(api, http.MethodPost, "/v1/connections/accept", "accept", "Join with an invitation",
		func(ctx context.Context, in *body[AcceptRequest]) (Connection, error) { return s.Accept(ctx, in.Body) })
	route(api, http.MethodGet, "/v1/connections/{name}/words", "words", "The words of a pairing that are read to the other side",
		func(ctx context.Context, in *byName) (Words, error) { return s.Words(ctx, in.Name) })
	route(api, http.MethodPost, "/v1/connections/{name}/confirm", "confirm", "Type the words that the other side reads",
		func(ctx context.Context, in *named[ConfirmRequest]) (Connection, error) {
			return s.Confirm(ctx, in.Name, in.Body)
		})
	route(api, http.MethodDelete, "/v1/connections/{name}", "remove-connection", "End a connection for good",
		func(ctx context.Context, in *byName) (none, error) { return none{}, s.RemoveConnection(ctx, in.Name) })
	route(api, http.MethodPost, "/v1/connections/{name}/pause", "pause", "Pause a connection",
		func(ctx context.Context, in *named[PauseRequest]) (Connection, error) {
			return s.Pause(ctx, in.Name, in.Body)
		})
	route(api, http.MethodPost, "/v1/connections/{name}/resume", "resume", "Let a connection work",
		func(ctx context.Context, in *byName) (Connection, error) { return s.Resume(ctx, in.Name) })
	route(api, http.MethodPost, "/v1/connections/{name}/verify", "verify", "Compare with the peer what both sides hold",
		func(ctx context.Context, in *named[VerifyRequest]) (Verification, error) {
			return s.Verify(ctx, in.Name, in.Body)
		})
	route(api, http.MethodGet, "/v1/connections/{name}/scope", "scope-count", "How many tickets the scope matches",
		func(ctx context.Context, in *byName) (ScopeCount, error) { return s.ScopeCount(ctx, in.Name) })
	route(api, http.MethodGet, "/v1/connections/{name}/scope/explain", "scope-explain", "Why a ticket is in scope or not",
		func(ctx context.Context, in *withKey) (ScopeExplanation, error) {
			return s.ScopeExplain(ctx, in.Name, in.Key)
		})
}

func routeLoads(api routes, s Service) {
	routePreview(api, s)
	const path = "/v1/connections/{name}/load"
	route(api, http.MethodPost, path, "start-load", "Take history in",
		func(ctx context.Context, in *named[LoadRequest]) (Load, error) {
			return s.StartLoad(ctx, in.Name, in.Body)
		})
	route(api, http.MethodGet, path, "load", "The load under way, or the last one",
		func(ctx context.Context, in *byName) (Load, error) { return s.Load(ctx, in.Name) })
	route(api, http.MethodDelete, path, "abort-load", "End the load; what was taken in stays",
		func(ctx context.Context, in *byName) (Load, error) { return s.AbortLoad(ctx, in.Name) })
	route(api, http.MethodPost, path+"/pause", "pause-load", "Take nothing more in for a while; what was taken in goes on",
		func(ctx context.Context, in *byName) (Load, error) { return s.PauseLoad(ctx, in.Name) })
	route(api, http.MethodPost, path+"/resume", "resume-load", "Go on with a load that was paused",
		func(ctx context.Context, in *byName) (Load, error) { return s.ResumeLoad(ctx, in.Name) })
}

func routeTickets(api routes, s Service) {
	route(api, http.MethodGet, "/v1/tickets", "tickets", "Tickets on connections",
		func(ctx context.Context, in *ticketFilter) ([]Ticket, error) {
			return s.Tickets(ctx, TicketQuery{Connection: in.Connection, State: in.State, Limit: in.Limit})
		})
	route(api, http.MethodGet, "/v1/tickets/explain", "explain", "All about one ticket",
		func(ctx context.Context, in *key) (Explanation, error) { return s.Explain(ctx, in.Key) })
	route(api, http.MethodPost, "/v1/tickets/sync", "sync", "Bring tickets into step",
		func(ctx context.Context, in *body[SyncRequest]) (SyncResult, error) { return s.Sync(ctx, in.Body) })
	route(api, http.MethodPost, "/v1/tickets/unsync", "unsync", "Take tickets out of step",
		func(ctx context.Context, in *body[SyncRequest]) (SyncResult, error) { return s.Unsync(ctx, in.Body) })
}

func routeHistory(api routes, s Service) {
	route(api, http.MethodGet, "/v1/tickets/history", "history", "The last events of one ticket",
		func(ctx context.Context, in *key) (History, error) { return s.History(ctx, in.Key) })
	route(api, http.MethodPost, "/v1/undo", "undo", "Put back the fields that an event changed here",
		func(ctx context.Context, in *body[UndoRequest]) (UndoResult, error) { return s.Undo(ctx, in.Body) })
}

func routeQueue(api routes, s Service) {
	route(api, http.MethodGet, "/v1/queue", "queue", "What waits",
		func(ctx context.Context, in *ofConnection) ([]QueueEntry, error) { return s.Queue(ctx, in.Connection) })
	route(api, http.MethodGet, "/v1/queue/entry", "queue-entry", "One entry of the queue",
		func(ctx context.Context, in *entryID) (QueueEntry, error) { return s.QueueEntry(ctx, in.ID) })
	route(api, http.MethodPost, "/v1/queue/retry", "retry", "Try parked entries again",
		func(ctx context.Context, in *body[QueueSelect]) (Count, error) {
			n, err := s.Retry(ctx, in.Body)
			return Count{Count: n}, err
		})
	route(api, http.MethodPost, "/v1/queue/skip", "skip", "Give parked entries up",
		func(ctx context.Context, in *body[QueueSelect]) (Count, error) {
			n, err := s.Skip(ctx, in.Body)
			return Count{Count: n}, err
		})
}
