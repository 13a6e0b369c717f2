package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"parley/node/admin"
	"parley/node/admin/client"
)

type connectionPreview struct {
	Name  string   `arg:"" optional:"" help:"The connection; the only one in parley.yaml if left out."`
	Query string   `placeholder:"TEXT" xor:"which" help:"Tickets that this query finds, in the tracker's own language; the connection's query if left out."`
	Key   []string `placeholder:"KEY" xor:"which" help:"These tickets; may be given several times."`
	Limit int      `default:"20" help:"At most so many tickets."`
	Full  bool     `help:"Show every value whole."`
}

// Run implements the command.
func (c *connectionPreview) Run(ctx context.Context, a *app) error {
	name, err := a.nameOf(c.Name)
	if err != nil {
		return err
	}
	if c.Limit < 1 || c.Limit > 5000 {
		return usageError("", "--limit is a number from 1 to 5000")
	}
	result, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.Preview, error) {
		return n.Preview(ctx, name, admin.PreviewRequest{Query: c.Query, Keys: c.Key, Limit: c.Limit})
	})
	if err != nil {
		return err
	}
	return a.show(result, func(w io.Writer) { showPreview(w, result, c.Full) })
}

func showPreview(w io.Writer, p admin.Preview, full bool) {
	for _, t := range p.Tickets {
		showPreviewTicket(w, t, full)
	}
	more := ""
	if p.Cut {
		more = " (and there are more: --limit)"
	}
	fmt.Fprintf(w, "%s tickets%s: %s would leave, %s would be held, %s stay; %s bytes, %s of files. Nothing has left.\n",
		thousands(p.Listed), more, thousands(p.Leaving), thousands(p.Held), thousands(p.Staying), thousands(p.Bytes), thousands(int(p.FileBytes)))
}

func showPreviewTicket(w io.Writer, t admin.PreviewTicket, full bool) {
	fmt.Fprintf(w, "%s  %s", clean(t.Key), t.State)
	if t.State != "stays" {
		fmt.Fprintf(w, "  %s bytes", thousands(t.Bytes))
	}
	if t.FileBytes > 0 {
		fmt.Fprintf(w, " and %s of files", thousands(int(t.FileBytes)))
	}
	if t.Why != "" && len(t.Findings) == 0 {
		fmt.Fprintf(w, ": %s", clean(t.Why))
	}
	fmt.Fprintln(w)
	for _, f := range t.Findings {
		fmt.Fprintf(w, "  found    %s\n", clean(f.Text))
	}
	for _, f := range t.Fields {
		fmt.Fprintf(w, "  field    %s  %s bytes  %s\n", clean(f.Name), thousands(f.Bytes), previewValue(f.Value, full))
	}
	for _, c := range t.Comments {
		kind := "comment "
		if c.Internal {
			kind = "internal comment "
		}
		fmt.Fprintf(w, "  %s of %s  %s bytes  %s\n", kind, clean(c.Name), thousands(c.Bytes), previewValue(c.Value, full))
	}
	for _, f := range t.Files {
		fmt.Fprintf(w, "  file     %s  %s bytes\n", clean(f.Name), thousands(int(f.Size)))
	}
}

// previewValue is a value in a line, or its beginning.
func previewValue(v any, full bool) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return "?" // it came as JSON, so this does not happen
	}
	text := []rune(clean(string(raw)))
	if !full && len(text) > 80 {
		return string(text[:80]) + "…"
	}
	return string(text)
}
