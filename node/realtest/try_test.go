//go:build real

package realtest_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/all"
	"parley/node/admin"
	"parley/node/realtest"
	"parley/sync/event"
)

// opened is a site's tracker as an adapter of the test's own sees it.
func opened(t *testing.T, s *site) adapters.Tracker {
	t.Helper()
	kinds := all.Kinds()
	at := slices.IndexFunc(kinds, func(k adapters.Kind) bool { return k.Name == s.server.Kind })
	settings := map[string]string{
		"api_key": s.server.Env["BOT_API_KEY"], "projects": "sync", "tracker": "Bug", "text_formatting": "textile",
		"marker_field": "Remote key", "field_types": "Affected systems=options",
	}
	if s.server.Kind == "rt" {
		settings = map[string]string{"token": s.server.Env["BOT_TOKEN"], "queues": "Sync", "marker_field": "Remote key"}
	}
	address, err := s.server.URL()
	must(t, err)
	tracker, err := kinds[at].Open(adapters.Options{URL: address, Settings: settings, UserAgent: "parley-test"})
	must(t, err)
	t.Cleanup(func() { must(t, tracker.Close()) })
	return tracker
}

// trying is a site at which writes are shown and then happen.
type trying struct {
	t       *testing.T
	site    *site
	peer    string
	tracker adapters.Tracker
}

func (y *trying) pause(direction string) {
	y.t.Helper()
	_, err := y.site.admin.Pause(y.t.Context(), y.peer, admin.PauseRequest{Direction: direction})
	must(y.t, err)
}

func (y *trying) resume() {
	y.t.Helper()
	_, err := y.site.admin.Resume(y.t.Context(), y.peer)
	must(y.t, err)
}

// entry is the event that waits, as soon as one does.
func (y *trying) entry() string {
	y.t.Helper()
	id := ""
	must(y.t, poll(y.t.Context(), time.Minute, func() error {
		entries, err := y.site.admin.Queue(y.t.Context(), y.peer)
		for _, e := range entries {
			if e.Kind == "in" {
				id = e.ID
				return nil
			}
		}
		return errors.Join(err, fmt.Errorf("no event waits at %s", y.site.name))
	}))
	return id
}

func (y *trying) read(id string) event.Ticket {
	y.t.Helper()
	change, err := y.tracker.Locate(y.t.Context(), id)
	must(y.t, err)
	ticket, err := y.tracker.Read(y.t.Context(), change.Ref)
	must(y.t, err)
	files, ok := y.tracker.(adapters.Files)
	for i := range ticket.Attachments {
		if !ok {
			y.t.Fatal("the tracker gives no bytes of files")
		}
		a := &ticket.Attachments[i]
		body, err := files.Open(y.t.Context(), change.Ref, a.ID)
		must(y.t, err)
		sum := sha256.New()
		_, err = io.Copy(sum, body)
		must(y.t, errors.Join(err, body.Close()))
		a.SHA256 = hex.EncodeToString(sum.Sum(nil))
	}
	return ticket
}

// link makes a person link two tickets.
func (y *trying) link(id, to string) {
	y.t.Helper()
	switch d := y.site.desk.(type) {
	case redmineDesk:
		body := map[string]any{"relation": map[string]any{"issue_to_id": to, "relation_type": "relates"}}
		must(y.t, d.admin.send(y.t.Context(), http.MethodPost, "/issues/"+id+"/relations.json", body, nil))
	case rtDesk:
		must(y.t, d.alice.send(y.t.Context(), http.MethodPut, "/ticket/"+id, map[string]any{"RefersTo": []string{to}}, nil))
	}
}

// TestTry_ShowsPreciselyTheWritesThatThenHappenToRealTrackers: what filter try shows
// at a Redmine and at a Request Tracker, of a new ticket and of one in step, is what
// the tracker has afterwards, and nothing else.
func TestTry_ShowsPreciselyTheWritesThatThenHappenToRealTrackers(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	binary := build(t, dir)
	redmine, rt := newServer(t, "redmine", acme, dir), newServer(t, "rt", globex, dir)
	a := &site{name: acme, port: freePort(t), desk: newRedmine(redmine), server: redmine, links: map[string]link{globex: fromAcme("api")}}
	b := &site{name: globex, desk: newRT(rt), server: rt, links: map[string]link{acme: fromGlobex()}}
	must(t, a.open(t, dir, binary))
	must(t, b.open(t, dir, binary))
	must(t, connect(t, a, b))
	at := map[string]*trying{
		"redmine": {t: t, site: a, peer: globex, tracker: opened(t, a)}, "rt": {t: t, site: b, peer: acme, tracker: opened(t, b)},
	}
	for _, way := range [][2]string{{"redmine", "rt"}, {"rt", "redmine"}} {
		tryWay(t, way[0], at[way[0]], at[way[1]])
	}
}

