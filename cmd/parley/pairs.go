package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"parley/node/admin"
	"parley/node/admin/client"
)

type ticketConnect struct {
	Ours       string        `arg:"" optional:"" help:"Key of our ticket."`
	Theirs     string        `arg:"" optional:"" help:"Key of the peer's ticket, as its people use it."`
	Connection string        `short:"c" placeholder:"NAME" help:"The connection; the only one in parley.yaml if left out."`
	Prefer     string        `default:"fill-empty" enum:"ours,theirs,fill-empty" help:"Whose value stands where both tickets have one: ours, theirs, or fill-empty: each side keeps its own."`
	Comments   string        `default:"all" enum:"new,all" help:"Which comments and files cross: all, or new: those that are there stay where they are."`
	CSV        string        `name:"csv" type:"path" placeholder:"FILE" help:"Many pairs: a line each, ours,theirs[,prefer]; - reads standard input."`
	Out        string        `type:"path" placeholder:"FILE" help:"Write what became of each pair, as CSV."`
	Wait       time.Duration `default:"1m" help:"How long to wait for the peer's answers; 0 does not wait."`
	DryRun     bool          `help:"Only check our side; the peer checks its own when it is asked."`
}

// pairsAtOnce is how many pairs one request names.
const pairsAtOnce = 50

// Run implements the command.
func (c *ticketConnect) Run(ctx context.Context, a *app) error {
	name, err := a.nameOf(c.Connection)
	if err != nil {
		return err
	}
	pairs, err := c.pairs(a)
	if err != nil {
		return err
	}
	node, err := a.node()
	if err != nil {
		return err
	}
	request := admin.ConnectRequest{Connection: name, Old: c.Comments == "new", DryRun: true}
	states, _, err := inChunks(ctx, node.Connect, request, pairs)
	if err != nil {
		return err
	}
	bad := slices.ContainsFunc(states, func(s admin.PairState) bool { return s.Error != "" })
	if !bad && !c.DryRun {
		request.DryRun = false
		if states, err = c.ask(ctx, a, node, request, pairs); err != nil {
			return err
		}
	}
	if err := c.write(states); err != nil {
		return err
	}
	return a.showPairs(states, bad)
}

// pairs are those of the arguments or the file.
func (c *ticketConnect) pairs(a *app) ([]admin.Pair, error) {
	switch {
	case c.CSV != "" && c.Ours == "":
		return c.read(a)
	case c.CSV == "" && c.Theirs != "":
		return []admin.Pair{{Ours: c.Ours, Theirs: c.Theirs, Prefer: c.Prefer}}, nil
	}
	return nil, usageError("as `parley ticket connect SUP-1 INC0010`, or with --csv", "name one ticket of each side, or a file of pairs")
}

// read takes a file of pairs; all that is wrong with it is told at once.
func (c *ticketConnect) read(a *app) (pairs []admin.Pair, err error) {
	in := a.in
	if c.CSV != "-" {
		file, err := os.Open(c.CSV)
		if err != nil {
			return nil, &failure{Kind: admin.KindInvalid, Message: "read the pairs: " + err.Error()}
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		in = file
	}
	lines := csv.NewReader(io.LimitReader(in, 16<<20))
	lines.FieldsPerRecord, lines.TrimLeadingSpace = -1, true
	var wrong []string
	seen := map[string]int{}
	for {
		record, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, &failure{Kind: admin.KindInvalid, Message: "read the pairs: " + err.Error()}
		}
		line, _ := lines.FieldPos(0)
		if line == 1 && strings.EqualFold(record[0], "ours") {
			continue // a header
		}
		pair, problem := c.pair(record)
		for _, key := range []string{"ours " + pair.Ours, "theirs " + pair.Theirs} {
			if before := seen[key]; before > 0 && problem == "" {
				problem = fmt.Sprintf("%s stands in line %d already", key, before)
			}
			seen[key] = line
		}
		if problem != "" {
			wrong = append(wrong, fmt.Sprintf("line %d: %s", line, problem))
		}
		pairs = append(pairs, pair)
	}
	switch {
	case len(wrong) > 0:
		return nil, &failure{Kind: admin.KindInvalid, Message: fmt.Sprintf("%d of %d pairs are wrong; nothing was done", len(wrong), len(pairs)), Hint: strings.Join(wrong, "\n")}
	case len(pairs) == 0:
		return nil, &failure{Kind: admin.KindInvalid, Message: "no pairs in " + c.CSV, Hint: "a line each: ours,theirs[,prefer]"}
	}
	return pairs, nil
}

// pair reads one line.
func (c *ticketConnect) pair(record []string) (admin.Pair, string) {
	for len(record) < 3 {
		record = append(record, "")
	}
	pair := admin.Pair{Ours: strings.TrimSpace(record[0]), Theirs: strings.TrimSpace(record[1]), Prefer: strings.TrimSpace(record[2])}
	if pair.Prefer == "" {
		pair.Prefer = c.Prefer
	}
	switch {
	case pair.Ours == "" || pair.Theirs == "" || len(record) > 3:
		return pair, "want ours,theirs[,prefer]"
	case !slices.Contains([]string{"ours", "theirs", "fill-empty"}, pair.Prefer):
		return pair, fmt.Sprintf("prefer is ours, theirs or fill-empty, not %.20q", pair.Prefer)
	}
	return pair, ""
}

