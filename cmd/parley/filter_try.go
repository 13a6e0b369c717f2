package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"parley/node/admin"
	"parley/node/admin/client"
)

type filterTry struct {
	Key        string `arg:"" optional:"" help:"Key of a ticket, as people use it."`
	Entry      string `placeholder:"ID" help:"Instead of a ticket, an event of the other side that waits, by its id in queue list: a ticket that is still to be created has no key."`
	Connection string `short:"c" placeholder:"NAME" help:"The connection; the only one in parley.yaml if left out."`
	Out        string `type:"path" placeholder:"FILE" help:"An outgoing filter instead of the one in force."`
	In         string `type:"path" placeholder:"FILE" help:"An incoming filter instead of the one in force."`
}

// Run implements the command.
func (c *filterTry) Run(ctx context.Context, a *app) error {
	if (c.Key == "") == (c.Entry == "") {
		return usageError("parley filter try --help", "name a ticket, or an event with --entry")
	}
	name, err := a.nameOf(c.Connection)
	if err != nil {
		return err
	}
	request := admin.TryRequest{Connection: name, Key: c.Key, Entry: c.Entry}
	for _, f := range []struct {
		name string
		into *string
	}{{c.Out, &request.Out}, {c.In, &request.In}} {
		if f.name == "" {
			continue
		}
		if *f.into, err = readFilter(f.name); err != nil {
			return invalid("", "read the filter: %v", err)
		}
	}
	result, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.TryResult, error) { return n.Try(ctx, request) })
	if err != nil {
		return err
	}
	return a.show(result, func(w io.Writer) { showTry(w, result) })
}

func showTry(w io.Writer, r admin.TryResult) {
	scope := "in scope"
	if !r.Matches {
		scope = "not in scope: nothing would leave"
	}
	if r.Key != "" {
		lines(w, "ticket", r.Key, "scope", scope, "stopped", r.Stop,
			"replica", fmt.Sprintf("%d fields, %d comments, %d files", len(r.Replica), r.Comments, len(r.Files)),
			"files", strings.Join(r.Files, ", "))
	}
	for _, finding := range r.Findings {
		fmt.Fprintf(w, "held back: %s\n", clean(finding))
	}
	showLines(w, "outgoing filter", r.Lines)
	if r.Leaving != nil {
		showLeaving(w, r.Leaving)
	}
	if r.Entering != nil {
		showEntering(w, r.Entering)
	}
	showUnread(w, r.Unread)
}

func showLines(w io.Writer, title string, all []admin.TryLine) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	var rows [][]string
	for _, line := range all {
		value := valueText(line.Value)
		if line.Why != "" {
			value = ""
		}
		rows = append(rows, []string{fmt.Sprint(line.Line), line.Target, value, line.Why})
	}
	table(w, "LINE|TARGET|VALUE|WHY NOT", rows)
}

func showLeaving(w io.Writer, l *admin.TryLeaving) {
	fmt.Fprintln(w, "\nwhat would leave now")
	showFields(w, "put back here first: ", l.Restore, true)
	if l.Why != "" {
		fmt.Fprintf(w, "nothing: %s\n", clean(l.Why))
		return
	}
	showFields(w, "", l.Fields, slices.ContainsFunc(l.Fields, func(f admin.TryField) bool { return f.Now != nil }))
	for i := range l.Comments {
		showComment(w, &l.Comments[i])
	}
	for i := range l.Files {
		showFile(w, &l.Files[i])
	}
}

func showEntering(w io.Writer, e *admin.TryEntering) {
	showLines(w, "incoming filter", e.Lines)
	what := "what they last said would write, if they said all of it again"
	if e.Waits {
		what = "what their event that waits here would write"
	}
	fmt.Fprintf(w, "\n%s\n", what)
	switch {
	case e.Why != "":
		fmt.Fprintf(w, "nothing: %s\n", clean(e.Why))
	case len(e.Writes) == 0:
		fmt.Fprintln(w, "nothing: the ticket is so already")
	}
	for i := range e.Writes {
		write := &e.Writes[i]
		for _, m := range write.Makes {
			fmt.Fprintf(w, "%s: %s is made, if it is not there\n", m.Kind, clean(m.Name))
		}
		if write.Kind == "create" {
			fmt.Fprintln(w, "a ticket is created")
		}
		showFields(w, "", write.Fields, write.Kind != "create")
		if write.Comment != nil {
			showComment(w, write.Comment)
		}
		if write.File != nil {
			showFile(w, write.File)
		}
		if write.Removes != "" {
			fmt.Fprintf(w, "deleted: %s\n", clean(write.Removes))
		}
	}
	if len(e.Kept) > 0 {
		fmt.Fprintf(w, "ours stays: %s\n", clean(strings.Join(e.Kept, ", ")))
	}
	if len(e.Disputed) > 0 {
		fmt.Fprintf(w, "a person decides: %s\n", clean(strings.Join(e.Disputed, ", ")))
	}
	if len(e.Via) > 0 {
		fmt.Fprintf(w, "the status goes by way of: %s\n", clean(strings.Join(e.Via, ", ")))
	}
	if e.Declined > 0 {
		fmt.Fprintf(w, "declined: %d comments and files\n", e.Declined)
	}
}

// showFields prints a line for each field, or two where it is known what it was.
func showFields(w io.Writer, before string, fields []admin.TryField, known bool) {
	for _, f := range fields {
		fmt.Fprintf(w, "%s%s\n", before, clean(f.Name))
		if known {
			fmt.Fprintf(w, "  - %s\n", cut(clean(valueText(f.Now)), longest))
		}
		fmt.Fprintf(w, "  + %s\n", cut(clean(valueText(f.To)), longest))
	}
}

// longest is as much of a value as a line of a difference shows; --json has all of it.
const longest = 400

func showComment(w io.Writer, c *admin.TryComment) {
	what := "comment"
	if c.Edits {
		what = "edited comment"
	}
	if c.Internal {
		what += ", internal"
	}
	if c.Author != "" {
		what += " of " + clean(c.Author)
	}
	fmt.Fprintf(w, "%s\n  + %s\n", what, cut(clean(c.Body), longest))
}

func showFile(w io.Writer, f *admin.TryFile) {
	if f.Withdrawn {
		fmt.Fprintf(w, "file\n  - %s is asked back\n", clean(f.Name))
		return
	}
	fmt.Fprintf(w, "file\n  + %s, %d bytes\n", clean(f.Name), f.Size)
}
