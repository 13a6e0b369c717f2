package node_test

import (
	"net/url"
	"testing"

	"parley/adapters"
)

func options(t *testing.T, address, token, project string) adapters.Options {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	return adapters.Options{URL: u, Settings: map[string]string{"token": token, "project": project}}
}
