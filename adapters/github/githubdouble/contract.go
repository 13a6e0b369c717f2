package githubdouble

import (
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"parley/adapters/internal/contract"
)

// Spec is GitHub's own specification of issues, to hold requests to.
func Spec() func(testing.TB) *contract.Spec { return contract.Once(vendor()) }

// Specified sends to check what the specification describes, and the rest to next:
// where GitHub's own redirects and cursors lead.
func Specified(check, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/v3/repositories/") {
			next.ServeHTTP(w, r)
			return
		}
		check.ServeHTTP(w, r)
	})
}

func vendor() contract.Vendor {
	return contract.Vendor{
		File: "github/api.github.com.issues-subset.json", Base: "/api/v3",
		Errata: []contract.Erratum{{
			Where: "GET /repos/{owner}/{repo}/issues",
			Why: "the cursor of the Link header is left out, and beyond some pages GitHub answers 422 to everything else: " +
				"\"please use cursor based pagination (after/before)\" in google/go-github issue 3565 and josegonzalez/python-github-backup issue 429",
			Fix: func(doc *openapi3.T) error {
				op := doc.Paths.Value("/repos/{owner}/{repo}/issues").Get
				op.Parameters = append(op.Parameters, &openapi3.ParameterRef{
					Value: openapi3.NewQueryParameter("after").WithSchema(openapi3.NewStringSchema()),
				})
				return nil
			},
		}},
	}
}
