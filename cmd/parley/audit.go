package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/node/admin"
	"parley/node/admin/client"
	"parley/node/audit"
)

type auditCommand struct {
	List   auditList   `cmd:"" help:"What people did with this node: who, when, on which connection or ticket, and how it ended."`
	Export auditExport `cmd:"" help:"Write the records as lines of JSON."`
	Head   auditHead   `cmd:"" help:"Print number and hash of the newest record: note it elsewhere, and verify against it later."`
	Verify auditVerify `cmd:"" help:"Find records that were changed, left out or cut off."`
	Kept   auditKept   `cmd:"" help:"Print the heads that this node keeps of the other side's record, for its auditor."`
	Prune  auditPrune  `cmd:"" help:"Remove old records; a signed record says so."`
}

// past is a time as people write it, or how long ago.
type past struct{ time.Time }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *past) UnmarshalText(text []byte) (err error) {
	p.Time, err = pastOf(string(text), time.Now())
	return err
}

// pastOf reads a date, a time, or how long ago: 36h, 90d.
func pastOf(text string, now time.Time) (time.Time, error) {
	if number, ok := strings.CutSuffix(text, "d"); ok {
		if days, err := strconv.ParseUint(number, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(days)), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("want a time as 2026-12-24 or 2026-12-24T18:00, or how long ago as 36h or 90d, not %.30q", text)
}

// chosen are the flags that choose records.
type chosen struct {
	Since      past   `placeholder:"TIME" help:"Of this time and later: 2026-12-24, 2026-12-24T18:00, or 36h or 90d ago."`
	Connection string `short:"c" placeholder:"NAME" help:"Only of this connection."`
	Ticket     string `placeholder:"KEY" help:"Only of this ticket."`
	Action     string `placeholder:"NAME" help:"Only of this action, as list shows it."`
}

func (c chosen) query() admin.AuditQuery {
	return admin.AuditQuery{Since: c.Since.Time, Connection: c.Connection, Ticket: c.Ticket, Action: c.Action}
}

// eachRecord asks the node for records, page by page, the oldest first.
func eachRecord(ctx context.Context, a *app, q admin.AuditQuery, do func(audit.Record) error) error {
	for {
		page, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.AuditPage, error) { return n.Audit(ctx, q) })
		if err != nil {
			return err
		}
		for _, r := range page.Records {
			if err := do(r); err != nil {
				return err
			}
		}
		if page.Through <= q.After || page.Through >= page.Head.Number {
			return nil
		}
		q.After = page.Through
	}
}

type auditList struct {
	Records chosen `embed:""`
	Limit   int    `default:"100" help:"The newest so many; 0 for all."`
}