// ask asks the peer and waits for its answers.
func (c *ticketConnect) ask(ctx context.Context, a *app, node *client.Client, r admin.ConnectRequest, pairs []admin.Pair) ([]admin.PairState, error) {
	states, open, err := inChunks(ctx, node.Connect, r, pairs)
	progress := progress{w: cleanWriter{a.err}, raw: a.err, live: terminal(a.err)}
	defer progress.end()
	for until := time.Now().Add(c.Wait); err == nil && open > 0 && time.Now().Before(until); {
		progress.show(fmt.Sprintf("%s/%s answered · Ctrl-C is safe", thousands(len(pairs)-open), thousands(len(pairs))))
		select {
		case <-ctx.Done():
			return states, nil // what was asked goes on
		case <-time.After(loadPause):
		}
		states, open, err = inChunks(ctx, node.ConnectState, r, pairs)
	}
	return states, err
}

func inChunks(
	ctx context.Context, do func(context.Context, admin.ConnectRequest) (admin.ConnectResult, error), r admin.ConnectRequest, pairs []admin.Pair,
) (states []admin.PairState, open int, err error) {
	for chunk := range slices.Chunk(pairs, pairsAtOnce) {
		r.Pairs = chunk
		result, err := do(ctx, r)
		if err != nil {
			return states, open, err
		}
		states, open = append(states, result.Pairs...), open+result.Open
	}
	return states, open, nil
}

// write puts what became of each pair into a file that --csv reads again.
func (c *ticketConnect) write(states []admin.PairState) error {
	if c.Out == "" {
		return nil
	}
	rows := [][]string{{"ours", "theirs", "prefer", "state", "reason"}}
	for _, s := range states {
		rows = append(rows, []string{s.Ours, s.Theirs, s.Prefer, s.State, s.Code + s.Error})
	}
	return writeCSV(c.Out, rows)
}

func writeCSV(name string, rows [][]string) (err error) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	for _, row := range rows {
		for i, cell := range row {
			row[i] = harmless(cell)
		}
	}
	w := csv.NewWriter(file)
	if err := w.WriteAll(rows); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// harmless keeps a spreadsheet from taking a cell for a formula.
func harmless(cell string) string {
	cell = clean(cell)
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

func (a *app) showPairs(states []admin.PairState, bad bool) error {
	failed := 0
	var rows [][]string
	for _, s := range states {
		if s.Error != "" || s.State == "refused" {
			failed++
		}
		rows = append(rows, []string{s.Ours, s.Theirs, s.Prefer, s.State, s.Code + s.Error})
	}
	if err := a.show(states, func(w io.Writer) { table(w, "OURS|THEIRS|PREFER|STATE|REASON", rows) }); err != nil || failed == 0 {
		return err
	}
	hint := "a code is the peer's answer: by-gate (it does not allow it, or out of scope), gone (no such ticket), conflict (paired already)"
	if bad {
		hint = "nothing was done: mend or take out those lines"
	}
	return &failure{Kind: admin.KindConflict, Message: fmt.Sprintf("%d of %d pairs cannot be connected", failed, len(states)), Hint: hint}
}

type ticketMatch struct {
	Connection string `short:"c" placeholder:"NAME" help:"The connection; the only one in parley.yaml if left out."`
	By         string `required:"" placeholder:"FIELD" help:"Our field that holds the key of the peer's ticket."`
	Query      string `placeholder:"TEXT" help:"Only what this query finds, in the tracker's own language."`
	Out        string `type:"path" placeholder:"FILE" help:"Write the pairs as CSV, for ticket connect --csv."`
}

// Run implements the command.
func (c *ticketMatch) Run(ctx context.Context, a *app) error {
	name, err := a.nameOf(c.Connection)
	if err != nil {
		return err
	}
	pairs, err := ask(ctx, a, func(ctx context.Context, n *client.Client) ([]admin.Pair, error) {
		return n.Match(ctx, admin.MatchRequest{Connection: name, By: c.By, Query: c.Query})
	})
	if err != nil {
		return err
	}
	rows := [][]string{{"ours", "theirs"}}
	for _, p := range pairs {
		rows = append(rows, []string{p.Ours, p.Theirs})
	}
	if c.Out != "" {
		if err := writeCSV(c.Out, rows); err != nil {
			return err
		}
		a.say("look through %s, then: parley ticket connect --csv %s -c %s --dry-run", c.Out, c.Out, name)
	}
	return a.show(pairs, func(w io.Writer) { table(w, "OURS|THEIRS", rows[1:]) })
}

type connectionResync struct {
	Name   string   `arg:"" optional:"" help:"The connection; the only one in parley.yaml if left out."`
	Fields []string `placeholder:"FIELD" help:"Only these fields of what leaves; all, with comments and files, if left out."`
	Query  string   `placeholder:"TEXT" help:"Only what this query finds, in the tracker's own language."`
	DryRun bool     `help:"Only count."`
}

// Run implements the command.
func (c *connectionResync) Run(ctx context.Context, a *app) error {
	name, err := a.nameOf(c.Name)
	if err != nil {
		return err
	}
	count, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (int, error) {
		return n.Resync(ctx, name, admin.ResyncRequest{Fields: c.Fields, Query: c.Query, DryRun: c.DryRun})
	})
	if err != nil {
		return err
	}
	word := "queued"
	if c.DryRun {
		word = "would queue"
	}
	return a.show(map[string]int{"tickets": count}, func(w io.Writer) { fmt.Fprintf(w, "%s: %s tickets\n", word, thousands(count)) })
}

type queueApprove struct {
	Entries parked `embed:""`
	Digest  string `placeholder:"DIGEST" help:"Of what the gate holds back, as queue show says it: nothing else is approved."`
}

// Run implements the command.
func (c *queueApprove) Run(ctx context.Context, a *app) error {
	return a.settle(ctx, c.Entries, "approved", func(n *client.Client, ctx context.Context, q admin.QueueSelect) (int, error) {
		q.Digest = c.Digest
		return n.Approve(ctx, q)
	})
}
