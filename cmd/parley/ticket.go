package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"parley/node/admin"
	"parley/node/admin/client"
	"parley/sync/event"
)

type ticketCommand struct {
	List    ticketList    `cmd:"" help:"Tickets on connections, and their state."`
	Explain ticketExplain `cmd:"" help:"All about one ticket: does it belong, what leaves, what blocks it, what comes next."`
	History ticketHistory `cmd:"" help:"The last events of one ticket, what they changed, and which can be undone."`
	Sync    ticketSync    `cmd:"" help:"Bring tickets into step, also older ones."`
	Unsync  ticketUnsync  `cmd:"" help:"Take tickets out of step; both stay as they are."`
	Connect ticketConnect `cmd:"" help:"Pair tickets that both sides have already."`
	Match   ticketMatch   `cmd:"" help:"Suggest pairs from a field that names the peer's tickets."`
}

type ticketList struct {
	Connection string `short:"c" placeholder:"NAME" help:"Only of this connection."`
	State      string `placeholder:"STATE" enum:"synced,waiting,parked,conflict,ended,gone,orphan," default:"" help:"Only in this state: synced, waiting, parked, conflict, ended (here), gone, orphan (ended there)."`
	Limit      int    `default:"1000" help:"At most so many; 0 is all that the node gives."`
}

// Run implements the command.
func (c *ticketList) Run(ctx context.Context, a *app) error {
	if c.Limit < 0 || c.Limit > 100_000 {
		return usageError("", "a limit is a number from 0 to 100,000")
	}
	list, err := ask(ctx, a, func(ctx context.Context, n *client.Client) ([]admin.Ticket, error) {
		return n.Tickets(ctx, admin.TicketQuery{Connection: c.Connection, State: c.State, Limit: c.Limit})
	})
	if err != nil {
		return err
	}
	return a.show(list, func(w io.Writer) {
		var rows [][]string
		for _, t := range list {
			rows = append(rows, []string{t.Key, t.Connection, t.Twin, t.State, when(t.Since), reason(t.Code, t.Reason)})
		}
		table(w, "TICKET|CONNECTION|TWIN|STATE|SINCE|REASON", rows)
	})
}

func reason(code, text string) string {
	if code == "" || text == "" {
		return code + text
	}
	return code + ": " + text
}

type ticketExplain struct {
	Key string `arg:"" help:"Key of the ticket, as people use it."`
}

// Run implements the command.
func (c *ticketExplain) Run(ctx context.Context, a *app) error {
	e, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.Explanation, error) { return n.Explain(ctx, c.Key) })
	if err != nil {
		return err
	}
	return a.show(e, func(w io.Writer) {
		fmt.Fprintln(w, strings.TrimSpace(clean(e.Key)+"  "+clean(e.URL)))
		if len(e.Tickets) == 0 {
			fmt.Fprintln(w, "on no connection")
		}
		for _, t := range e.Tickets {
			fmt.Fprintln(w)
			showExplained(w, t)
		}
	})
}

func showExplained(w io.Writer, t admin.Explained) {
	state := t.State
	if t.Twin != "" {
		state += " with " + t.Twin
	}
	if since := when(t.Since); since != "" {
		state += " since " + since
	}
	items := fmt.Sprintf("%d comments", t.Comments)
	if len(t.Files) > 0 {
		items += ", files " + strings.Join(t.Files, ", ")
	}
	lines(w,
		"connection", t.Connection,
		"state", state,
		"reason", reason(t.Code, t.Reason),
		"scope", scopeText(t.Scope),
		"last event", t.Event,
		"blocked by", t.Blocks,
		"what next", t.Happens,
		"tried again", when(t.Next),
		"would leave", strings.Join(t.Differs, ", "),
		"leaving", items,
		"lost here", strings.Join(t.LostOurs, ", "),
		"lost there", strings.Join(t.LostTheirs, ", "),
	)
	for _, b := range t.TakenBack {
		line := "we asked for " + b.Kind
		if b.By == "them" {
			line = "they asked for " + b.Kind
		}
		lines(w, "taken back", strings.TrimSpace(line+" "+cmp.Or(b.Name, b.Item))+": "+b.State)
	}
	for _, approval := range t.Approvals {
		lines(w, "approved", approvalText(approval))
	}
	names := map[string]bool{}
	for _, fields := range []event.Fields{t.Sent, t.Received, t.Now} {
		for name := range fields {
			names[name] = true
		}
	}
	if len(names) == 0 {
		return
	}
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		rows = append(rows, []string{name, field(t.Sent, name), field(t.Received, name), field(t.Now, name)})
	}
	table(w, "FIELD|SENT|RECEIVED|NOW", rows)
}

// field is a field's value in a cell.
func field(fields event.Fields, name string) string {
	value, ok := fields[name]
	if !ok {
		return "-"
	}
	return cut(clean(valueText(value)), 40)
}

// valueText writes a plain value for people.
func valueText(value any) string {
	switch value := value.(type) {
	case nil:
		return "(empty)"
	case string:
		return value
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// selection are the flags that name tickets.
type selection struct {
	Keys       []string `arg:"" optional:"" help:"Keys of tickets, as people use them."`
	Query      string   `placeholder:"TEXT" help:"What this query finds, in the tracker's own language, instead of keys."`
	Connection string   `short:"c" placeholder:"NAME" help:"The connection; the only one in parley.yaml if left out."`
	DryRun     bool     `help:"Only say what would be done."`
}

func (s selection) request(a *app) (admin.SyncRequest, error) {
	if (len(s.Keys) == 0) == (s.Query == "") {
		return admin.SyncRequest{}, usageError("as `parley ticket sync SUP-12`, or with --query", "name keys of tickets, or a query")
	}
	name, err := a.nameOf(s.Connection)
	return admin.SyncRequest{Keys: s.Keys, Query: s.Query, Connection: name, DryRun: s.DryRun}, err
}

type ticketSync struct {
	Tickets selection `embed:""`
}

// Run implements the command.
func (c *ticketSync) Run(ctx context.Context, a *app) error {
	return a.syncing(ctx, c.Tickets, (*client.Client).Sync)
}

type ticketUnsync struct {
	Tickets selection `embed:""`
}

// Run implements the command.
func (c *ticketUnsync) Run(ctx context.Context, a *app) error {
	return a.syncing(ctx, c.Tickets, (*client.Client).Unsync)
}

func (a *app) syncing(ctx context.Context, s selection, do func(*client.Client, context.Context, admin.SyncRequest) (admin.SyncResult, error)) error {
	request, err := s.request(a)
	if err != nil {
		return err
	}
	result, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.SyncResult, error) { return do(n, ctx, request) })
	if err != nil {
		return err
	}
	if result.Tickets == nil {
		result.Tickets = []admin.SyncOutcome{}
	}
	failed := 0
	var rows [][]string
	for _, t := range result.Tickets {
		if t.Error != "" {
			failed++
		}
		rows = append(rows, []string{t.Key, t.Connection, t.Done + t.Error})
	}
	if err := a.show(result, func(w io.Writer) { table(w, "TICKET|CONNECTION|RESULT", rows) }); err != nil {
		return err
	}
	if failed > 0 {
		return &failure{Kind: admin.KindConflict, Message: fmt.Sprintf("%d of %d tickets were not done", failed, len(result.Tickets)), Hint: "parley ticket explain KEY"}
	}
	return nil
}
