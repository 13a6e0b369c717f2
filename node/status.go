package node

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"parley/adapters"
	"parley/node/admin"
	"parley/sync/event"
	"parley/sync/flow"
)

// Status is the node at a glance.
func (n *Node) Status(ctx context.Context) (admin.Status, error) {
	cfg := n.configured()
	s := admin.Status{
		Node: cfg.Node.Name, ID: string(n.identity.document.Node()), Version: n.options.Version, Started: n.started,
		Tracker: admin.TrackerState{Kind: cfg.Tracker.Kind, URL: cfg.Tracker.URL}, Store: admin.StoreState{Full: n.store.Full()},
	}
	at, err := n.runner.PollState()
	s.Tracker.LastPoll, s.Tracker.Limited = at, n.path.Limited()
	if err != nil {
		s.Tracker.Error = n.mask.Hide(err.Error())
	}
	if err := n.store.Err(); err != nil {
		s.Store.Error = err.Error()
	}
	if d, err := n.readDamage(); err == nil && d != nil {
		f := d.Files
		s.Store.Damaged = &admin.Damage{
			At: d.At, Aside: filepath.Join(n.dir, d.Aside), Rows: f.Rows,
			Lost: f.LostTables + f.LostBlocks + f.LostLogs + f.LostPlaces, Forgotten: d.Twins.Forgotten,
		}
	}
	if n.server != nil {
		s.Listening = n.server.Address()
	}
	s.Connections, err = n.Connections(ctx)
	return s, err
}

// Key is the node's public identity.
func (n *Node) Key(context.Context) (admin.Key, error) {
	d := n.identity.document
	k := admin.Key{Node: n.configured().Node.Name, ID: string(d.Node()), Fingerprint: d.Fingerprint(), Document: d.Raw}
	if n.server != nil {
		k.TLSPin = n.server.Pin().String()
	}
	return k, nil
}

