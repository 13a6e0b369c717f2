package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"parley/node/admin"
	"parley/node/admin/client"
	"parley/sync/connection"
)

type connectionInvite struct {
	Name     string        `arg:"" optional:"" help:"Our name for the connection; the only one in parley.yaml if left out."`
	Valid    time.Duration `default:"24h" help:"How long the code can be used."`
	Conflict string        `default:"newest" enum:"ours,theirs,newest,ask,ask-theirs" help:"Whose value stays when both sides changed a field: ours, theirs, newest; or ask our people, or theirs: ask, ask-theirs."`
}

// Run implements the command.
func (c *connectionInvite) Run(ctx context.Context, a *app) error {
	if c.Valid <= 0 {
		return usageError("as --valid 24h", "an invitation must be valid for some time")
	}
	name, err := a.nameOf(c.Name)
	if err != nil {
		return err
	}
	invitation, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.Invitation, error) {
		return n.Invite(ctx, admin.InviteRequest{Name: name, Valid: c.Valid.Seconds(), Conflict: c.Conflict})
	})
	if err != nil {
		return err
	}
	if !a.json {
		a.say("Hand this code to the other side's admin over a way that you trust. It works once, until %s.", when(invitation.Expires))
		a.say("There: parley connection accept CODE. Then call each other: parley connection words %s", name)
	}
	return a.show(invitation, func(w io.Writer) { fmt.Fprintln(w, invitation.Code) })
}

type connectionAccept struct {
	Code string `arg:"" help:"The code; - reads it from standard input."`
	Name string `placeholder:"NAME" help:"Our name for the connection; the only one in parley.yaml if left out."`
	Yes  bool   `help:"Do not ask whether to dial the address of the code."`
}

const maxCode = 4 << 10

// Run implements the command.
func (c *connectionAccept) Run(ctx context.Context, a *app) error {
	name, err := a.nameOf(c.Name)
	if err != nil {
		return err
	}
	code := c.Code
	if code == "-" {
		text, err := io.ReadAll(io.LimitReader(a.in, maxCode))
		if err != nil {
			return fmt.Errorf("read the code: %w", err)
		}
		code = string(text)
	}
	if err := c.dial(ctx, a, code); err != nil {
		return err
	}
	made, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.Connection, error) {
		return n.Accept(ctx, admin.AcceptRequest{Code: strings.TrimSpace(code), Name: name})
	})
	if err != nil {
		return err
	}
	words, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.Words, error) { return n.Words(ctx, name) })
	if err != nil {
		return err
	}
	return a.show(made, func(w io.Writer) {
		fmt.Fprintf(w, "%s is joined with node %s\n", clean(made.Name), clean(made.Peer))
		showWords(w, words)
	})
}

// dial shows where the node is about to connect to; a person may say no.
func (c *connectionAccept) dial(ctx context.Context, a *app, code string) error {
	invitation, err := connection.ParseCode(code)
	if err != nil {
		return invalid("codes are copied whole, from the first character to the last", "%v", err)
	}
	if a.json {
		return nil
	}
	a.say("The code says that the other node is at %s.", clean(strings.Join(invitation.Route.Addresses, ", ")))
	if c.Yes || !terminal(a.in) || c.Code == "-" {
		return nil
	}
	yes, err := newAsker(ctx, a).yes("Connect to it (yes, no)")
	if err == nil && !yes {
		err = &failure{Kind: admin.KindConflict, Message: "nothing was connected to"}
	}
	return err
}

type connectionWords struct {
	Name string `arg:"" optional:"" help:"The connection; the only one in parley.yaml if left out."`
}

// Run implements the command.
func (c *connectionWords) Run(ctx context.Context, a *app) error {
	name, err := a.nameOf(c.Name)
	if err != nil {
		return err
	}
	words, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.Words, error) { return n.Words(ctx, name) })
	if err != nil {
		return err
	}
	return a.show(words, func(w io.Writer) { showWords(w, words) })
}

func showWords(w io.Writer, words admin.Words) {
	lines(w, "read this to the other side's admin", words.Read)
	if words.Compared {
		fmt.Fprintf(w, "Theirs were typed here, and are right. When both sides are content with what `parley connection scope --count %s` says: parley connection resume %s\n", words.Connection, words.Connection)
		return
	}
	fmt.Fprintf(w, "Call them, at a number that you know. They read four other words; type these: parley connection confirm %s WORD WORD WORD WORD\n", words.Connection)
	fmt.Fprintln(w, "Nothing passes before. If the words are not right, somebody stands between you.")
}

type connectionConfirm struct {
	Name  string   `arg:"" help:"The connection."`
	Words []string `arg:"" help:"The four words that the other side's admin reads."`
}

// Run implements the command.
func (c *connectionConfirm) Run(ctx context.Context, a *app) error {
	made, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.Connection, error) {
		return n.Confirm(ctx, c.Name, admin.ConfirmRequest{Words: strings.Join(c.Words, " ")})
	})
	if err != nil {
		return err
	}
	return a.show(made, func(w io.Writer) {
		fmt.Fprintf(w, "The words are right: nobody stands between this node and %s. %s is %s\n", clean(made.Peer), clean(made.Name), clean(made.State))
		fmt.Fprintf(w, "When both sides are content with what `parley connection scope --count %s` says: parley connection resume %s\n", made.Name, made.Name)
	})
}
