package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"parley/node/admin"
	"parley/node/admin/client"
)

type queueCommand struct {
	List    queueList    `cmd:"" help:"All that waits."`
	Show    queueShow    `cmd:"" help:"One entry whole."`
	Retry   queueRetry   `cmd:"" help:"Try parked entries again."`
	Approve queueApprove `cmd:"" help:"Let what waits for your leave go on: a pair that the peer asks for, or content that the gate holds back."`
	Skip    queueSkip    `cmd:"" help:"Give parked entries up: the change is not made, the other side is told."`
}

type queueList struct {
	Connection string `short:"c" placeholder:"NAME" help:"Only of this connection."`
	Parked     bool   `help:"Only what waits for a person."`
}

// Run implements the command.
func (c *queueList) Run(ctx context.Context, a *app) error {
	all, err := ask(ctx, a, func(ctx context.Context, n *client.Client) ([]admin.QueueEntry, error) {
		return n.Queue(ctx, c.Connection)
	})
	if err != nil {
		return err
	}
	list := []admin.QueueEntry{}
	for _, e := range all {
		if e.Parked || !c.Parked {
			list = append(list, e)
		}
	}
	return a.show(list, func(w io.Writer) {
		var rows [][]string
		for _, e := range list {
			rows = append(rows, []string{e.ID, e.Connection, e.Kind, e.State, e.Key, ago(e.Since), when(e.Next), reason(e.Code, e.Reason)})
		}
		table(w, "ENTRY|CONNECTION|KIND|STATE|TICKET|SINCE|NEXT|REASON", rows)
	})
}

type queueShow struct {
	ID string `arg:"" help:"The entry, as in queue list."`
}

// Run implements the command.
func (c *queueShow) Run(ctx context.Context, a *app) error {
	e, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.QueueEntry, error) { return n.QueueEntry(ctx, c.ID) })
	if err != nil {
		return err
	}
	return a.show(e, func(w io.Writer) {
		attempt := ""
		if e.Attempt > 0 {
			attempt = strconv.Itoa(e.Attempt)
		}
		lines(w, "entry", e.ID, "connection", e.Connection, "kind", e.Kind, "state", e.State, "ticket", e.Key,
			"since", when(e.Since), "next", when(e.Next), "attempts", attempt, "reason", reason(e.Code, e.Reason))
		for i, step := range e.Steps {
			fmt.Fprintf(w, "step %d  %s\n", i+1, clean(step))
		}
		showHeld(w, e)
	})
}

// parked are the flags that choose parked entries.
type parked struct {
	ID         string `arg:"" optional:"" help:"The entry, as in queue list."`
	Connection string `short:"c" placeholder:"NAME" help:"With --all: of this connection."`
	Code       string `placeholder:"CODE" help:"With --all: those with this code."`
	All        bool   `help:"Every parked entry of --connection, with --code, or both."`
}

func (p parked) choose() (admin.QueueSelect, error) {
	switch {
	case (p.ID == "") != p.All, p.ID != "" && (p.Connection != "" || p.Code != ""):
		return admin.QueueSelect{}, usageError("`parley queue list --parked` shows them", "name one entry, or choose several with --all")
	case p.All && p.Connection == "" && p.Code == "":
		return admin.QueueSelect{}, usageError("", "--all needs --connection, --code or both")
	}
	return admin.QueueSelect{ID: p.ID, Connection: p.Connection, Code: p.Code, All: p.All}, nil
}

type queueRetry struct {
	Entries parked `embed:""`
}

// Run implements the command.
func (c *queueRetry) Run(ctx context.Context, a *app) error {
	return a.settle(ctx, c.Entries, "retried", (*client.Client).Retry)
}

type queueSkip struct {
	Entries parked `embed:""`
}

// Run implements the command.
func (c *queueSkip) Run(ctx context.Context, a *app) error {
	return a.settle(ctx, c.Entries, "skipped", (*client.Client).Skip)
}

func (a *app) settle(ctx context.Context, p parked, done string, do func(*client.Client, context.Context, admin.QueueSelect) (int, error)) error {
	choice, err := p.choose()
	if err != nil {
		return err
	}
	count, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (int, error) { return do(n, ctx, choice) })
	if err != nil {
		return err
	}
	return a.show(map[string]int{done: count}, func(w io.Writer) { fmt.Fprintf(w, "%s: %d\n", done, count) })
}
