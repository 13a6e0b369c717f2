package node

import (
	"context"
	"errors"
	"time"

	"parley/node/admin"
	"parley/sync/agree"
	"parley/sync/event"
	"parley/sync/flow"
)

// A comparison that finds something is taken again: what was read on one side just
// before, and on the other just after a change, differs for a moment.
const (
	compareRounds = 3
	comparePause  = 2 * time.Second
)

// compare compares a connection with its peer, until what it finds stands still.
func (n *Node) compare(ctx context.Context, con *flow.Connection) (flow.Comparison, error) {
	c, err := n.path.Compare(ctx, con)
	for round := 1; err == nil && round < compareRounds && len(c.Open()) > 0; round++ {
		if !pause(ctx, comparePause) {
			return c, ctx.Err()
		}
		c, err = n.path.CompareTwins(ctx, con, c, c.Open())
	}
	if err != nil {
		return c, err
	}
	differing := len(c.Differ) + len(c.Unexamined)
	line := n.log.Info()
	if differing > 0 {
		line = n.log.Warn()
	}
	line.Str("connection", con.Name).Int("twins", c.Twins).Int("differing", differing).Int("moving", len(c.Moving)).Msg("both sides compared")
	return c, n.path.KeepAgreement(con, flow.Agreed{At: time.Now().UTC(), Twins: c.Twins, Differing: differing})
}

// shownUnlike bounds how many twins an answer lists.
const shownUnlike = 500

// Verify compares a connection with its peer, and mends what differs if asked to.
func (n *Node) Verify(ctx context.Context, name string, r admin.VerifyRequest) (admin.Verification, error) {
	l, err := n.one(name)
	if err != nil {
		return admin.Verification{}, err
	}
	con := l.flow
	c, err := n.compare(ctx, con)
	if err != nil {
		return admin.Verification{}, notCompared(name, err)
	}
	out := n.verification(con, c)
	if r.Heal && !c.Agreed() {
		if out.HealedHere, out.HealedThere, err = n.path.Mend(ctx, con, c); err != nil {
			return out, notCompared(name, err)
		}
	}
	if r.Deep {
		out.Sweep = true
		err = n.path.SweepSoon(con)
	}
	return out, err
}

func notCompared(name string, err error) error {
	hint := "`parley status` tells whether the peer is there; try again then"
	if errors.Is(err, flow.ErrCannotAgree) {
		hint = "ask the other side's admin to update; nothing else depends on it"
	}
	return &admin.Error{Kind: admin.KindPeer, Message: "connection " + name + " could not be compared", Hint: hint, Err: err}
}

func (n *Node) verification(con *flow.Connection, c flow.Comparison) admin.Verification {
	out := admin.Verification{At: time.Now().UTC(), Twins: c.Twins, More: len(c.Unexamined)}
	list := func(all []flow.Unlike) (shown []admin.Unlike) {
		for i := range all {
			if i == shownUnlike {
				out.More += len(all) - i
				break
			}
			shown = append(shown, n.shownUnlike(con, all[i]))
		}
		return shown
	}
	out.Differ, out.Moving = list(c.Differ), list(c.Moving)
	return out
}

func (n *Node) shownUnlike(con *flow.Connection, u flow.Unlike) admin.Unlike {
	out := admin.Unlike{Twin: u.Twin.String(), Key: u.Key}
	names := map[string]string{}
	if i, err := n.path.Inspect(con, event.Ref{}, u.Twin); err == nil {
		for _, e := range i.Items {
			names[string(e.ID)] = e.Name
		}
	}
	for _, d := range u.What {
		name := d.Name
		if known := names[name]; d.Kind == agree.File && known != "" {
			name = known
		}
		out.What = append(out.What, admin.Difference{Direction: string(d.Direction), Kind: string(d.Kind), Name: name, What: string(d.What)})
	}
	for _, m := range u.Ours {
		out.Here = append(out.Here, string(m))
	}
	for _, m := range u.Theirs {
		out.There = append(out.There, string(m))
	}
	return out
}

// verifyLook is how often it is looked whether a comparison or a sweep is due.
const verifyLook = 20 * time.Second

// verifyAll compares each connection when it is due.
func (n *Node) verifyAll(ctx context.Context) {
	failed := map[event.ConnectionID]time.Time{}
	for pause(ctx, verifyLook) {
		for _, l := range n.all() {
			if l.flow == nil || ctx.Err() != nil {
				continue
			}
			every := n.configured().Connections[l.record.Name].Verify.Every()
			last, err := n.path.LastAgreement(l.flow)
			if last.Differing > 0 {
				every = min(every, verifyAgain) // whether it was mended is told soon
			}
			if err != nil || !verifyDue(last.At, l.record.Approved, failed[l.flow.ID], every, time.Now()) {
				continue
			}
			if _, err := n.compare(ctx, l.flow); err != nil && ctx.Err() == nil {
				failed[l.flow.ID] = time.Now()
				n.log.Info().Str("connection", l.record.Name).Err(err).Msg("both sides could not be compared")
			}
		}
	}
}

// verifyAgain is how long after a comparison that failed another is tried.
const verifyAgain = 15 * time.Minute

// verifyDue tells whether a connection is to be compared: an interval after it began
// to work, and an interval after each comparison.
func verifyDue(last, approved, failed time.Time, every time.Duration, now time.Time) bool {
	if last.IsZero() {
		last = approved
	}
	return every > 0 && !approved.IsZero() && now.Sub(last) >= every && now.Sub(failed) >= verifyAgain
}

// sweepAll reads the tickets of the connections in turn, when they are due.
func (n *Node) sweepAll(ctx context.Context) {
	name := func(con *flow.Connection) string {
		if l := n.byID(con.ID); l != nil {
			return l.record.Name
		}
		return con.Name
	}
	sweeper := &flow.Sweeper{
		Path: n.path, Idle: n.runner.Idle, Full: n.store.Full,
		Due: func(con *flow.Connection, state flow.Swept) bool {
			l := n.byID(con.ID)
			if l == nil || l.record.Approved.IsZero() {
				return false
			}
			return state.Due(time.Now(), n.configured().Connections[l.record.Name].Sweep.Every())
		},
		Did: func(con *flow.Connection, state flow.Swept, err error) {
			switch {
			case err != nil:
				n.log.Info().Str("connection", name(con)).Err(err).Msg("sweep put off")
			case !state.Ended.IsZero():
				n.log.Info().Str("connection", name(con)).Int("tickets", state.Tickets).Int("found", state.Found).Int("unread", state.Unread).Msg("tracker swept")
			}
		},
	}
	for pause(ctx, verifyLook) {
		for sweeper.Turn(ctx) {
		}
	}
}
