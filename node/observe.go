package node

import (
	"context"
	"errors"
	"strings"
	"time"

	"parley/node/config"
	"parley/node/notify"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/inbox"
	"parley/sync/store"
	"parley/sync/twin"
	"parley/sync/work"
)

// observe logs what an operator would want to know; no ticket text.
func (n *Node) observe(o flow.Observation) {
	line := n.log.Debug()
	switch o.What {
	case "parked", "held", "stopped", "fuse", "broken", "deaf", "fenced", "copied", "peer copied", "record went back", "refused here", "overran", "parked by peer", "refused", "partly", "not withdrawn":
		line = n.log.Warn()
	case "created", "ended", "last note", "closed", "deleted", "undone", "mended", "healing", "peer ended", "goodbye":
		line = n.log.Info()
	}
	if o.What == "partly" || o.What == "not withdrawn" {
		line = line.Str("detail", o.Detail) // words of the adapter's own, or ours
	}
	line.Str("connection", o.Connection).Str("ticket", o.Key).Str("code", string(o.Code)).Msg(o.What)
	if n.options.Observe != nil {
		n.options.Observe(o)
	}
}

// told keeps in the store who has been told of what.
type told struct{ store store.Store }

// All returns what was told.
func (t told) All() (map[string][]byte, error) {
	all := map[string][]byte{}
	prefix := store.ToldKey("")
	err := t.store.View(func(r store.Reader) error {
		return r.Scan(prefix, nil, func(key, value []byte) (bool, error) {
			all[string(key[len(prefix):])] = value
			return true, nil
		})
	})
	return all, err
}

// Put remembers that people were told.
func (t told) Put(key string, value []byte) error {
	return t.store.Finish(func(tx store.Tx) error { return tx.Put(store.ToldKey(key), value) })
}

// Delete forgets it.
func (t told) Delete(key string) error {
	return t.store.Finish(func(tx store.Tx) error { return tx.Delete(store.ToldKey(key)) })
}

func (n *Node) openNotifier() error {
	ways, err := n.ways()
	if err != nil {
		return err
	}
	n.notifier, err = notify.New(notify.Options{
		Node: n.config.Node.Name, State: told{n.store}, Sender: ways.Sender, Log: n.log,
	})
	return err
}

// ways are how people can be told.
func (n *Node) ways() (*notify.Ways, error) {
	cfg := n.config.Notify
	ways := &notify.Ways{Webhooks: map[string]*notify.Webhook{}}
	for name, w := range cfg.Webhooks {
		address, key, err := w.Resolve(n.resolver())
		if err != nil {
			return nil, err
		}
		n.mask.Add(key)
		ways.Webhooks[name] = &notify.Webhook{URL: address.Reveal(), Secret: key, UserAgent: "Parley/" + n.options.Version}
	}
	if cfg.SMTP.Host == "" {
		return ways, nil
	}
	password, err := n.resolver().Resolve(cfg.SMTP.Password)
	if err != nil {
		return nil, err
	}
	n.mask.Add(password)
	security := map[string]notify.Security{config.TLSStart: notify.StartTLS, config.TLSAlways: notify.TLS, config.TLSNone: notify.Cleartext}
	ways.Mail = &notify.Mail{Host: cfg.SMTP.Host, From: cfg.SMTP.From, User: cfg.SMTP.User, Password: password, Security: security[cfg.SMTP.TLS]}
	return ways, nil
}

// tell runs the notifier.
func (n *Node) tell(ctx context.Context) {
	if err := n.notifier.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		n.log.Error().Err(err).Msg("people cannot be told")
	}
}

// watchEvery is how often it is looked at what people must be told of. Where that
// takes long, since much waits, it is done less often: watchShare is the part of
// the time that it may take.
const (
	watchEvery = 5 * time.Second
	watchShare = 200
)

// watch raises and clears what people are told of.
func (n *Node) watch(ctx context.Context) {
	raised := map[notify.Condition]bool{}
	took := time.Duration(0)
	for first := true; pause(ctx, max(watchEvery, watchShare*took)); first = false {
		began := time.Now()
		present := map[notify.Condition]bool{}
		for _, l := range n.all() {
			if l.flow != nil {
				n.troubles(l, func(t notify.Trouble) {
					present[t.Condition] = true
					n.notifier.Raise(t)
				})
			}
		}
		for c := range raised {
			if !present[c] {
				n.notifier.Clear(c)
			}
		}
		if raised = present; first {
			n.notifier.Settled()
			n.countFirst(ctx)
		}
		took = time.Since(began)
	}
}

