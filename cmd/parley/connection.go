package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"parley/node/admin"
	"parley/node/admin/client"
)

type connectionCommand struct {
	List    connectionList    `cmd:"" help:"All connections and how they are."`
	Add     connectionAdd     `cmd:"" help:"Add many connections from a template and a CSV file, checked whole first."`
	Invite  connectionInvite  `cmd:"" help:"Make a one-time code for the other side's admin."`
	Accept  connectionAccept  `cmd:"" help:"Join the node that a code is from."`
	Words   connectionWords   `cmd:"" help:"Print the words to read to the other side's admin."`
	Confirm connectionConfirm `cmd:"" help:"Type the words that the other side's admin reads; nothing passes before."`
	Remove  connectionRemove  `cmd:"" help:"End a connection for good; the tickets stay."`
	Scope   connectionScope   `cmd:"" help:"Which of our tickets belong on it."`
	Fields  connectionFields  `cmd:"" help:"Which fields the other side sends, what changed of that, and what of our incoming filter reads nothing."`
	Preview connectionPreview `cmd:"" help:"What would leave of tickets, and what the gate would hold; nothing leaves."`
	Load    connectionLoad    `cmd:"" help:"Take in tickets that are older than the connection."`
	Resync  connectionResync  `cmd:"" help:"Send tickets in step again, behind everything else."`
	Verify  connectionVerify  `cmd:"" help:"Compare with the other side what both hold, and mend it."`
	Pause   connectionPause   `cmd:"" help:"Let nothing out, in, or either way."`
	Resume  connectionResume  `cmd:"" help:"Let it work; filters are read again."`
}

// nameOf returns a connection's name: the one given, or the only one that
// parley.yaml has.
func (a *app) nameOf(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	cfg, err := a.load()
	if err != nil {
		return "", err
	}
	names := slices.Sorted(maps.Keys(cfg.Connections))
	switch len(names) {
	case 0:
		return "", usageError("add it under connections in "+a.file+", then name it here", "no connection is named")
	case 1:
		return names[0], nil
	}
	return "", usageError(a.file+" has "+strings.Join(names, ", "), "which connection is meant?")
}

type connectionList struct{}

// Run implements the command.
func (*connectionList) Run(ctx context.Context, a *app) error {
	list, err := ask(ctx, a, func(ctx context.Context, n *client.Client) ([]admin.Connection, error) { return n.Connections(ctx) })
	if err != nil {
		return err
	}
	return a.show(list, func(w io.Writer) { showConnections(w, list) })
}

type connectionRemove struct {
	Name string `arg:"" help:"The connection."`
	Yes  bool   `help:"Do not ask."`
}

// Run implements the command.
func (c *connectionRemove) Run(ctx context.Context, a *app) error {
	if !c.Yes {
		if !terminal(a.in) {
			return usageError("add --yes if you are sure", "removing a connection cannot be undone")
		}
		answer, err := newAsker(ctx, a).line("Remove "+c.Name+" for good? Type its name", "")
		if err != nil {
			return err
		}
		if answer != c.Name {
			return &failure{Kind: admin.KindConflict, Message: "nothing was removed"}
		}
	}
	_, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (struct{}, error) {
		return struct{}{}, n.RemoveConnection(ctx, c.Name)
	})
	if err != nil {
		return err
	}
	return a.show(map[string]string{"removed": c.Name}, func(w io.Writer) { fmt.Fprintf(w, "%s is removed\n", c.Name) })
}

type connectionScope struct {
	Name    string `arg:"" optional:"" help:"The connection; the only one in parley.yaml if left out."`
	Explain string `placeholder:"KEY" xor:"scope" help:"Say whether this ticket belongs, and why."`
	Count   bool   `xor:"scope" help:"Count the tickets that belong (without --explain, this is done)."`
}

