package salesforce_test

import (
	"net/http"
	"strings"
	"testing"

	"parley/adapters/salesforce/salesforcedouble"
)

func TestCollection_TakesNothingThatIsNotListed(t *testing.T) {
	t.Parallel()
	c := salesforcedouble.NewChecker(t, nil)
	if !c.Listed() {
		return
	}
	const data, record = "/services/data/v66.0/", "500000000000001AAA"
	for _, x := range []struct {
		name, method, url, kind, body string
		good                          bool
	}{
		{"a query", "GET", data + "query/?q=SELECT+Id+FROM+Case", "", "", true},
		{"a query without its slash", "GET", data + "query?q=SELECT+Id+FROM+Case", "", "", false},
		{"an unknown parameter", "GET", data + "query/?q=x&batch=3", "", "", false},
		{"a version that is none", "GET", "/services/data/latest/query/?q=x", "", "", false},
		{"a create", "POST", data + "sobjects/Case", "application/json", `{"Subject":"x"}`, true},
		{"a create with an object in it", "POST", data + "sobjects/Case", "application/json", `{"Owner":{"Name":"x"}}`, false},
		{"a create as a form", "POST", data + "sobjects/Case", "application/x-www-form-urlencoded", `Subject=x`, false},
		{"an upsert", "PATCH", data + "sobjects/Case/Sync_Key__c/abc", "application/json", `{"Subject":"x"}`, true},
		{"a method that is not listed", "PUT", data + "sobjects/Case/" + record, "application/json", `{"Subject":"x"}`, false},
		{"a read with a body", "GET", data + "sobjects/Case/" + record, "application/json", `{}`, false},
		{"an unknown member", "POST", data + "composite/", "application/json", `{"allOrNone":true,"more":1,"compositeRequest":[]}`, false},
		{
			"a part that is not listed", "POST", data + "composite/", "application/json",
			`{"allOrNone":true,"compositeRequest":[{"method":"PUT","url":"` + data + `sobjects/Case","referenceId":"a","body":{}}]}`, false,
		},
		{"another grant", "POST", "/services/oauth2/token", "application/x-www-form-urlencoded", "grant_type=password&client_id=a&client_secret=b", false},
		{"another page", "GET", "/services/apexrest/cases", "", "", false},
	} {
		r, err := http.NewRequestWithContext(t.Context(), x.method, x.url, strings.NewReader(x.body))
		if err != nil {
			t.Fatal(err)
		}
		if x.kind != "" {
			r.Header.Set("Content-Type", x.kind)
		}
		if name, err := c.Check(r, []byte(x.body)); (err == nil) != x.good {
			t.Errorf("%s (%s): %v, want it taken: %v", x.name, name, err, x.good)
		}
	}
}
