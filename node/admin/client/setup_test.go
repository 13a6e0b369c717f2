package client_test

import (
	"testing"

	"parley/node/admin"
)

func TestClient_ASetupArrivesUnchanged(t *testing.T) {
	t.Parallel()
	fake := &fakeService{}
	c := serve(t, fake)
	ctx := t.Context()
	application := admin.ApplyRequest{Setup: admin.Setup{Files: map[string]string{"parley.yaml": "x"}, Versions: map[string]string{"globex": "a1"}}, Prune: true, Expect: "d", Wider: true}
	arrive(t, fake, []exchange{
		{"Export", admin.Setup{Files: map[string]string{"parley.yaml": "x"}, Versions: map[string]string{"globex": "a1"}}, nil, func() (any, error) { return c.Export(ctx) }},
		{"Apply", admin.ApplyResult{Digest: "d", Connections: []admin.ApplyConnection{{Name: "globex", Joined: true}}}, []any{application}, func() (any, error) { return c.Apply(ctx, application) }},
	})
}
