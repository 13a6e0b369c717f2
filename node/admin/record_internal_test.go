package admin

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"parley/node/audit"
)

func TestDeeds_EachOperationHasOneAndEachIsOfAnOperation(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	handler := NewHandler(nil, "test", func(r audit.Record) (audit.Record, error) { return r, nil })
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	var doc struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			seen[op.OperationID] = true
			switch deeds()[op.OperationID] {
			case reads, shows:
			case changes:
				if method == "get" && op.OperationID != "backup" {
					t.Errorf("GET %s changes something", path)
				}
			default:
				t.Errorf("%s %s (%s) has no deed", method, path, op.OperationID)
			}
		}
	}
	for id := range deeds() {
		if !seen[id] {
			t.Errorf("there is no operation %s", id)
		}
	}
}
