package metrics_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/node/admin"
	"parley/node/metrics"
)

type source func() (admin.Status, error)

func (s source) Status(context.Context) (admin.Status, error) { return s() }

func ask(t *testing.T, s source, remote bool, host, path string) *httptest.ResponseRecorder {
	t.Helper()
	handler, err := metrics.Handler(prometheus.NewRegistry(), s, remote)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = host
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestMetrics_ShowTheStatusByConnectionAndTracker(t *testing.T) {
	t.Parallel()
	status := admin.Status{
		Started: time.UnixMilli(1500), Tracker: admin.TrackerState{Kind: "redmine", Error: "down"},
		Connections: []admin.Connection{{Name: "globex", State: "working", Parked: 6, Twins: 412, Oldest: 2.5, PausedOut: true}},
	}
	w := ask(t, func() (admin.Status, error) { return status, nil }, false, "127.0.0.1:9470", "/metrics")
	for _, want := range []string{
		"parley_start_time_seconds 1.5\n",
		"parley_store_ok 1\n",
		`parley_tracker_up{tracker="redmine"} 0` + "\n",
		`parley_connection_up{connection="globex"} 1` + "\n",
		`parley_connection_paused{connection="globex"} 1` + "\n",
		`parley_connection_parked{connection="globex"} 6` + "\n",
		`parley_connection_twins{connection="globex"} 412` + "\n",
		`parley_connection_oldest_seconds{connection="globex"} 2.5` + "\n",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d: lacks %q in:\n%s", w.Code, want, w.Body)
		}
	}
	if strings.Contains(w.Body.String(), "last_contact") {
		t.Error("a contact that never was has a time")
	}
}

func TestHealth_SaysWhetherTheNodeIsWell(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status admin.Status
		err    error
		code   int
	}{
		{"well", admin.Status{}, nil, http.StatusOK},
		{"tracker down", admin.Status{Tracker: admin.TrackerState{Error: "down"}}, nil, http.StatusOK},
		{"disk full", admin.Status{Store: admin.StoreState{Full: true}}, nil, http.StatusServiceUnavailable},
		{"store failed", admin.Status{Store: admin.StoreState{Error: "sync"}}, nil, http.StatusServiceUnavailable},
		{"no answer", admin.Status{}, errors.New("closed"), http.StatusServiceUnavailable},
	} {
		w := ask(t, func() (admin.Status, error) { return tt.status, tt.err }, false, "localhost", "/healthz")
		if w.Code != tt.code {
			t.Errorf("%s: got %d, want %d", tt.name, w.Code, tt.code)
		}
	}
}

func TestMetrics_AnswerToLoopbackNamesOnlyUnlessAllowed(t *testing.T) {
	t.Parallel()
	well := func() (admin.Status, error) { return admin.Status{}, nil }
	for _, tt := range []struct {
		host   string
		remote bool
		code   int
	}{
		{"localhost:9470", false, 200},
		{"[::1]:9470", false, 200},
		{"127.0.0.1", false, 200},
		{"evil.example:9470", false, 421},
		{"10.0.0.1:9470", false, 421},
		{"node.example:9470", true, 200},
	} {
		if w := ask(t, well, tt.remote, tt.host, "/metrics"); w.Code != tt.code {
			t.Errorf("%s (remote %v): got %d, want %d", tt.host, tt.remote, w.Code, tt.code)
		}
	}
}
