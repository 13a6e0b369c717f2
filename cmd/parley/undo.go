package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"parley/node/admin"
	"parley/node/admin/client"
)

type ticketHistory struct {
	Key string `arg:"" help:"Key of the ticket, as people use it."`
}

// Run implements the command.
func (c *ticketHistory) Run(ctx context.Context, a *app) error {
	h, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.History, error) { return n.History(ctx, c.Key) })
	if err != nil {
		return err
	}
	return a.show(h, func(w io.Writer) { showHistory(w, h) })
}

func showHistory(w io.Writer, h admin.History) {
	var rows [][]string
	for _, e := range h.Events {
		undo := ""
		if e.Undoable {
			undo = "yes"
		}
		carried := strings.Join(e.Fields, ", ")
		if e.Items > 0 {
			carried = strings.TrimPrefix(fmt.Sprintf("%s, %d comments and files", carried, e.Items), ", ")
		}
		rows = append(rows, []string{e.Event, when(e.At), e.Cause, cut(carried, 60), reason(e.Outcome, e.Code), undo})
	}
	table(w, "EVENT|AT|CAUSE|CARRIED|OUTCOME|UNDO", rows)
	for _, e := range h.Events {
		for _, name := range slices.Sorted(maps.Keys(e.Before)) {
			fmt.Fprintf(w, "%s  %s: %s -> %s\n", e.Event, clean(name), field(e.Before, name), field(e.After, name))
		}
	}
}

type undoCommand struct {
	Event      string `arg:"" help:"The event, as in ticket history; or a ticket's key for its last one that can be undone."`
	Connection string `short:"c" placeholder:"NAME" help:"With a key: only of this connection."`
	DryRun     bool   `help:"Only say what would be put back."`
	Force      bool   `help:"Put back also what was changed since."`
}

// Run implements the command.
func (c *undoCommand) Run(ctx context.Context, a *app) error {
	r := admin.UndoRequest{Event: c.Event, Connection: c.Connection, DryRun: c.DryRun, Force: c.Force}
	result, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.UndoResult, error) { return n.Undo(ctx, r) })
	if err != nil {
		return err
	}
	return a.show(result, func(w io.Writer) {
		var rows [][]string
		for _, f := range result.Fields {
			note := ""
			if f.Changed {
				note = "changed since"
			}
			rows = append(rows, []string{f.Name, cut(clean(valueText(f.Now)), 40), cut(clean(valueText(f.Back)), 40), note})
		}
		table(w, "FIELD|NOW|BACK|NOTE", rows)
		switch {
		case len(result.Fields) == 0:
			fmt.Fprintf(w, "nothing to put back: %s is as it was before %s\n", clean(result.Key), clean(result.Event))
		case result.Queued:
			fmt.Fprintf(w, "%s: these fields are put back, and leave as an edit; comments and files of %s stay\n", clean(result.Key), clean(result.Event))
		}
	})
}
