package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"parley/adapters/all"
	"parley/filters/template"
	"parley/node/admin"
	"parley/node/admin/client"
	"parley/node/config"
	"parley/node/roster"
	"parley/sync/event"
)

type connectionAdd struct {
	Template string        `required:"" placeholder:"NAME[@V]" help:"The template that they have."`
	VarsFile string        `required:"" type:"path" placeholder:"FILE" help:"A CSV file: a line of column names, then a connection a line; - reads standard input."`
	Result   string        `type:"path" placeholder:"FILE" help:"Where the codes go, for your eyes only: FILE.result.csv if left out."`
	Valid    time.Duration `default:"24h" help:"How long the codes can be used."`
	DryRun   bool          `help:"Only check; nothing is added."`
	Offline  bool          `help:"Do not ask the running node for the tracker's fields and options; only with --dry-run."`
}

// maxVarsFile bounds a file of connections.
const maxVarsFile = 16 << 20

// added is what became of a file of connections.
type added struct {
	Template string `json:"template"`
	Digest   string `json:"digest"`
	Rows     int    `json:"rows"`
	Added    int    `json:"added"`
	// Already is how many were joined or invited before.
	Already  int                `json:"already"`
	DryRun   bool               `json:"dryRun,omitempty"`
	Mistakes []template.Mistake `json:"mistakes"`
	Result   string             `json:"result,omitempty"`
	// Connections are those of the file, in its order.
	Connections []addedOne `json:"connections"`
}

