package azuredevopsdouble

import (
	"net/http"
	"strings"
)

// connection tells who is signed in, nobody too.
func (d *Double) connection(c *call) {
	who := map[string]any{"id": "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa", "providerDisplayName": "Anonymous", "isActive": true}
	if c.me != nil {
		who = map[string]any{
			"id": c.me.ID, "descriptor": "Microsoft.IdentityModel.Claims.ClaimsIdentity;" + c.me.Email, "subjectDescriptor": "aad." + c.me.ID,
			"providerDisplayName": c.me.Name, "isActive": true, "properties": map[string]any{"Account": map[string]any{"$type": "System.String", "$value": c.me.Email}},
		}
	}
	c.answer(http.StatusOK, map[string]any{
		"authenticatedUser": who, "authorizedUser": who, "instanceId": "d81542e4-cdfa-4333-b082-1ae2d6c3ad16", "deploymentType": "hosted",
	})
}

func (d *Double) identities(c *call) {
	q := c.r.URL.Query()
	var out []any
	for n := range d.opt.Accounts {
		a := &d.opt.Accounts[n]
		value := strings.ToLower(q.Get("filterValue"))
		general := q.Get("searchFilter") == "General" && value != "" &&
			(strings.HasPrefix(strings.ToLower(a.Name), value) || strings.HasPrefix(strings.ToLower(a.Email), value))
		if general || a.ID == q.Get("identityIds") {
			text := func(s string) map[string]any { return map[string]any{"$type": "System.String", "$value": s} }
			out = append(out, map[string]any{
				"id": a.ID, "descriptor": "Microsoft.IdentityModel.Claims.ClaimsIdentity;7a394543\\" + a.Email, "subjectDescriptor": "aad." + a.ID,
				"providerDisplayName": a.Name, "isActive": true, "resourceVersion": 2, "metaTypeId": 0,
				"properties": map[string]any{"SchemaClassName": text("User"), "Account": text(a.Email), "Mail": text(a.Email)},
			})
		}
	}
	if id := q.Get("identityIds"); id != "" && len(out) == 0 {
		out = append(out, nil) // who is not known has a place, empty
	}
	c.list(append([]any{}, out...))
}
