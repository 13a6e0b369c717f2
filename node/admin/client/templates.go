package client

import (
	"context"
	"net/url"

	"parley/node/admin"
)

// Templates implements admin.Service.
func (c *Client) Templates(ctx context.Context) ([]admin.TemplateUse, error) {
	return get[[]admin.TemplateUse](ctx, c, "/v1/templates", nil)
}

// TemplateDiff implements admin.Service.
func (c *Client) TemplateDiff(ctx context.Context, from, to string) (admin.TemplateDiff, error) {
	return get[admin.TemplateDiff](ctx, c, "/v1/templates/diff", url.Values{"from": {from}, "to": {to}})
}
