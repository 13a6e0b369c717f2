package jiradouble

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"parley/adapters/internal/contract"
)

// CloudSpec is Atlassian's specification of Jira Cloud, to hold requests to.
func CloudSpec() func(testing.TB) *contract.Spec { return contract.Once(cloudVendor()) }

// DataCenterSpec is Atlassian's specification of Jira Data Center, to hold requests to.
func DataCenterSpec() func(testing.TB) *contract.Spec { return contract.Once(datacenterVendor()) }

func cloudVendor() contract.Vendor {
	return contract.Vendor{
		File: "jira-cloud/swagger-v3.v3.json",
		Errata: []contract.Erratum{{
			Where: "components/schemas/IssueUpdateDetails/properties/fields",
			Why: "a schema without a type takes null as any other value (OpenAPI 3.0.3, 4.7.24.1), and null is how a field is " +
				"emptied; the recorded webhook-cloud-issue-created-many-fields.json shows empty fields as null",
			Fix: func(doc *openapi3.T) error {
				fields := doc.Components.Schemas["IssueUpdateDetails"].Value.Properties["fields"].Value
				fields.AdditionalProperties.Schema.Value.Nullable = true
				return nil
			},
		}},
	}
}

func datacenterVendor() contract.Vendor {
	anything := &openapi3.SchemaRef{Value: &openapi3.Schema{Nullable: true}}
	return contract.Vendor{
		File: "jira-dc/jira-software-dc-10.3-openapi.json", Base: "/rest",
		Errata: []contract.Erratum{
			{
				Where: "components/schemas/IssueUpdateBean/properties/fields",
				Why: "every value is declared an object, and most are none: server-get-create-issue-metadata-for-project-many-fields.json " +
					"has fields whose schema type is string, number and array, with the operation set",
				Fix: func(doc *openapi3.T) error {
					fields := doc.Components.Schemas["IssueUpdateBean"].Value.Properties["fields"].Value
					fields.AdditionalProperties.Schema = anything
					return nil
				},
			},
			{
				Where: "components/schemas/EntityPropertyBean/properties/value",
				Why:   "declared a string, whose example is JSON: any JSON is a property's value, and Jira Service Management reads an object",
				Fix: func(doc *openapi3.T) error {
					doc.Components.Schemas["EntityPropertyBean"].Value.Properties["value"] = anything
					return nil
				},
			},
			{
				Where: "GET /api/2/issue/{issueIdOrKey}/transitions",
				Why:   "expand is left out, and its answer names what can be expanded: responses-recorded/transitions.json begins with \"expand\":\"transitions\" and shows fields",
				Fix: func(doc *openapi3.T) error {
					op := doc.Paths.Value("/api/2/issue/{issueIdOrKey}/transitions").Get
					op.Parameters = append(op.Parameters, &openapi3.ParameterRef{
						Value: openapi3.NewQueryParameter("expand").WithSchema(openapi3.NewStringSchema()),
					})
					return nil
				},
			},
		},
		Outside: []contract.Outside{{
			Method: "GET", Path: "/secure/attachment/*/*",
			Why: "the address of a file's bytes, as the content of an attachment names it",
		}, {
			Method: "POST", Path: "/rest/oauth2/latest/token",
			Why: "where a service account's access tokens come from, as Atlassian's page on service accounts says",
		}},
	}
}