// Run implements the command.
func (c *auditList) Run(ctx context.Context, a *app) error {
	var all []audit.Record
	err := eachRecord(ctx, a, c.Records.query(), func(r audit.Record) error {
		all = append(all, r)
		if c.Limit > 0 && len(all) >= 2*c.Limit {
			all = append(all[:0], all[len(all)-c.Limit:]...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if c.Limit > 0 && len(all) > c.Limit {
		all = all[len(all)-c.Limit:]
	}
	return a.show(all, func(w io.Writer) {
		var rows [][]string
		for _, r := range all {
			rows = append(rows, []string{strconv.FormatUint(r.Number, 10), when(r.At), r.Who, r.From, r.Action, r.Connection, r.Ticket, outcomeOf(r), detailOf(r)})
		}
		table(w, "NUMBER|AT|WHO|FROM|ACTION|CONNECTION|TICKET|OUTCOME|DETAIL", rows)
	})
}

func outcomeOf(r audit.Record) string {
	if r.Of > 0 {
		return fmt.Sprintf("%s (of %d)", r.Outcome, r.Of)
	}
	return r.Outcome
}

// detailOf is what a record says besides, in one line.
func detailOf(r audit.Record) string {
	var out []string
	names := make([]string, 0, len(r.Said))
	for name := range r.Said {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		out = append(out, name+"="+r.Said[name])
	}
	for _, c := range r.Changed {
		out = append(out, fmt.Sprintf("%s: %s → %s", c.What, orNothing(c.Was), orNothing(c.Is)))
	}
	return strings.Join(out, "  ")
}

type auditExport struct {
	File string `arg:"" help:"The file, which must not be there; - is standard output, with --json as one list."`
}

// Run implements the command.
func (c *auditExport) Run(ctx context.Context, a *app) (err error) {
	if c.File == "-" && a.json {
		return (&auditList{}).Run(ctx, a) // one value, not many
	}
	out := a.out
	if c.File != "-" {
		file, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return &failure{Kind: admin.KindConflict, Message: c.File + " is there already", Hint: "name another file: records are not written over"}
		}
		if err != nil {
			return invalid("", "%v", err)
		}
		defer func() {
			if end := errors.Join(file.Sync(), file.Close()); err == nil {
				err = end
			}
		}()
		out = file
	}
	lines := bufio.NewWriter(out)
	count := 0
	err = eachRecord(ctx, a, admin.AuditQuery{}, func(r audit.Record) error {
		line, err := r.Line()
		if err == nil {
			count++
			_, err = lines.Write(append(line, '\n'))
		}
		return err
	})
	if err = errors.Join(err, lines.Flush()); err != nil || c.File == "-" {
		return err
	}
	return a.show(map[string]any{"file": c.File, "records": count}, func(w io.Writer) { fmt.Fprintf(w, "%d records written to %s\n", count, c.File) })
}

type auditHead struct{}

// Run implements the command.
func (*auditHead) Run(ctx context.Context, a *app) error {
	head, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.AuditHead, error) { return n.AuditHead(ctx) })
	if err != nil {
		return err
	}
	return a.show(head, func(w io.Writer) { lines(w, "head", head.Head.String(), "key", head.Key) })
}

type auditVerify struct {
	File    string   `arg:"" optional:"" help:"Lines of JSON that were exported; the running node's records if left out."`
	Against []string `placeholder:"HEAD" help:"A head that was noted: number and hash, or a file with one in each line. May be given several times."`
	Peers   bool     `help:"Ask the other sides for the heads that they keep of this node's record, and hold it against those too."`
	Key     string   `placeholder:"HEX" help:"With a file: the node's key, as audit head prints it, to check who removed records."`
}

// Run implements the command.
func (c *auditVerify) Run(ctx context.Context, a *app) error {
	heads, err := headsOf(c.Against)
	if err != nil {
		return err
	}
	key, err := keyOf(c.Key)
	if err != nil {
		return err
	}
	var peers []admin.Witness
	if c.Peers {
		if peers, err = ask(ctx, a, func(ctx context.Context, n *client.Client) ([]admin.Witness, error) { return n.AuditWitnesses(ctx) }); err != nil {
			return err
		}
		for _, w := range peers {
			heads = append(heads, w.Heads...)
		}
	}
	var report audit.Report
	if c.File != "" {
		report, err = verifyFile(c.File, audit.NewChecker(key, heads...))
	} else {
		report, err = verifyNode(ctx, a, key, heads)
	}
	if fault := (*audit.Fault)(nil); errors.As(err, &fault) {
		return &failure{
			Kind: admin.KindInvalid, Message: "the record is not what it was: " + clean(fault.Error()),
			Hint: keepers(peers, fault.Number) + "compare with an export or a backup; the heads in logs and backups tell since when",
		}
	}
	if err != nil {
		return err
	}
	return a.show(verified{report, peers}, func(w io.Writer) {
		fmt.Fprintf(w, "%d records are whole, from %d to %d\n", report.Records, report.First, report.Last)
		lines(w, "head", report.Head.String())
		for _, p := range peers {
			if p.Problem != "" {
				fmt.Fprintf(w, "%s was not asked: %s\n", p.Connection, clean(p.Problem))
			} else {
				fmt.Fprintf(w, "%s keeps %d heads\n", p.Connection, len(p.Heads))
			}
		}
		if len(heads) > 0 {
			fmt.Fprintf(w, "%d noted heads hold\n", report.Held)
		} else {
			fmt.Fprintln(w, "nothing was noted to hold it against: an end that was cut off would not show (--against, --peers)")
		}
		if report.Gone > 0 {
			fmt.Fprintf(w, "%d noted heads are of records that were removed\n", report.Gone)
		}
		if report.Pruned > 0 {
			fmt.Fprintf(w, "records up to %d were removed, and that is on record\n", report.Pruned)
		}
	})
}

// verified is what a check came to, and which peers were asked.
type verified struct {
	audit.Report
	Peers []admin.Witness `json:"peers,omitempty"`
}

// keepers names the peers that keep heads of what is wrong, or of what came behind it.
func keepers(peers []admin.Witness, number uint64) string {
	var names []string
	for _, p := range peers {
		if slices.ContainsFunc(p.Heads, func(h audit.Head) bool { return h.Number >= number }) {
			names = append(names, p.Connection)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "other heads are kept by " + strings.Join(names, ", ") + "; "
}

type auditKept struct {
	Connection string `arg:"" help:"The connection whose other side's record it is."`
}

// Run implements the command.
func (c *auditKept) Run(ctx context.Context, a *app) error {
	kept, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.Witness, error) {
		return n.Witnessed(ctx, c.Connection)
	})
	if err != nil {
		return err
	}
	return a.show(kept, func(w io.Writer) {
		for _, h := range kept.Heads {
			fmt.Fprintln(w, h)
		}
	})
}

// headsOf reads heads, and files of them.
func headsOf(texts []string) ([]audit.Head, error) {
	var out []audit.Head
	for _, text := range texts {
		all := []string{text}
		if !strings.Contains(text, ":") {
			raw, err := os.ReadFile(text)
			if err != nil {
				return nil, invalid("a head is a number, a colon and 64 digits", "%s is no head, and no file of heads: %v", text, err)
			}
			all = strings.Fields(string(raw))
		}
		for _, one := range all {
			head, err := audit.ParseHead(one)
			if err != nil {
				return nil, invalid("", "%v", err)
			}
			out = append(out, head)
		}
	}
	return out, nil
}

func keyOf(text string) (ed25519.PublicKey, error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != 0 && len(raw) != ed25519.PublicKeySize {
		return nil, invalid("`parley audit head` prints it", "--key wants 64 digits")
	}
	if len(raw) == 0 {
		return nil, nil
	}
	return raw, nil
}

// verifyFile checks lines that were exported.
func verifyFile(name string, c *audit.Checker) (audit.Report, error) {
	file, err := os.Open(name)
	if err != nil {
		return audit.Report{}, invalid("", "%v", err)
	}
	defer func() { _ = file.Close() }() // only read from
	in := bufio.NewScanner(file)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		if err := c.Line(in.Bytes()); err != nil {
			return audit.Report{}, err
		}
	}
	if err := in.Err(); err != nil {
		return audit.Report{}, invalid("", "read %s: %v", name, err)
	}
	return c.End()
}