// Connections are all connections at a glance.
func (n *Node) Connections(context.Context) ([]admin.Connection, error) {
	out := []admin.Connection{}
	for _, l := range n.all() {
		c, err := n.connectionState(l)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func (n *Node) connectionState(l *link) (admin.Connection, error) {
	if l == nil {
		return admin.Connection{}, &admin.Error{Kind: admin.KindNotFound, Message: "the connection is not there any more"}
	}
	rec, con, why := l.record, l.flow, l.why
	c := admin.Connection{
		Name: rec.Name, ID: rec.Agreement.Connection.String(), Peer: string(l.them),
		PausedOut: rec.PausedOut, PausedIn: rec.PausedIn, Reason: rec.Reason, Since: rec.Approved,
		PausedUntil: rec.PausedUntil,
	}
	if rec.Compare {
		c.State, c.Reason = "compare words", "`parley connection words "+rec.Name+"`"
		return c, nil
	}
	if con == nil {
		c.State, c.Reason = "not configured", why
		return c, nil
	}
	contact, there, stopped := con.Contact()
	c.Contact, c.Holdups = contact, holdups(con, time.Now())
	failing := slices.ContainsFunc(c.Holdups, func(h admin.Holdup) bool { return h.What == looking || h.What == writing })
	_, standsBack := con.Fence()
	switch {
	case standsBack:
		c.State = "fenced"
	case stopped:
		c.State = "stopped"
	case rec.PausedOut && rec.PausedIn:
		c.State = "paused"
	case !there && time.Since(contact) > awayAfter:
		c.State = "peer away"
	case len(con.Blown()) > 0:
		c.State = "fuse blown"
	case failing:
		c.State = "failing"
	default:
		c.State = "working"
	}
	agreed, err := n.path.LastAgreement(con)
	swept, sweepErr := n.path.SweepState(con)
	c.Verified, c.Differing, c.Swept = agreed.At, agreed.Differing, swept.Ended
	return c, firstError(err, sweepErr, n.counted(con, &c))
}

// What a holdup is.
const (
	looking     = "looking"
	writing     = "writing"
	peerOver    = "peer over quota"
	overAtPeer  = "over quota at peer"
	peerRefused = "peer refused"
	fuseBlown   = "fuse"
	fenced      = "fenced"
	copied      = "copied"
	peerCopied  = "peer copied"
	peerVersion = "peer version"
)

// copyShown is how long a live copy is shown after it was last heard of.
const copyShown = 24 * time.Hour

// copies are what is known of other live copies of the two nodes.
func copies(con *flow.Connection, now time.Time) (all []admin.Holdup) {
	if since, is := con.Fence(); is {
		return []admin.Holdup{{What: fenced, Since: since}}
	}
	ours, theirs := con.Copies()
	for what, at := range map[string]time.Time{copied: ours, peerCopied: theirs} {
		if !at.IsZero() && now.Sub(at) < copyShown {
			all = append(all, admin.Holdup{What: what, Since: at})
		}
	}
	return all
}

// holdups are what holds a connection up as a whole.
func holdups(con *flow.Connection, now time.Time) (all []admin.Holdup) {
	all = copies(con, now)
	out, in := con.Broken()
	for what, b := range map[string]flow.Broken{looking: out, writing: in} {
		if !b.Since.IsZero() {
			all = append(all, admin.Holdup{What: what, Code: string(b.Code), Since: b.Since, Next: b.Probe})
		}
	}
	here, there := con.Shortages(now)
	for what, s := range map[string]flow.Shortage{peerOver: here, overAtPeer: there} {
		if s.Code != event.CodeNone {
			all = append(all, admin.Holdup{What: what, Code: string(s.Code), Next: s.Until})
		}
	}
	for kind, since := range con.Blown() {
		all = append(all, admin.Holdup{What: fuseBlown, Code: string(kind), Since: since})
	}
	if theirs := con.Foreign(); theirs != "" {
		all = append(all, admin.Holdup{What: peerVersion, Code: theirs})
	}
	if until := con.Deaf(now); !until.IsZero() {
		all = append(all, admin.Holdup{What: peerRefused, Next: until})
	}
	slices.SortFunc(all, func(a, b admin.Holdup) int { return strings.Compare(a.What+a.Code, b.What+b.Code) })
	return all
}

// awayAfter is how long a peer may be silent before it is shown as away.
const awayAfter = 30 * time.Second

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Pause stops one or both directions; both go on taking in.
func (n *Node) Pause(_ context.Context, name string, r admin.PauseRequest) (admin.Connection, error) {
	return n.setPause(name, func(rec *record) error {
		if err := endable(rec, r.Until); err != nil {
			return err
		}
		switch r.Direction {
		case "", "both":
			rec.PausedOut, rec.PausedIn = true, true
		case "out":
			rec.PausedOut = true
		case "in":
			rec.PausedIn = true
		default:
			return &admin.Error{Kind: admin.KindInvalid, Message: "unknown direction", Hint: "out, in or both"}
		}
		rec.Reason, rec.PausedUntil = r.Reason, r.Until.UTC()
		return nil
	})
}

// Resume lets a connection work. The first time is its approval: tickets that
// are older move only when they are loaded.
func (n *Node) Resume(ctx context.Context, name string) (admin.Connection, error) {
	c, err := n.setPause(name, func(rec *record) error {
		if rec.Compare {
			return wordsMissing(rec.Name)
		}
		rec.unpause()
		rec.Stopped = false
		if rec.Approved.IsZero() {
			// Trackers keep whole seconds: a ticket made in this one is not older.
			rec.Approved = time.Now().UTC().Truncate(time.Second)
		}
		return nil
	})
	if err != nil {
		return c, err
	}
	l := n.named(name)
	if l != nil && l.flow == nil {
		n.bring(ctx, l)
		l = n.byID(l.record.Agreement.Connection)
	}
	switch {
	case l == nil:
		return c, noConnection(name)
	case l.flow == nil:
		return n.connectionState(l)
	}
	// Also if it came up just now: whoever brought it up may have begun before.
	l.flow.Resume()
	if err := n.refresh(ctx, l); err != nil {
		return c, &admin.Error{Kind: admin.KindConflict, Message: "the filters in force stay", Err: err}
	}
	if err := firstError(n.path.ResetFuses(l.flow), n.path.Rouse(l.flow)); err != nil {
		return c, err
	}
	return n.connectionState(l)
}

func (n *Node) setPause(name string, change func(*record) error) (admin.Connection, error) {
	l := n.named(name)
	if l == nil {
		return admin.Connection{}, noConnection(name)
	}
	id := l.record.Agreement.Connection
	if err := n.changeRecord(id, change); err != nil {
		return admin.Connection{}, err
	}
	if l = n.byID(id); l == nil {
		return admin.Connection{}, noConnection(name)
	}
	return n.connectionState(l)
}

// Probe asks the tracker what is wrong before the first sync.
func (n *Node) Probe(ctx context.Context) ([]adapters.Finding, error) {
	return append(adapters.Probe(ctx, n.tracker), n.hookFindings()...), nil
}

// Schema is the tracker's, as the account sees it.
func (n *Node) Schema(ctx context.Context) (event.Schema, error) {
	s, err := n.path.Schema(ctx)
	if err != nil {
		return s, trackerFailed("ask for the schema", err)
	}
	return s, nil
}
