package azuredevopsdouble

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"parley/adapters/internal/contract"
)

// WorkSpec is Microsoft's specification of work item tracking, to hold requests to.
func WorkSpec() func(testing.TB) *contract.Spec {
	return contract.Once(contract.Vendor{
		File: "azure-devops/wit/7.1/workItemTracking.json", Swagger: true,
		Errata: errata(),
		Outside: []contract.Outside{
			{Method: "GET", Path: "/fabrikam/_apis/connectionData", Why: "the call by which Microsoft's own clients learn who is signed in (LocationsApi of azure-devops-node-api)"},
		},
	})
}

// IdentitySpec is Microsoft's specification of identities, to hold requests to.
func IdentitySpec() func(testing.TB) *contract.Spec {
	return contract.Once(contract.Vendor{File: "azure-devops/ims/7.1/identities.json", Swagger: true})
}

// Specified sends each request to the check that knows it.
func Specified(work, people http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/_apis/identities") {
			people.ServeHTTP(w, r)
			return
		}
		work.ServeHTTP(w, r)
	})
}

func errata() []contract.Erratum {
	return []contract.Erratum{
		{
			Where: "path parameters project and team",
			Why:   "declared as required since Swagger knows no others, and marked x-ms-required: false; the samples leave them out (GET__wit_WorkItems_id.json)",
			Fix:   optionalInPath,
		},
		{
			Where: "definitions/JsonPatchOperation/value and definitions/JsonPatchDocument",
			Why:   "declared as an object; the samples hold texts and numbers (PATCH__wit_workitems__taskId_9.json)",
			Fix: func(doc *openapi3.T) error {
				doc.Components.Schemas["JsonPatchOperation"].Value.Properties["value"] = &openapi3.SchemaRef{Value: &openapi3.Schema{}}
				list := openapi3.NewArraySchema()
				list.Items = doc.Components.Schemas["JsonPatchOperation"]
				for _, path := range []string{"/{organization}/{project}/_apis/wit/workitems/${type}", "/{organization}/{project}/_apis/wit/workitems/{id}", "/{organization}/_apis/wit/workitems/{id}"} {
					item := doc.Paths.Value(path)
					if item == nil {
						return errors.New("no path " + path)
					}
					for _, o := range []*openapi3.Operation{item.Post, item.Patch} {
						if o != nil {
							o.RequestBody.Value.Content["application/json-patch+json"].Schema = list.NewRef()
						}
					}
				}
				return nil
			},
		},
		{
			Where: "GET workItems/{workItemId}/comments",
			Why: "two operations have this path, and the one that is kept is that by ids; the samples of the other have $top and " +
				"continuationToken (GET__wit_workitems__issueId__comments_1.json and _2.json)",
			Fix: func(doc *openapi3.T) error {
				o := doc.Paths.Value("/{organization}/{project}/_apis/wit/workItems/{workItemId}/comments").Get
				o.Parameters = slices.DeleteFunc(o.Parameters, func(p *openapi3.ParameterRef) bool { return p.Value.Name == "ids" })
				for name, s := range map[string]*openapi3.Schema{
					"$top": openapi3.NewIntegerSchema(), "continuationToken": openapi3.NewStringSchema(),
				} {
					o.Parameters = append(o.Parameters, &openapi3.ParameterRef{Value: openapi3.NewQueryParameter(name).WithSchema(s)})
				}
				return nil
			},
		},
		{
			Where: "POST attachments, body",
			Why:   "declared as a JSON text under application/octet-stream; the sample sends the file as it is (POST__wit_attachments_fileName-_textFile_.json)",
			Fix: func(doc *openapi3.T) error {
				media := doc.Paths.Value("/{organization}/{project}/_apis/wit/attachments").Post.RequestBody.Value.Content["application/octet-stream"]
				media.Schema = openapi3.NewStringSchema().WithFormat("binary").NewRef()
				doc.Paths.Value("/{organization}/{project}/_apis/wit/attachments").Post.RequestBody.Value.Required = false // an empty file is none
				return nil
			},
		},
		{
			Where: "path workitems/{id}",
			Why:   "the router takes workitems/$Task for one of these; the parameter is an integer",
			Fix: func(doc *openapi3.T) error {
				for _, path := range []string{"/{organization}/{project}/_apis/wit/workitems/{id}", "/{organization}/_apis/wit/workitems/{id}"} {
					doc.Paths.Set(strings.Replace(path, "{id}", "{id:[0-9]+}", 1), doc.Paths.Value(path))
					doc.Paths.Delete(path)
				}
				return nil
			},
		},
	}
}

// optionalInPath adds each path without the parameters that need not be there.
func optionalInPath(doc *openapi3.T) error {
	added := map[string]*openapi3.PathItem{}
	for path, item := range doc.Paths.Map() {
		short := path
		for _, o := range item.Operations() {
			for _, p := range o.Parameters {
				if optional, ok := p.Value.Extensions["x-ms-required"].(bool); ok && !optional && p.Value.In == openapi3.ParameterInPath {
					short = strings.Replace(short, "/{"+p.Value.Name+"}", "", 1)
				}
			}
		}
		if short == path || doc.Paths.Value(short) != nil {
			continue
		}
		leaner := *item
		for method, o := range item.Operations() {
			without := *o
			without.Parameters = slices.DeleteFunc(slices.Clone(o.Parameters), func(p *openapi3.ParameterRef) bool {
				return p.Value.In == openapi3.ParameterInPath && !strings.Contains(short, "{"+p.Value.Name+"}")
			})
			leaner.SetOperation(method, &without)
		}
		added[short] = &leaner
	}
	if len(added) == 0 {
		return errors.New("no parameter is marked as optional")
	}
	for path, item := range added {
		doc.Paths.Set(path, item)
	}
	return nil
}