// verifyNode checks the records of the running node.
func verifyNode(ctx context.Context, a *app, key ed25519.PublicKey, heads []audit.Head) (audit.Report, error) {
	now, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.AuditHead, error) { return n.AuditHead(ctx) })
	if err == nil && key == nil {
		key, err = keyOf(now.Key)
	}
	if err != nil {
		return audit.Report{}, err
	}
	// The node's own head belongs to those that must hold.
	c := audit.NewChecker(key, append(heads, now.Head)...)
	err = eachRecord(ctx, a, admin.AuditQuery{}, func(r audit.Record) error {
		line, err := r.Line()
		if err != nil {
			return err
		}
		return c.Line(line)
	})
	if err != nil {
		return audit.Report{}, err
	}
	report, err := c.End()
	if report.Held > 0 && now.Head.Number > 0 {
		report.Held--
	}
	return report, err
}

type auditPrune struct {
	Before past   `required:"" placeholder:"TIME" help:"Remove what was recorded before: 2026-12-24, or 365d for a year ago."`
	Reason string `required:"" placeholder:"TEXT" help:"Why, for the record."`
}

// Run implements the command.
func (c *auditPrune) Run(ctx context.Context, a *app) error {
	count, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (int, error) {
		return n.PruneAudit(ctx, admin.AuditPruneRequest{Before: c.Before.Time, Reason: c.Reason})
	})
	if err != nil {
		return err
	}
	return a.show(map[string]int{"removed": count}, func(w io.Writer) { fmt.Fprintf(w, "removed: %d\n", count) })
}