// addedOne is one connection of a file.
type addedOne struct {
	Name string `json:"name"`
	// Outcome is invited, joined or failed.
	Outcome string    `json:"outcome"`
	Code    string    `json:"code,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
	Error   string    `json:"error,omitempty"`
	// Already tells that it was so before.
	Already bool `json:"already,omitempty"`
}

// Run implements the command.
func (c *connectionAdd) Run(ctx context.Context, a *app) error {
	if c.Offline && !c.DryRun {
		return usageError("start the node, or add --dry-run", "connections are added with the node running")
	}
	if c.Valid <= 0 {
		return usageError("as --valid 24h", "an invitation must be valid for some time")
	}
	if c.Result == "" {
		if c.VarsFile == "-" && !c.DryRun {
			return usageError("say with --result where the codes go", "no file for the result")
		}
		c.Result = c.VarsFile + ".result.csv"
	}
	r, out, err := c.check(ctx, a)
	if err != nil {
		return err
	}
	if len(out.Mistakes) > 0 || c.DryRun {
		if err := a.show(out, func(w io.Writer) { c.showChecked(w, out) }); err != nil {
			return err
		}
		if n := len(out.Mistakes); n > 0 {
			return invalid("mend them, then run it again", "%s in %s, and nothing was added", count(n, "mistake"), c.VarsFile)
		}
		return nil
	}
	return c.add(ctx, a, r, out)
}

// check reads the file and looks at all of it.
func (c *connectionAdd) check(ctx context.Context, a *app) (*roster.Roster, *added, error) {
	cfg, err := a.load()
	if err != nil {
		return nil, nil, err
	}
	t, err := findTemplate(cfg, c.Template)
	if err != nil {
		return nil, nil, err
	}
	text, err := c.read(a)
	if err != nil {
		return nil, nil, err
	}
	r := &roster.Roster{Template: t, Config: cfg}
	if !c.Offline {
		if r.Schema, err = ask(ctx, a, func(ctx context.Context, n *client.Client) (event.Schema, error) { return n.Schema(ctx) }); err != nil {
			return nil, nil, err
		}
	}
	out := &added{Template: t.Ref.String(), Digest: t.Digest, DryRun: c.DryRun, Connections: []addedOne{}}
	out.Mistakes = append([]template.Mistake{}, r.Check(bytes.NewReader(text))...)
	out.Rows = len(r.Rows)
	return r, out, nil
}

func (c *connectionAdd) read(a *app) (_ []byte, err error) {
	in := a.in
	if c.VarsFile != "-" {
		file, err := os.Open(c.VarsFile)
		if err != nil {
			return nil, invalid("", "read the connections: %v", err)
		}
		defer func() { _ = file.Close() }() // only read from
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxVarsFile+1))
	if err == nil && len(text) > maxVarsFile {
		err = invalid("", "%s is larger than %d bytes", c.VarsFile, maxVarsFile)
	}
	return text, err
}

func (c *connectionAdd) showChecked(w io.Writer, out *added) {
	for _, m := range out.Mistakes {
		fmt.Fprintf(w, "%s:%s\n", c.VarsFile, clean(m.String()))
	}
	if len(out.Mistakes) == 0 {
		fmt.Fprintf(w, "%s are right for %s (%s); nothing was added\n", count(out.Rows, "connection"), out.Template, out.Digest)
	}
}

// add puts the connections into parley.yaml and joins or invites each.
func (c *connectionAdd) add(ctx context.Context, a *app, r *roster.Roster, out *added) error {
	before, err := readResult(c.Result)
	if err != nil {
		return err
	}
	results, err := openResult(c.Result)
	if err != nil {
		return err
	}
	defer func() { _ = results.Close() }() // each line was synced
	if out.Added, err = r.Add(config.Options{Kinds: all.Kinds(), Getenv: a.getenv}); err != nil {
		return err
	}
	node, err := a.node()
	if err != nil {
		return err
	}
	if err := node.Reload(ctx); err != nil {
		return err
	}
	present, err := node.Connections(ctx)
	if err != nil {
		return err
	}
	out.Result = c.Result
	failed := 0
	for i, row := range r.Rows {
		one := before[row.Name]
		switch {
		case slices.ContainsFunc(present, func(p admin.Connection) bool { return p.Name == row.Name }):
			one = addedOne{Name: row.Name, Outcome: "joined", Already: true}
		case one.Outcome == "invited" && time.Now().Before(one.Expires):
			one.Already = true
		default:
			one = c.join(ctx, node, row)
			err = writeResult(results, one)
		}
		if one.Outcome == "failed" {
			failed++
		}
		if one.Already {
			out.Already++
		}
		out.Connections = append(out.Connections, one)
		if (i+1)%50 == 0 {
			a.say("%d of %d", i+1, len(r.Rows))
		}
		if err != nil {
			return err
		}
	}
	if err := errors.Join(node.Close(), a.show(out, func(w io.Writer) { showAdded(w, out, failed) })); err != nil {
		return err
	}
	if failed > 0 {
		return &failure{Kind: admin.KindConflict, Message: count(failed, "connection") + " could not be joined", Hint: "the same command goes on with what is missing"}
	}
	return nil
}

// join accepts the row's code, or makes one for its other side.
func (c *connectionAdd) join(ctx context.Context, n *client.Client, row template.Row) addedOne {
	one := addedOne{Name: row.Name, Outcome: "joined"}
	var err error
	if row.Code != "" {
		_, err = n.Accept(ctx, admin.AcceptRequest{Code: row.Code, Name: row.Name})
	} else {
		var made admin.Invitation
		made, err = n.Invite(ctx, admin.InviteRequest{Name: row.Name, Valid: c.Valid.Seconds()})
		one.Outcome, one.Code, one.Expires = "invited", made.Code, made.Expires
	}
	if err != nil {
		one.Outcome, one.Error = "failed", err.Error()
	}
	return one
}

func showAdded(w io.Writer, out *added, failed int) {
	invited := 0
	for _, one := range out.Connections {
		if one.Outcome == "invited" {
			invited++
		}
		if one.Error != "" {
			fmt.Fprintf(w, "%s: %s\n", one.Name, clean(one.Error))
		}
	}
	before := ""
	if out.Already > 0 {
		before = fmt.Sprintf("; %d of them were so already", out.Already)
	}
	joined := len(out.Connections) - invited - failed
	fmt.Fprintf(w, "%s with %s: %d new in parley.yaml, %d joined, %d invited%s\n", count(out.Rows, "connection"), out.Template, out.Added, joined, invited, before)
	if joined > 0 {
		fmt.Fprintln(w, "Nothing passes before each one's words are compared with its admin: parley connection words NAME")
	}
	if invited > 0 {
		fmt.Fprintf(w, "The codes are in %s: hand each to its other side over a way that you trust, then delete the file\n", out.Result)
	}
}

// resultColumns are those of the file of results.
func resultColumns() []string { return []string{"name", "outcome", "code", "expires", "error"} }

// readResult is what an earlier run of the same command did.
func readResult(name string) (map[string]addedOne, error) {
	raw, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]addedOne{}, nil
	}
	if err != nil {
		return nil, invalid("", "read the result: %v", err)
	}
	if end := bytes.LastIndexByte(raw, '\n'); end >= 0 { // a run that was killed may have left a half line
		raw = raw[:end+1]
	}
	lines, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil || len(lines) == 0 || !slices.Equal(lines[0], resultColumns()) {
		return nil, invalid("name another with --result, or take it away", "%s is no result of this command", name)
	}
	found := map[string]addedOne{}
	for _, line := range lines[1:] {
		expires, _ := time.Parse(time.RFC3339, line[3]) // zero is expired
		found[line[0]] = addedOne{Name: line[0], Outcome: line[1], Code: line[2], Expires: expires, Error: line[4]}
	}
	return found, nil
}

// openResult opens the file of results for more lines, readable by us only.
func openResult(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, invalid("", "write the result: %v", err)
	}
	info, err := file.Stat()
	if err == nil {
		err = file.Chmod(0o600)
	}
	if err == nil && info.Size() == 0 {
		err = writeLine(file, resultColumns())
	}
	if err == nil && info.Size() > 0 {
		err = endHalfLine(file, info.Size())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write the result %s: %w", filepath.Base(name), err), file.Close())
	}
	return file, nil
}

// endHalfLine takes away what a run that was killed left of a line.
func endHalfLine(file *os.File, size int64) error {
	last := make([]byte, 1)
	if _, err := file.ReadAt(last, size-1); err != nil || last[0] == '\n' {
		return err
	}
	raw := make([]byte, size)
	if _, err := file.ReadAt(raw, 0); err != nil {
		return err
	}
	return file.Truncate(int64(bytes.LastIndexByte(raw, '\n') + 1))
}

func writeResult(file *os.File, one addedOne) error {
	expires := ""
	if !one.Expires.IsZero() {
		expires = one.Expires.UTC().Format(time.RFC3339)
	}
	return writeLine(file, []string{one.Name, one.Outcome, one.Code, expires, strings.Join(strings.Fields(one.Error), " ")})
}

func writeLine(file *os.File, cells []string) error {
	w := csv.NewWriter(file)
	if err := w.Write(cells); err != nil {
		return err
	}
	w.Flush()
	return errors.Join(w.Error(), file.Sync())
}
