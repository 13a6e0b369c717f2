package admin

import (
	"context"
	"net"
	"net/http"
	"os/user"
	"strconv"
	"time"

	"parley/node/audit"
)

// AuditQuery chooses records of the audit log.
type AuditQuery struct {
	// After is the number of the last record that is known.
	After uint64
	// Limit bounds how many are told; 0 is 1,000.
	Limit      int
	Since      time.Time
	Connection string
	Ticket     string
	Action     string
}

// AuditPage is a part of the audit log, the oldest record first.
type AuditPage struct {
	Records []audit.Record `json:"records"`
	// Through is what After is to be for the next page; there is none if it is Head's.
	Through uint64     `json:"through"`
	Head    audit.Head `json:"head"`
}

// AuditPruneRequest removes old records.
type AuditPruneRequest struct {
	// Before is a time; what was recorded before it is removed.
	Before time.Time `json:"before"`
	Reason string    `json:"reason" minLength:"1" maxLength:"200"`
}

// AuditHead is the newest record's head, and the key that signs removals, in hex.
type AuditHead struct {
	Head audit.Head `json:"head"`
	Key  string     `json:"key"`
}

// Witness are the heads of a node's record that the other side of a connection keeps,
// the oldest first. Whoever rewrites the record, or puts an old one back, does not have
// that side's.
type Witness struct {
	Connection string       `json:"connection"`
	Heads      []audit.Head `json:"heads"`
	// Latest is when the last of them came, where it is this node that keeps them.
	Latest time.Time `json:"latest,omitzero"`
	// Problem says why the peer could not be asked.
	Problem string `json:"problem,omitempty"`
}

type auditFilter struct {
	After      uint64    `query:"after" doc:"Records behind this number"`
	Limit      int       `query:"limit" minimum:"0" maximum:"1000" doc:"At most so many; 0 is the node's bound"`
	Since      time.Time `query:"since" doc:"Records of this time and later"`
	Connection string    `query:"connection" maxLength:"40" doc:"Only of this connection"`
	Ticket     string    `query:"ticket" maxLength:"500" doc:"Only of this ticket"`
	Action     string    `query:"action" maxLength:"40" doc:"Only of this action"`
}

func routeAudit(api routes, s Service) {
	route(api, http.MethodGet, "/v1/audit", "audit", "What people did",
		func(ctx context.Context, in *auditFilter) (AuditPage, error) { return s.Audit(ctx, AuditQuery(*in)) })
	route(api, http.MethodGet, "/v1/audit/head", "audit-head", "The head of the record of what people did, to be noted elsewhere",
		func(ctx context.Context, _ *none) (AuditHead, error) { return s.AuditHead(ctx) })
	route(api, http.MethodGet, "/v1/audit/witnesses", "audit-witnesses", "The heads of the record that the peers keep: they are asked",
		func(ctx context.Context, _ *none) ([]Witness, error) { return s.AuditWitnesses(ctx) })
	route(api, http.MethodGet, "/v1/connections/{name}/witnessed", "witnessed", "The heads of the peer's record that this node keeps",
		func(ctx context.Context, in *byName) (Witness, error) { return s.Witnessed(ctx, in.Name) })
	route(api, http.MethodPost, "/v1/audit/prune", "audit-prune", "Remove old records; a signed one says so",
		func(ctx context.Context, in *body[AuditPruneRequest]) (Count, error) {
			n, err := s.PruneAudit(ctx, in.Body)
			return Count{Count: n}, err
		})
}

// fromSocket is where those come in who use the node's socket.
const fromSocket = "socket"

// withConn notes who is at the other end of a connection.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if _, ok := c.(*net.UnixConn); !ok {
		return ctx
	}
	p := Person{From: fromSocket}
	if p.UID, p.Known = uidOf(c); p.Known {
		if u, err := user.LookupId(strconv.Itoa(p.UID)); err == nil {
			p.Name = u.Username
		}
	}
	return withPerson(ctx, p)
}
