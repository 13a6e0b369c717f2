package gitlabdouble

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"parley/adapters/internal/contract"
)

// Spec is GitLab's own description of its issues, to hold requests to.
func Spec() func(testing.TB) *contract.Spec { return contract.Once(vendor()) }

func vendor() contract.Vendor {
	const documented = "the description (version 2) leaves it out; docs.gitlab.com/api/"
	return contract.Vendor{
		File: "gitlab/openapi-v2.issues-subset.json", Swagger: true,
		Errata: []contract.Erratum{
			{
				Where: "POST /api/v4/projects/{id}/uploads",
				Why:   "the body is declared as JSON that holds a file, which JSON cannot: docs.gitlab.com/api/project_markdown_uploads/ sends a form",
				Fix: func(doc *openapi3.T) error {
					doc.Paths.Value("/api/v4/projects/{id}/uploads").Post.RequestBody.Value.Content["multipart/form-data"] = openapi3.NewMediaType()
					return nil
				},
			},
		},
		Outside: []contract.Outside{
			{Method: "GET", Path: "/api/v4/user", Why: documented + "users/"},
			{Method: "POST", Path: "/api/graphql", Why: "another API, whose schema is not at hand: the double knows the types of docs.gitlab.com/api/graphql/reference/ that are used"},
			{Method: "GET", Path: "/api/v4/projects/*/issues/*/notes", Why: documented + "notes/"},
			{Method: "POST", Path: "/api/v4/projects/*/issues/*/notes", Why: documented + "notes/"},
			{Method: "GET", Path: "/api/v4/projects/*/issues/*/notes/*", Why: documented + "notes/"},
			{Method: "PUT", Path: "/api/v4/projects/*/issues/*/notes/*", Why: documented + "notes/"},
			{Method: "GET", Path: "/api/v4/projects/*/milestones", Why: documented + "milestones/"},
			{Method: "GET", Path: "/api/v4/personal_access_tokens/self", Why: documented + "personal_access_tokens/"},
		},
	}
}
