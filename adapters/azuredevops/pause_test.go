package azuredevops

// The pause that Azure DevOps asks for shows from outside only as time, and which site
// is Microsoft's own only by its name.

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/adapters"
	"parley/adapters/azuredevops/azuredevopsdouble"
)

func TestPause_HoldsRequestsBackAndCanBeGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &pause{}
		p.note(http.Header{"Retry-After": {"5"}})
		p.note(http.Header{"Retry-After": {"2"}}) // a shorter one ends nothing
		p.note(http.Header{})
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.wait(ctx, "read"); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, adapters.ErrTransient) {
			t.Errorf("given up: %v", err)
		}
		if err := p.wait(t.Context(), "read"); err != nil || time.Since(began) != 5*time.Second {
			t.Errorf("waited %v, %v; want 5s", time.Since(began), err)
		}
		if err := p.wait(t.Context(), "read"); err != nil || time.Since(began) != 5*time.Second {
			t.Errorf("the pause goes on: %v", time.Since(began))
		}
	})
}

func TestProbe_TellsThatTokensForAllOrganisationsEnd(t *testing.T) {
	t.Parallel()
	bot := azuredevopsdouble.Account{ID: "d291b0c4-a05c-4ea6-8df1-4b41d5f39eff", Name: "Sync Bot", Email: "bot@example.org", Token: "t"}
	server := httptest.NewServer(azuredevopsdouble.New(azuredevopsdouble.Options{
		Organization: "o", Projects: []string{"P"}, Accounts: []azuredevopsdouble.Account{bot},
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL + "/o")
	if err != nil {
		t.Fatal(err)
	}
	opened, err := open(adapters.Options{URL: u, Settings: map[string]string{"token": "t", "projects": "P"}})
	if err != nil {
		t.Fatal(err)
	}
	tracker := opened.(*Tracker)
	for _, services := range []bool{false, true} {
		tracker.set.services = services
		said := ""
		for _, f := range tracker.Probe(t.Context()) {
			said += f.What
		}
		if strings.Contains(said, "2026-12-01") != services {
			t.Errorf("services %v: Probe says %s", services, said)
		}
	}
}

func TestOpen_PeopleOfServicesAreLookedUpAtMicrosofts(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://dev.azure.com/fabrikam":       "https://vssps.dev.azure.com/fabrikam",
		"https://server.example/tfs/Default":   "",
		"http://dev.azure.com/fabrikam":        "",
		"https://dev.azure.com.evil.example/x": "",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		at, err := identityURL(adapters.Options{URL: u})
		if err != nil || at == nil && want != "" || at != nil && at.String() != want {
			t.Errorf("%s: %v, %v; want %q", address, at, err, want)
		}
	}
}
