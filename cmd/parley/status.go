package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"parley/node/admin"
	"parley/node/admin/client"
)

const watchPause = 2 * time.Second

type statusCommand struct {
	Watch bool `help:"Go on until Ctrl-C."`
}

// Run implements the command.
func (c *statusCommand) Run(ctx context.Context, a *app) error {
	node, err := a.node()
	if err != nil {
		return err
	}
	for {
		status, err := node.Status(ctx)
		if err != nil {
			return err
		}
		if c.Watch && !a.json && terminal(a.out) {
			if _, err := io.WriteString(a.out, "\x1b[H\x1b[2J"); err != nil {
				return err
			}
		}
		if err := a.show(status, func(w io.Writer) { showStatus(w, status) }); err != nil || !c.Watch {
			return err
		}
		select {
		case <-ctx.Done():
			return nil // Ctrl-C is how a person ends it
		case <-time.After(watchPause):
		}
	}
}

func showStatus(w io.Writer, s admin.Status) {
	tracker, store := "answers", "ok"
	if !s.Tracker.Limited.IsZero() {
		tracker = "wants to be left alone for " + span(time.Until(s.Tracker.Limited))
	}
	if s.Tracker.Error != "" {
		tracker = "fails: " + s.Tracker.Error
	}
	switch {
	case s.Store.Error != "":
		store = "failed: " + s.Store.Error
	case s.Store.Full:
		store = "the disk is full: only what is under way is finished"
	case s.Store.Damaged != nil:
		d := s.Store.Damaged
		store = fmt.Sprintf("was damaged %s: %s rows taken over, %s unreadable, %s forgotten and sent again by the peers; the damaged one is %s, remove it when you are done",
			ago(d.At), thousands(d.Rows), count(d.Lost, "part"), count(d.Forgotten, "ticket"), d.Aside)
	}
	lines(w,
		"node", fmt.Sprintf("%s (%s), version %s, up %s", s.Node, s.ID, s.Version, span(time.Since(s.Started))),
		"tracker", fmt.Sprintf("%s %s, asked %s, %s", s.Tracker.Kind, s.Tracker.URL, ago(s.Tracker.LastPoll), tracker),
		"store", store,
		"listening", s.Listening,
	)
	fmt.Fprintln(w)
	showConnections(w, s.Connections)
}

func showConnections(w io.Writer, list []admin.Connection) {
	if len(list) == 0 {
		fmt.Fprintln(w, "no connections: make one with `parley connection invite`, or `parley connection accept CODE`")
		return
	}
	var rows [][]string
	for _, c := range list {
		state := c.State
		if c.PausedOut != c.PausedIn {
			state += map[bool]string{true: ", paused out", false: ", paused in"}[c.PausedOut]
		}
		if !c.PausedUntil.IsZero() {
			state += ", until " + c.PausedUntil.Local().Format("2006-01-02 15:04 MST")
		}
		if c.Reason != "" {
			state += " (" + c.Reason + ")"
		}
		oldest := ""
		if c.Oldest > 0 {
			oldest = span(seconds(c.Oldest))
		}
		rows = append(rows, []string{
			c.Name, state, strconv.Itoa(c.Twins), strconv.Itoa(c.Waiting), strconv.Itoa(c.Sending),
			strconv.Itoa(c.Applying), strconv.Itoa(c.Files), strconv.Itoa(c.Parked), oldest, ago(c.Contact), compared(c),
		})
	}
	table(w, "CONNECTION|STATE|TWINS|WAITING|SENDING|APPLYING|FILES|PARKED|OLDEST|CONTACT|COMPARED", rows)
	for _, c := range list {
		if c.Differing > 0 {
			fmt.Fprintf(w, "%s: %s tickets differed when both sides were compared %s; see `parley connection verify %s`\n",
				c.Name, thousands(c.Differing), ago(c.Verified), c.Name)
		}
		for _, h := range c.Holdups {
			fmt.Fprintf(w, "%s: %s\n", c.Name, holdup(h))
		}
	}
}

// compared says when both sides were last compared, and how.
func compared(c admin.Connection) string {
	switch {
	case c.Verified.IsZero():
		return "never"
	case c.Differing > 0:
		return fmt.Sprintf("%s, %s differ", ago(c.Verified), thousands(c.Differing))
	}
	return ago(c.Verified) + ", alike"
}

// holdup says what holds a connection up, and what happens next.
func holdup(h admin.Holdup) string {
	code, next := "", ""
	if h.Code != "" {
		code = " (" + h.Code + ")"
	}
	if !h.Next.IsZero() {
		next = " in " + span(time.Until(h.Next))
	}
	switch h.What {
	case "looking", "writing":
		return fmt.Sprintf("%s failed for ticket after ticket%s since %s; the next one is tried%s", h.What, code, ago(h.Since), next)
	case "fuse":
		return fmt.Sprintf("the fuse for %s is blown since %s: the rest waits for `parley connection resume`", h.Code, ago(h.Since))
	case "fenced":
		return fmt.Sprintf("another live copy of this node works here; this one stands back since %s. Stop this copy; or, if it is the right one, stop the other and `parley node claim`", ago(h.Since))
	case "copied":
		return fmt.Sprintf("a second copy of this node said hello %s, and stands back: find it and stop it", ago(h.Since))
	case "peer copied":
		return fmt.Sprintf("a second copy of the peer said hello %s, and stands back: tell the other side", ago(h.Since))
	case "peer version":
		return fmt.Sprintf("the peer speaks other versions of the wire (%s) than this node: one of the two has to be upgraded; until then what waits stays", h.Code)
	case "peer over quota":
		return fmt.Sprintf("the peer has used up its quota here%s; it may go on%s", code, next)
	case "over quota at peer":
		return fmt.Sprintf("we have used up our quota at the peer%s; we go on%s", code, next)
	}
	return fmt.Sprintf("the peer sent too much that cannot be taken; it is heard again%s", next)
}

type keyCommand struct {
	Show keyShow `cmd:"" help:"Print it, for the other side to compare."`
}

type keyShow struct{}

// Run implements the command.
func (*keyShow) Run(ctx context.Context, a *app) error {
	key, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.Key, error) { return n.Key(ctx) })
	if err != nil {
		return err
	}
	return a.show(key, func(w io.Writer) {
		lines(w, "node", key.Node, "id", key.ID, "fingerprint", key.Fingerprint, "document", key.Document, "TLS pin", key.TLSPin)
	})
}
