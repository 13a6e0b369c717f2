// Package metrics shows a node to monitoring: /metrics for Prometheus and
// /healthz, for a listener of their own.
//
// What it shows is taken from the node's Status when it is asked, so that it
// counts nothing itself and slows nothing down. Labels are the connection and
// the tracker; no ticket, person or peer is ever one.
package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"parley/node/admin"
)

const statusTimeout = 5 * time.Second

// Source is what is shown.
type Source interface {
	Status(ctx context.Context) (admin.Status, error)
}

// NewRegistry is a registry with what the process and the Go runtime take.
func NewRegistry() (*prometheus.Registry, error) {
	r := prometheus.NewRegistry()
	process := collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})
	if err := errors.Join(r.Register(collectors.NewGoCollector()), r.Register(process)); err != nil {
		return nil, fmt.Errorf("set up metrics: %w", err)
	}
	return r, nil
}

// Handler answers /metrics from registry, which it adds the node's own metrics
// to, and /healthz. Unless remote is set, it answers to loopback names only, so
// that no web page can read it through a browser on this machine.
func Handler(registry *prometheus.Registry, source Source, remote bool) (http.Handler, error) {
	if err := registry.Register(newCollector(source)); err != nil {
		return nil, fmt.Errorf("set up metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4, Timeout: 2 * statusTimeout,
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { health(w, r, source) })
	if remote {
		return mux, nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !local(r.Host) {
			http.Error(w, "this address answers to loopback names only", http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(w, r)
	}), nil
}

// local tells whether a Host header names this machine.
func local(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// health is for who starts a node again that is not well. A tracker or peer
// that does not answer is no reason to.
func health(w http.ResponseWriter, r *http.Request, source Source) {
	ctx, cancel := context.WithTimeout(r.Context(), statusTimeout)
	defer cancel()
	code, state := http.StatusOK, "ok"
	switch status, err := source.Status(ctx); {
	case err != nil:
		code, state = http.StatusServiceUnavailable, "no answer"
	case status.Store.Error != "":
		code, state = http.StatusServiceUnavailable, "store failed"
	case status.Store.Full:
		code, state = http.StatusServiceUnavailable, "disk full"
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	fmt.Fprintf(w, "{\"status\":%q}\n", state)
}