// tryWay makes a ticket at one tracker and works on it there; at the other, which is
// kept from writing meanwhile, what is shown is held to what happens then.
func tryWay(t *testing.T, name string, from, to *trying) {
	t.Helper()
	ctx := t.Context()
	tag := "TRY-" + name
	beside, err := from.site.desk.create(ctx, values{summary: tag + "-BESIDE Toner is empty", description: "Black.", priority: "High", systems: []string{"api"}})
	must(t, err)
	there(t, ctx, to, tag+"-BESIDE")
	must(t, poll(ctx, 2*time.Minute, func() error { return settled(ctx, []*site{from.site, to.site}) }))
	to.pause("in")
	id, err := from.site.desk.create(ctx, values{summary: tag + " Printer on fire", description: "It burns.\n\nAt the *top*.", priority: "High", systems: []string{"api"}})
	must(t, err)
	entry := to.entry()
	tried, err := to.site.admin.Try(ctx, admin.TryRequest{Connection: to.peer, Entry: entry})
	must(t, err)
	to.resume()
	theirs := there(t, ctx, to, tag)
	must(t, poll(ctx, 2*time.Minute, func() error { return settled(ctx, []*site{from.site, to.site}) }))
	for _, problem := range realtest.Compare(nil, to.read(theirs), tried.Entering.Writes) {
		t.Errorf("create from %s: %s", name, problem)
	}

	from.pause("out")
	from.link(id, beside)
	must(t, from.site.desk.edit(ctx, id, values{summary: tag + " Printer still on fire", status: "In progress", priority: "Low"}))
	must(t, from.site.desk.comment(ctx, id, "It *burns* & smokes <b>a lot</b>.\n\n- one\n- two", false))
	must(t, from.site.desk.comment(ctx, id, "Not for them", true))
	must(t, from.site.desk.attach(ctx, id, "smoke.txt", "See the file.", []byte("smoke")))
	leaving, err := from.site.admin.Try(ctx, admin.TryRequest{Connection: from.peer, Key: from.read(id).Key})
	must(t, err)
	to.pause("in")
	from.resume()
	to.entry()
	from.left(id, name, leaving.Leaving)
	before := to.read(theirs)
	tried, err = to.site.admin.Try(ctx, admin.TryRequest{Connection: to.peer, Key: before.Key})
	must(t, err)
	if same := to.read(theirs); same.Version != before.Version {
		t.Errorf("from %s: the try changed the ticket", name)
	}
	to.resume()
	must(t, poll(ctx, 2*time.Minute, func() error { return settled(ctx, []*site{from.site, to.site}) }))
	for _, problem := range realtest.Compare(&before, to.read(theirs), tried.Entering.Writes) {
		t.Errorf("update from %s: %s", name, problem)
	}
	shown := map[string]bool{}
	for _, w := range tried.Entering.Writes {
		shown[w.Kind] = true
		for _, f := range w.Fields {
			shown[f.Name] = true
		}
		if w.File != nil && w.File.SHA256 != "" {
			shown["bytes"] = true
		}
	}
	for _, what := range []string{"summary", "status", "links", "comment", "attach", "bytes"} {
		if !shown[what] {
			t.Errorf("update from %s: no %s in %+v", name, what, tried.Entering.Writes)
		}
	}
}

// left holds the last event of a ticket to what was to leave before.
func (y *trying) left(id, name string, l *admin.TryLeaving) {
	y.t.Helper()
	history, err := y.site.admin.History(y.t.Context(), y.read(id).Key)
	must(y.t, err)
	sent := slices.DeleteFunc(history.Events, func(e admin.PastEvent) bool { return e.Direction != "out" })
	last := sent[len(sent)-1]
	var fields []string
	for _, f := range l.Fields {
		fields = append(fields, f.Name)
	}
	if got, want := fmt.Sprint(last.Fields, last.Items), fmt.Sprint(fields, len(l.Comments)+len(l.Files)); got != want {
		y.t.Errorf("from %s: left %s, shown was %s", name, got, want)
	}
}

func there(t *testing.T, ctx context.Context, y *trying, tag string) string {
	t.Helper()
	id := ""
	must(t, poll(ctx, 2*time.Minute, func() error {
		all, err := y.site.desk.list(ctx)
		if err != nil || len(all[tag]) != 1 {
			return errors.Join(err, fmt.Errorf("%s is at %s %d times", tag, y.site.name, len(all[tag])))
		}
		id = all[tag][0]
		return nil
	}))
	return id
}
