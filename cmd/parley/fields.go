package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"parley/node/admin"
	"parley/node/admin/client"
	"parley/sync/event"
)

type connectionFields struct {
	Name string `arg:"" optional:"" help:"The connection; the only one in parley.yaml if left out."`
	Seen bool   `help:"The changes shown are known now: nobody is told of them any more."`
}

// Run implements the command.
func (c *connectionFields) Run(ctx context.Context, a *app) error {
	name, err := a.nameOf(c.Name)
	if err != nil {
		return err
	}
	f, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.Fields, error) {
		if c.Seen {
			return n.FieldsSeen(ctx, name)
		}
		return n.Fields(ctx, name)
	})
	if err != nil {
		return err
	}
	return a.show(f, func(w io.Writer) { showSent(w, f) })
}

func showSent(w io.Writer, f admin.Fields) {
	if f.Theirs == nil {
		fmt.Fprintf(w, "the other side of %s has not said what it sends: it has not been reached, or is of a version that does not say it\n", clean(f.Connection))
	} else {
		fmt.Fprintf(w, "what the other side of %s sends, since %s\n\n", clean(f.Connection), when(f.At))
		showSide(w, *f.Theirs)
	}
	if len(f.Changes) > 0 {
		fmt.Fprintf(w, "\nwhat changed since %s\n", when(f.Changed))
		for _, line := range f.Changes {
			fmt.Fprintf(w, "  %s\n", clean(line))
		}
		fmt.Fprintf(w, "when that is known: parley connection fields %s --seen\n", clean(f.Connection))
	}
	showUnread(w, f.Unread)
	held := "it knows"
	if !f.Held {
		held = "it does not know yet"
	}
	fmt.Fprintf(w, "\nwhat we send, as %s\n\n", held)
	showSide(w, f.Ours)
}

func showSide(w io.Writer, s admin.Sent) {
	var rows [][]string
	for _, field := range s.Fields {
		rows = append(rows, []string{field.Name, string(field.Type), strings.Join(field.Options, ", ")})
	}
	for _, one := range []struct {
		sent bool
		name string
	}{{s.Comments, "comments"}, {s.Attachments, "attachments"}} {
		if one.sent {
			rows = append(rows, []string{one.name, "", ""})
		}
	}
	table(w, "FIELD|TYPE|OPTIONS", rows)
}

// showUnread prints the places in the incoming filter that read nothing, each with
// the line and a caret.
func showUnread(w io.Writer, all []admin.Unread) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintln(w, "\nwhat the incoming filter reads and they do not send")
	for _, one := range all {
		fmt.Fprintln(w, one.Text) // w takes escapes out
	}
}

// peers asks the running node what the other sides of connections say that they
// send. A connection that does not work yet has nothing to say.
func (a *app) peers(ctx context.Context, names []string) map[string]event.Schema {
	ctx, cancel := context.WithTimeout(ctx, schemaWait)
	defer cancel()
	out := map[string]event.Schema{}
	for _, name := range names {
		f, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.Fields, error) { return n.Fields(ctx, name) })
		if none := (*client.NoNode)(nil); errors.As(err, &none) {
			return out // as was said for the tracker's fields
		}
		if err == nil {
			out[name] = f.Theirs.Schema()
		}
	}
	return out
}