// Run implements the command.
func (c *connectionScope) Run(ctx context.Context, a *app) error {
	name, err := a.nameOf(c.Name)
	if err != nil {
		return err
	}
	if c.Explain != "" {
		why, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.ScopeExplanation, error) {
			return n.ScopeExplain(ctx, name, c.Explain)
		})
		if err != nil {
			return err
		}
		return a.show(why, func(w io.Writer) { fmt.Fprintf(w, "%s: %s\n", clean(why.Key), scopeText(why)) })
	}
	count, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.ScopeCount, error) { return n.ScopeCount(ctx, name) })
	if err != nil {
		return err
	}
	return a.show(count, func(w io.Writer) {
		more := ""
		if count.Cut {
			more = " (and more: counting ended at its bound)"
		}
		fmt.Fprintf(w, "%s listed%s, %s in scope, %s of these in step\n",
			thousands(count.Listed), more, thousands(count.Matches), thousands(count.Twins))
	})
}

// scopeText says in a line what a ScopeExplanation says.
func scopeText(e admin.ScopeExplanation) string {
	text := "is not in scope"
	switch {
	case e.Matches && e.Twin:
		text = "is in scope and in step"
	case e.Matches && e.Starts:
		text = "is in scope, and starts by itself when it changes"
	case e.Matches:
		text = "is in scope, and does not start by itself"
	case e.Twin:
		text = "is not in scope any more, and in step until its end"
	}
	if e.Why != "" {
		text += ": " + clean(e.Why)
	}
	return text
}

type connectionPause struct {
	Name      string `arg:"" help:"The connection."`
	Direction string `default:"both" enum:"out,in,both" help:"out, in or both."`
	Until     moment `placeholder:"TIME" help:"Let it work again by itself then: 18:00, 2026-12-24, 2026-12-24T18:00, or after 90m."`
	Reason    string `placeholder:"TEXT" help:"Why, for your own people."`
}

// moment is a time as people write it, by this machine's clock.
type moment struct{ time.Time }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *moment) UnmarshalText(text []byte) (err error) {
	m.Time, err = momentOf(string(text), time.Now())
	return err
}

// momentOf reads a time: of the day, the next one; of a date, its beginning; or how long
// from now.
func momentOf(text string, now time.Time) (time.Time, error) {
	if after, err := time.ParseDuration(text); err == nil {
		return now.Add(after), nil
	}
	if at, err := time.ParseInLocation("15:04", text, now.Location()); err == nil {
		next := time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), 0, 0, now.Location())
		if !next.After(now) {
			next = time.Date(now.Year(), now.Month(), now.Day()+1, at.Hour(), at.Minute(), 0, 0, now.Location())
		}
		return next, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("want a time as 18:00, 2026-12-24 or 2026-12-24T18:00, or how long as 90m, not %.30q", text)
}

// Run implements the command.
func (c *connectionPause) Run(ctx context.Context, a *app) error {
	return a.changed(ctx, func(ctx context.Context, n *client.Client) (admin.Connection, error) {
		return n.Pause(ctx, c.Name, admin.PauseRequest{Direction: c.Direction, Reason: c.Reason, Until: c.Until.Time})
	})
}

type connectionResume struct {
	Name string `arg:"" optional:"" help:"The connection; the only one in parley.yaml if left out."`
}

// Run implements the command.
func (c *connectionResume) Run(ctx context.Context, a *app) error {
	name, err := a.nameOf(c.Name)
	if err != nil {
		return err
	}
	return a.changed(ctx, func(ctx context.Context, n *client.Client) (admin.Connection, error) { return n.Resume(ctx, name) })
}

// changed shows what became of a connection.
func (a *app) changed(ctx context.Context, do func(context.Context, *client.Client) (admin.Connection, error)) error {
	connection, err := ask(ctx, a, do)
	if err != nil {
		return err
	}
	return a.show(connection, func(w io.Writer) { showConnections(w, []admin.Connection{connection}) })
}

// readKeys reads ticket keys from a file, one a line; # begins a comment.
func readKeys(name string) (_ []string, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, invalid("", "read keys: %v", err)
	}
	defer func() { _ = file.Close() }() // only read from
	var keys []string
	scanner := bufio.NewScanner(io.LimitReader(file, 1<<20))
	for scanner.Scan() {
		line, _, _ := strings.Cut(scanner.Text(), "#")
		keys = append(keys, strings.Fields(line)...)
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("read keys of %s: %w", name, err)
	}
	if len(keys) == 0 {
		return nil, invalid("one key a line", "%s holds no keys", name)
	}
	return keys, nil
}
