package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/node/admin"
)

// statusField is a field of `parley status --json`, and what it means.
type statusField struct{ name, meaning string }

// statusFields are all there are.
func statusFields() []statusField {
	return []statusField{
		{"node", "the node's name"},
		{"id", "its id, as peers know it"},
		{"version", "of the program"},
		{"started", "when it was started"},
		{"listening", "the address that peers reach; left out if this node dials"},
		{"tracker.kind", "as in `adapter list`"},
		{"tracker.url", "its address"},
		{"tracker.lastPoll", "when it was last asked what has changed"},
		{"tracker.error", "what it answered, if that was an error"},
		{"tracker.limitedUntil", "until when it wants to be left alone"},
		{"store.full", "the disk is below the free-space mark: nothing is taken in"},
		{"store.error", "why the store has stopped"},
		{"store.damaged", "what was lost of a damaged store, as long as that is kept aside"},
		{"store.damaged.at", "when it was found out"},
		{"store.damaged.aside", "the folder of the damaged store"},
		{"store.damaged.rows", "rows taken over"},
		{"store.damaged.lost", "files, and parts of files, that could not be read"},
		{"store.damaged.forgotten", "tickets in step of which only that is known; the peers send them again"},
		{"connections.name", "our name for the connection"},
		{"connections.id", "its id, the same on both sides"},
		{"connections.peer", "the other node's id"},
		{"connections.state", "`working`, `paused`, `failing`, `fuse blown`, `peer away`, `fenced`, `stopped` or `not configured`"},
		{"connections.pausedOut", "nothing leaves"},
		{"connections.pausedIn", "nothing is written here"},
		{"connections.pausedUntil", "when a pause ends by itself"},
		{"connections.reason", "of a pause, or why it is not configured"},
		{"connections.contact", "when the peer was last heard of"},
		{"connections.since", "since when it works: older tickets do not move by themselves"},
		{"connections.waiting", "tickets to be looked at"},
		{"connections.sending", "events that the peer has not settled"},
		{"connections.applying", "the peer's events that are not done here"},
		{"connections.files", "files to be fetched or written"},
		{"connections.parked", "of all these, those that wait for a person"},
		{"connections.twins", "tickets in step"},
		{"connections.counted", "when the six numbers were counted, where there are so many rows that it is not done each time"},
		{"connections.oldestSeconds", "age of the oldest event that the peer has not settled"},
		{"connections.verified", "when both sides were last compared"},
		{"connections.differing", "tickets that were not alike then"},
		{"connections.swept", "when the last sweep of the tracker ended"},
		{"connections.holdups", "what holds all of the connection up, for a while"},
		{"connections.holdups.what", "`looking`, `writing`, `peer over quota`, `over quota at peer`, `peer refused`, `fuse`, `fenced`, `copied` or `peer copied`"},
		{"connections.holdups.code", "of the error, the quota or the fuse"},
		{"connections.holdups.since", "when it began"},
		{"connections.holdups.next", "when it is tried again, or ends"},
	}
}

// fieldsOf are the JSON fields of a structure, with those of the structures in it.
func fieldsOf(of reflect.Type, prefix string) (names []string) {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		at := of.Field(i).Type
		for at.Kind() == reflect.Pointer || at.Kind() == reflect.Slice {
			at = at.Elem()
		}
		nested := at.Kind() == reflect.Struct && at != reflect.TypeFor[time.Time]()
		if !nested || strings.Contains(of.Field(i).Tag.Get("json"), "omitempty") {
			names = append(names, prefix+name)
		}
		if nested {
			names = append(names, fieldsOf(at, prefix+name+".")...)
		}
	}
	return names
}

// TestDocs_EveryFieldOfStatusIsDescribed, and nothing that is not there.
func TestDocs_EveryFieldOfStatusIsDescribed(t *testing.T) {
	t.Parallel()
	there := fieldsOf(reflect.TypeFor[admin.Status](), "")
	for _, f := range statusFields() {
		if !slices.Contains(there, f.name) {
			t.Errorf("%s is described and not there", f.name)
		}
		there = slices.DeleteFunc(there, func(name string) bool { return name == f.name })
	}
	if len(there) > 0 {
		t.Errorf("not described: %v", there)
	}
}

// describeStatus is the part of docs/cli.md on `parley status --json`.
func describeStatus(out *strings.Builder) {
	out.WriteString("\n## Fields of `parley status --json`\n\nA field that has nothing to say may be left out; times are RFC 3339. `connection list --json` has the list under `connections`.\n\n| Field | Meaning |\n|---|---|\n")
	for _, f := range statusFields() {
		fmt.Fprintf(out, "| `%s` | %s |\n", f.name, f.meaning)
	}
}
