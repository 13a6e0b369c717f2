package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"parley/node/admin"
)

// Audit implements admin.Service.
func (c *Client) Audit(ctx context.Context, q admin.AuditQuery) (admin.AuditPage, error) {
	query := url.Values{}
	for name, value := range map[string]string{"connection": q.Connection, "ticket": q.Ticket, "action": q.Action} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if q.After > 0 {
		query.Set("after", strconv.FormatUint(q.After, 10))
	}
	if q.Limit > 0 {
		query.Set("limit", strconv.Itoa(q.Limit))
	}
	if !q.Since.IsZero() {
		query.Set("since", q.Since.UTC().Format(time.RFC3339Nano))
	}
	return get[admin.AuditPage](ctx, c, "/v1/audit", query)
}

// AuditHead implements admin.Service.
func (c *Client) AuditHead(ctx context.Context) (admin.AuditHead, error) {
	return get[admin.AuditHead](ctx, c, "/v1/audit/head", nil)
}

// AuditWitnesses implements admin.Service.
func (c *Client) AuditWitnesses(ctx context.Context) ([]admin.Witness, error) {
	return get[[]admin.Witness](ctx, c, "/v1/audit/witnesses", nil)
}

// Witnessed implements admin.Service.
func (c *Client) Witnessed(ctx context.Context, name string) (admin.Witness, error) {
	return get[admin.Witness](ctx, c, connection(name, "/witnessed"), nil)
}

// PruneAudit implements admin.Service.
func (c *Client) PruneAudit(ctx context.Context, r admin.AuditPruneRequest) (int, error) {
	var out admin.Count
	err := c.do(ctx, http.MethodPost, "/v1/audit/prune", nil, r, &out)
	return out.Count, err
}
