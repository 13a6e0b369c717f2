package zendeskdouble

import (
	"maps"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"parley/adapters/internal/contract"
)

// Spec is Zendesk's own specification of its Support API, to hold requests to.
func Spec() func(testing.TB) *contract.Spec { return contract.Once(vendor()) }

func vendor() contract.Vendor {
	return contract.Vendor{
		File: "zendesk/support-oas.yaml",
		Errata: []contract.Erratum{
			{
				Where: "components/schemas/TicketUpdateRequest/properties/ticket",
				Why: "additional_tags and remove_tags are left out, which TicketsUpdateRequest of the same document has for the same " +
					"ticket (example TicketsUpdateRequestBulkUpdateTagsExample), and which the page on updating tickets describes",
				Fix: func(doc *openapi3.T) error {
					ticket := *doc.Components.Schemas["TicketObject"].Value
					ticket.Properties = maps.Clone(ticket.Properties)
					tags := openapi3.NewArraySchema().WithItems(openapi3.NewStringSchema())
					ticket.Properties["additional_tags"] = tags.NewRef()
					ticket.Properties["remove_tags"] = tags.NewRef()
					doc.Components.Schemas["TicketUpdateRequest"].Value.Properties["ticket"] = ticket.NewRef()
					return nil
				},
			},
			{
				Where: "POST /api/v2/uploads",
				Why:   "no request body is declared; the operation's own description says that it is the file, with its media type",
				Fix: func(doc *openapi3.T) error {
					doc.Paths.Value("/api/v2/uploads").Post.RequestBody = &openapi3.RequestBodyRef{
						Value: openapi3.NewRequestBody().WithContent(openapi3.Content{"*/*": openapi3.NewMediaType()}),
					}
					return nil
				},
			},
			{
				Where: "GET /api/v2/incremental/tickets/cursor",
				Why: "per_page is left out; the document's example of the same export by time names it in next_page " +
					"(incremental/tickets?per_page=3&start_time=1390362485)",
				Fix: func(doc *openapi3.T) error {
					item := doc.Paths.Value("/api/v2/incremental/tickets/cursor")
					item.Parameters = append(item.Parameters, &openapi3.ParameterRef{
						Value: openapi3.NewQueryParameter("per_page").WithSchema(openapi3.NewIntegerSchema()),
					})
					return nil
				},
			},
		},
		Outside: []contract.Outside{
			{Method: "GET", Path: "/attachments/token/*/*", Why: "the address of a file's bytes, as content_url of an attachment names it"},
			{Method: "POST", Path: "/oauth/tokens", Why: "the page OAuth Tokens for Grant Types of the same vendor"},
		},
	}
}
