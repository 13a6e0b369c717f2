package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/node/admin"
)

// collector makes metrics of a Status.
type collector struct {
	source      Source
	node        []gauge[admin.Status]
	tracker     []gauge[admin.TrackerState]
	connections []gauge[admin.Connection]
}

// gauge is one metric and where its value comes from; ok is whether there is one.
type gauge[T any] struct {
	desc  *prometheus.Desc
	value func(T) (v float64, ok bool)
}

func newCollector(source Source) *collector {
	return &collector{
		source: source,
		node: []gauge[admin.Status]{
			newGauge("parley_start_time_seconds", "When the node started.", nil, at(func(s admin.Status) time.Time { return s.Started })),
			newGauge("parley_store_ok", "Whether the store takes writes.", nil, yes(func(s admin.Status) bool { return !s.Store.Full && s.Store.Error == "" })),
		},
		tracker: []gauge[admin.TrackerState]{
			newGauge("parley_tracker_up", "Whether the tracker answered when last asked.", trackerLabel(), yes(func(t admin.TrackerState) bool { return t.Error == "" })),
			newGauge("parley_tracker_last_poll_timestamp_seconds", "When the tracker was last asked for changes.", trackerLabel(), at(func(t admin.TrackerState) time.Time { return t.LastPoll })),
		},
		connections: []gauge[admin.Connection]{
			connectionGauge("up", "Whether the connection works.", yes(func(c admin.Connection) bool { return c.State == "working" })),
			connectionGauge("paused", "Whether a person paused it in any direction.", yes(func(c admin.Connection) bool { return c.PausedOut || c.PausedIn })),
			connectionGauge("twins", "Tickets in step.", number(func(c admin.Connection) int { return c.Twins })),
			connectionGauge("waiting", "Tickets to be looked at.", number(func(c admin.Connection) int { return c.Waiting })),
			connectionGauge("sending", "Events of ours without an outcome.", number(func(c admin.Connection) int { return c.Sending })),
			connectionGauge("applying", "Events of the peer that are not done.", number(func(c admin.Connection) int { return c.Applying })),
			connectionGauge("files", "Files to be fetched.", number(func(c admin.Connection) int { return c.Files })),
			connectionGauge("parked", "What waits for a person.", number(func(c admin.Connection) int { return c.Parked })),
			connectionGauge("oldest_seconds", "Age of the oldest event without an outcome.", func(c admin.Connection) (float64, bool) { return c.Oldest, true }),
			connectionGauge("last_contact_timestamp_seconds", "When the peer was last heard of.", at(func(c admin.Connection) time.Time { return c.Contact })),
		},
	}
}

func trackerLabel() []string { return []string{"tracker"} }

func newGauge[T any](name, help string, labels []string, value func(T) (float64, bool)) gauge[T] {
	return gauge[T]{desc: prometheus.NewDesc(name, help, labels, nil), value: value}
}

func connectionGauge(name, help string, value func(admin.Connection) (float64, bool)) gauge[admin.Connection] {
	return newGauge("parley_connection_"+name, help, []string{"connection"}, value)
}

func at[T any](of func(T) time.Time) func(T) (float64, bool) {
	return func(v T) (float64, bool) {
		t := of(v)
		return float64(t.UnixMilli()) / 1000, !t.IsZero()
	}
}

func yes[T any](of func(T) bool) func(T) (float64, bool) {
	return func(v T) (float64, bool) {
		if of(v) {
			return 1, true
		}
		return 0, true
	}
}

func number[T any](of func(T) int) func(T) (float64, bool) {
	return func(v T) (float64, bool) { return float64(of(v)), true }
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	describe(out, c.node)
	describe(out, c.tracker)
	describe(out, c.connections)
}

func describe[T any](out chan<- *prometheus.Desc, gauges []gauge[T]) {
	for _, g := range gauges {
		out <- g.desc
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	status, err := c.source.Status(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(c.node[0].desc, err)
		return
	}
	collect(out, c.node, status)
	collect(out, c.tracker, status.Tracker, status.Tracker.Kind)
	for _, connection := range status.Connections {
		collect(out, c.connections, connection, connection.Name)
	}
}

func collect[T any](out chan<- prometheus.Metric, gauges []gauge[T], from T, labels ...string) {
	for _, g := range gauges {
		if v, ok := g.value(from); ok {
			out <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, v, labels...)
		}
	}
}
