package rest_test

import (
	"errors"
	"strings"
	"testing"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

func TestDo_ATrackersOwnCodeMayCorrectTheClass(t *testing.T) {
	t.Parallel()
	judge := func(r *rest.Response, e *adapters.Error) {
		if r.Status == 400 && strings.Contains(string(r.Body), "BUSY") && errors.Is(e.Class, adapters.ErrRejected) {
			e.Class = adapters.ErrTransient
		}
	}
	for body, want := range map[string]error{`{"code":"BUSY"}`: adapters.ErrTransient, `{"code":"WRONG"}`: adapters.ErrRejected} {
		s := answer(t, 400, map[string]string{"Content-Type": "application/json"}, body)
		_, err := newClient(t, s.URL).Do(t.Context(), rest.Request{Op: "write", Method: "POST", Path: "x", Write: true, Judge: judge})
		if !errors.Is(err, want) || !rest.HasStatus(err, 400) {
			t.Errorf("%s: got %v, want %v", body, err, want)
		}
	}
}