// troubles calls raise for everything that is wrong on a connection.
func (n *Node) troubles(l *link, raise func(notify.Trouble)) {
	cfg := n.configured()
	c := cfg.Connections[l.record.Name]
	name := l.record.Name
	parked := func(key string, code event.Code, since time.Time) {
		raise(notify.Trouble{
			Condition: notify.Condition{Kind: notify.Parked, Connection: name, Ticket: key}, Code: string(code), Since: since,
			To: targets(cfg, c, c.Notify.Parked),
		})
	}
	err := firstError(
		n.path.Works(l.flow, func(_ event.Ref, r work.Row) bool {
			if r.Parked {
				parked(r.Key, r.Code, r.Since)
			}
			return true
		}),
		n.path.Inboxes(l.flow, func(id event.TwinID, r inbox.Row) bool {
			if r.State == inbox.Parked {
				key := r.Key
				if key == "" {
					key = "twin " + id.String()
				}
				parked(key, r.Code, r.Since)
			}
			return true
		}),
	)
	err = firstError(err, n.path.Chores(l.flow, func(j flow.ChoreInfo) bool {
		if j.Parked {
			parked(j.Key, j.Stuck, j.Since)
		}
		return true
	}))
	err = firstError(err, n.path.Troubled(l.flow, func(_ event.TwinID, row twin.Row) bool {
		n.undecided(cfg, c, l, row, raise)
		return true
	}))
	if err != nil {
		n.log.Warn().Str("connection", name).Err(err).Msg("what is parked cannot be read")
	}
	contact, there, stopped := l.flow.Contact()
	if contact.IsZero() {
		contact = n.started
	}
	after := time.Duration(c.Notify.PeerAway.After)
	out, in := l.flow.Paused()
	n.rememberStopped(l, stopped)
	for _, h := range holdups(l.flow, time.Now()) {
		kind := map[string]notify.Kind{
			looking: notify.Failing, writing: notify.Failing, peerRefused: notify.Refused, fuseBlown: notify.Fuse,
			fenced: notify.Fenced, copied: notify.Copied, peerCopied: notify.PeerCopied, peerVersion: notify.Stopped,
		}[h.What]
		to := c.Notify.Stopped
		if kind == notify.Fuse {
			to = c.Notify.Fuse
		}
		if kind != "" {
			raise(notify.Trouble{Condition: notify.Condition{Kind: kind, Connection: name}, Code: h.Code, Since: h.Since, To: targets(cfg, c, to)})
		}
	}
	if d, err := n.readDamage(); err == nil && d != nil {
		raise(notify.Trouble{Condition: notify.Condition{Kind: notify.Damaged, Connection: name}, Since: d.At, To: targets(cfg, c, c.Notify.Stopped)})
	}
	if result, err := n.path.LastAgreement(l.flow); err == nil && result.Differing > 0 {
		raise(notify.Trouble{Condition: notify.Condition{Kind: notify.Differs, Connection: name}, Since: result.At, To: targets(cfg, c, c.Notify.Differs)})
	}
	if heard := l.flow.PeerShape(); heard != nil && heard.Before != nil {
		raise(notify.Trouble{Condition: notify.Condition{Kind: notify.Fields, Connection: name}, Since: heard.Changed, To: targets(cfg, c, c.Notify.Differs)})
	}
	_, standsBack := l.flow.Fence()
	switch {
	case standsBack:
	case stopped:
		raise(notify.Trouble{Condition: notify.Condition{Kind: notify.Stopped, Connection: name}, To: targets(cfg, c, c.Notify.Stopped)})
	case !there && !(out && in) && time.Since(contact) > after:
		raise(notify.Trouble{Condition: notify.Condition{Kind: notify.PeerAway, Connection: name}, Since: contact, To: targets(cfg, c, c.Notify.PeerAway.To)})
	}
}

// rememberStopped keeps a stop for the next start.
func (n *Node) rememberStopped(l *link, stopped bool) {
	if !stopped || l.record.Stopped {
		return
	}
	err := n.changeRecord(l.record.Agreement.Connection, func(rec *record) error {
		rec.Stopped = true
		return nil
	})
	if err != nil {
		n.log.Error().Str("connection", l.record.Name).Err(err).Msg("the stop is not kept for the next start")
	}
}

// undecided raises what a person must know of a ticket that goes on: only the side
// that decides is told of a dispute.
func (n *Node) undecided(cfg *config.Config, c config.Connection, l *link, row twin.Row, raise func(notify.Trouble)) {
	tell := func(kind notify.Kind, since time.Time) {
		raise(notify.Trouble{
			Condition: notify.Condition{Kind: kind, Connection: l.record.Name, Ticket: row.Key}, Since: since, To: targets(cfg, c, c.Notify.Parked),
		})
	}
	if len(row.Disputes) > 0 && l.flow.Policy.Winner == l.flow.Us {
		first := time.Now()
		for _, d := range row.Disputes {
			if at := time.Unix(d.Since, 0); at.Before(first) {
				first = at
			}
		}
		tell(notify.Conflict, first)
	}
	if len(row.Overran) > 0 {
		first := time.Now()
		for _, o := range row.Overran {
			if at := time.Unix(o.Since, 0); at.Before(first) {
				first = at
			}
		}
		tell(notify.Overran, first)
	}
	if len(row.Astray) > 0 {
		tell(notify.Astray, time.Time{})
	}
}

// targets are who is told: named for this trouble, else the owner, else whoever
// the node names.
func targets(cfg *config.Config, c config.Connection, named []string) []string {
	var out []string
	for _, t := range named {
		if t == config.TargetOwner {
			t = c.Owner
		}
		if t != "" {
			out = append(out, t)
		}
	}
	if len(out) == 0 && c.Owner != "" && strings.Contains(c.Owner, "@") && cfg.Notify.SMTP.Host != "" {
		out = append(out, c.Owner)
	}
	if len(out) == 0 {
		out = cfg.Notify.To
	}
	return out
}
