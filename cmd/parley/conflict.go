package main

import (
	"context"
	"fmt"
	"io"

	"parley/node/admin"
	"parley/node/admin/client"
)

type conflictCommand struct {
	List    conflictList    `cmd:"" help:"Fields that both sides changed: those that wait for a decision, and edits that were written over."`
	Show    conflictShow    `cmd:"" help:"What the two tickets hold, side by side."`
	Resolve conflictResolve `cmd:"" help:"Decide a field: both tickets get the value."`
}

type conflictList struct {
	Connection string `short:"c" placeholder:"NAME" help:"Only of this connection."`
}

// Run implements the command.
func (c *conflictList) Run(ctx context.Context, a *app) error {
	list, err := ask(ctx, a, func(ctx context.Context, n *client.Client) ([]admin.Conflict, error) {
		return n.Conflicts(ctx, c.Connection)
	})
	if err != nil {
		return err
	}
	return a.show(list, func(w io.Writer) {
		var rows [][]string
		for _, c := range list {
			rows = append(rows, []string{c.Key, c.Connection, c.Field, when(c.Since), decides(c)})
		}
		table(w, "TICKET|CONNECTION|FIELD|SINCE|WHO DECIDES", rows)
	})
}

func decides(c admin.Conflict) string {
	switch {
	case c.Decided:
		return "decided, on its way"
	case c.Overran:
		return "the policy: theirs; ours was written over"
	case c.Here:
		return "we"
	}
	return c.Connection
}

type conflictShow struct {
	Key        string `arg:"" help:"Key of the ticket, as people use it."`
	Connection string `short:"c" placeholder:"NAME" help:"Only of this connection."`
}

// Run implements the command.
func (c *conflictShow) Run(ctx context.Context, a *app) error {
	list, err := ask(ctx, a, func(ctx context.Context, n *client.Client) ([]admin.Conflict, error) {
		return n.Conflict(ctx, admin.ConflictSelect{Key: c.Key, Connection: c.Connection})
	})
	if err != nil {
		return err
	}
	return a.show(list, func(w io.Writer) {
		for i, c := range list {
			if i > 0 {
				fmt.Fprintln(w)
			}
			theirs := "(not known)"
			if c.Known {
				theirs = clean(valueText(c.Theirs))
			}
			lines(w, "ticket", c.Key, "connection", c.Connection, "field", c.Field, "since", when(c.Since), "who decides", decides(c),
				"ours", clean(valueText(c.Ours)), "changed", when(c.OursAt), "theirs", theirs, "changed there", when(c.TheirsAt))
		}
	})
}

type conflictResolve struct {
	Key        string  `arg:"" help:"Key of the ticket, as people use it."`
	Field      string  `arg:"" help:"The field, as in conflict list."`
	Ours       bool    `xor:"take" help:"Take what our ticket has."`
	Theirs     bool    `xor:"take" help:"Take what the other ticket has."`
	Value      *string `xor:"take" placeholder:"TEXT" help:"Take this; empty text empties the field."`
	Connection string  `short:"c" placeholder:"NAME" help:"The connection, if the ticket is in conflict on several."`
}

// Run implements the command.
func (c *conflictResolve) Run(ctx context.Context, a *app) error {
	r := admin.ResolveRequest{ConflictSelect: admin.ConflictSelect{Key: c.Key, Connection: c.Connection}, Field: c.Field}
	switch {
	case c.Ours:
		r.Take = "ours"
	case c.Theirs:
		r.Take = "theirs"
	case c.Value != nil:
		r.Take, r.Value = "value", *c.Value
	default:
		return usageError("`parley conflict show "+c.Key+"` shows both values", "say --ours, --theirs or --value TEXT")
	}
	_, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (struct{}, error) { return struct{}{}, n.Resolve(ctx, r) })
	if err != nil {
		return err
	}
	return a.show(map[string]string{"decided": c.Field}, func(w io.Writer) { fmt.Fprintf(w, "decided: %s of %s\n", clean(c.Field), clean(c.Key)) })
}
