package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/user"
	"slices"
	"strings"

	"parley/node/admin"
	"parley/node/admin/client"
)

// publishing is how a version comes into force, new or once more.
type publishing struct {
	Connection string `short:"c" placeholder:"NAME" help:"The connection; the only one in parley.yaml if left out."`
	Reason     string `short:"m" placeholder:"TEXT" help:"Why; it stands in the history."`
	Author     string `placeholder:"NAME" help:"Who; the account that runs the command if left out."`
	DryRun     bool   `help:"Show what it changes, and put nothing in force."`
	Wider      bool   `help:"More may leave, or enter, than before."`
	Apply      bool   `help:"Look at the tickets that it changes at once, behind everything else. Otherwise each is sent with its next change, or by the daily sweep."`
	Most       int    `default:"200" placeholder:"N" help:"Run the filters on at most so many tickets in step before."`
}

type filterPublish struct{ publishing }

type filterRollback struct {
	Version string `arg:"" help:"A version of filter history, or its first digits (at least twelve)."`
	Force   bool   `help:"Go back although the version's tests fail today."`
	publishing
}

// Run implements the command.
func (c *filterPublish) Run(ctx context.Context, a *app) error {
	return c.publish(ctx, a, admin.PublishRequest{})
}

// Run implements the command.
func (c *filterRollback) Run(ctx context.Context, a *app) error {
	return c.publish(ctx, a, admin.PublishRequest{Version: c.Version, Force: c.Force})
}

// publish shows first and publishes then: what a terminal's person has seen, or what
// flags allow.
func (c *publishing) publish(ctx context.Context, a *app, r admin.PublishRequest) error {
	name, err := a.nameOf(c.Connection)
	if err != nil {
		return err
	}
	if c.Reason == "" && !c.DryRun && !terminal(a.in) {
		return usageError("", "say with --reason why the filters change")
	}
	r.Connection, r.Author, r.Reason, r.DryRun = name, c.author(), c.Reason, true
	r.Wider, r.Apply, r.Most = c.Wider, c.Apply, c.Most
	shown, err := publish(ctx, a, r)
	if err != nil {
		return err
	}
	if c.DryRun || shown.Same {
		return a.show(shown, func(w io.Writer) { showPublish(w, name, shown) })
	}
	if terminal(a.in) && !a.json {
		if err := a.show(shown, func(w io.Writer) { showPublish(w, name, shown) }); err != nil {
			return err
		}
		if err := c.confirm(ctx, a, &r, shown); err != nil {
			return err
		}
	}
	r.DryRun, r.Expect = false, shown.Version
	done, err := publish(ctx, a, r)
	if err != nil {
		return err
	}
	return a.show(done, func(w io.Writer) { showPublish(w, name, done) })
}

func publish(ctx context.Context, a *app, r admin.PublishRequest) (admin.PublishResult, error) {
	return ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.PublishResult, error) { return n.Publish(ctx, r) })
}

func (c *publishing) author() string {
	if c.Author != "" {
		return c.Author
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// confirm asks a person at a terminal for what the flags do not say.
func (c *publishing) confirm(ctx context.Context, a *app, r *admin.PublishRequest, shown admin.PublishResult) error {
	q := newAsker(ctx, a)
	question := "Put it in force (yes, no)"
	if len(shown.Wider) > 0 && !c.Wider {
		question = "More passes than before. Put it in force all the same (yes, no)"
	}
	yes, err := q.yes(question)
	if err == nil && !yes {
		err = &failure{Kind: admin.KindConflict, Message: "nothing was published"}
	}
	if err != nil {
		return err
	}
	r.Wider = true
	if r.Reason == "" {
		if r.Reason, err = q.valid("Why", "", needed); err != nil {
			return err
		}
	}
	if !r.Apply && shown.Changed > 0 {
		r.Apply, err = q.yes(fmt.Sprintf("Send %s now (yes, no)", count(shown.Changed, "ticket")))
	}
	return err
}

func needed(text string) error {
	if text == "" {
		return errors.New("it is needed")
	}
	return nil
}

// yes asks a question whose answer is no if none is given.
func (q *asker) yes(label string) (bool, error) {
	answer, err := q.valid(label, "no", func(text string) error {
		if text != "yes" && text != "no" {
			return errors.New("want yes or no")
		}
		return nil
	})
	return answer == "yes", err
}

func showPublish(w io.Writer, name string, r admin.PublishResult) {
	switch {
	case r.Same:
		fmt.Fprintf(w, "%s runs by version %s already\n", name, r.Version)
		return
	case r.Published:
		fmt.Fprintf(w, "%s runs by version %s\n", name, r.Version)
		if r.Applied > 0 {
			fmt.Fprintf(w, "%s looked at, behind everything else\n", tickets(r.Applied))
		}
		return
	}
	before := r.Before
	if before == "" {
		before = "its files as they were read"
	}
	lines(w, "connection", name, "version", r.Version, "in force", before, "tests passed", fmt.Sprint(r.Tests),
		"in step", fmt.Sprintf("%d tickets, %d looked at", r.Twins, r.Looked), "changes", changes(r))
	if len(r.Keys) > 0 {
		lines(w, "for one", strings.Join(r.Keys, ", "))
	}
	for _, failure := range r.Failures {
		fmt.Fprintf(w, "a test of it fails: %s\n", clean(failure))
	}
	for _, wider := range r.Wider {
		fmt.Fprintf(w, "more than before: %s\n", clean(wider))
	}
	showUnread(w, r.Unread)
}

func tickets(n int) string {
	if n == 1 {
		return "1 ticket is"
	}
	return fmt.Sprintf("%d tickets are", n)
}

// changes says how many tickets change, and in which fields.
func changes(r admin.PublishResult) string {
	parts := []string{count(r.Changed, "ticket") + " would be sent something else"}
	for _, name := range slices.Sorted(maps.Keys(r.Fields)) {
		parts = append(parts, fmt.Sprintf("%s of %d", name, r.Fields[name]))
	}
	for _, more := range []struct {
		n    int
		what string
	}{{r.Leave, "would leave the connection"}, {r.Held, "would be held"}, {r.Busy, "busy, not compared"}} {
		if more.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", more.n, more.what))
		}
	}
	return strings.Join(parts, "; ")
}

type filterHistory struct {
	Connection string `arg:"" optional:"" help:"The connection; the only one in parley.yaml if left out."`
}

// Run implements the command.
func (c *filterHistory) Run(ctx context.Context, a *app) error {
	name, err := a.nameOf(c.Connection)
	if err != nil {
		return err
	}
	h, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.FilterHistory, error) {
		return n.FilterHistory(ctx, name)
	})
	if err != nil {
		return err
	}
	return a.show(h, func(w io.Writer) { showHistoryOf(w, h) })
}

func showHistoryOf(w io.Writer, h admin.FilterHistory) {
	if len(h.Versions) == 0 {
		fmt.Fprintf(w, "%s runs by its files as they were read; nothing was published\n", h.Connection)
		return
	}
	var rows [][]string
	for _, v := range h.Versions {
		note := ""
		switch {
		case v.InForce:
			note = "in force"
		case v.Rollback:
			note = "went back"
		}
		rows = append(rows, []string{v.Version, when(v.At), v.Author, v.Reason, note})
	}
	table(w, "VERSION|SINCE|BY|WHY|", rows)
	showDrift(w, h)
}

// showDrift tells if the files say something else than what is in force.
func showDrift(w io.Writer, h admin.FilterHistory) {
	switch {
	case h.Problem != "":
		fmt.Fprintf(w, "the files of %s cannot be published: %s\n", h.Connection, clean(h.Problem))
	case h.Drift:
		fmt.Fprintf(w, "the files of %s say something else than version %s, which stays in force: parley filter diff, parley filter publish\n", h.Connection, h.Versions[0].Version)
	}
}

type filterDiff struct {
	From       string `arg:"" optional:"" help:"A version of filter history (twelve digits suffice), or files; what is in force if left out."`
	To         string `arg:"" optional:"" help:"A version, or files; the files if left out."`
	Connection string `short:"c" placeholder:"NAME" help:"The connection; the only one in parley.yaml if left out."`
}

// Run implements the command.
func (c *filterDiff) Run(ctx context.Context, a *app) error {
	name, err := a.nameOf(c.Connection)
	if err != nil {
		return err
	}
	d, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.FilterDiff, error) {
		return n.FilterDiff(ctx, name, c.From, c.To)
	})
	if err != nil {
		return err
	}
	return a.show(d, func(w io.Writer) {
		if len(d.Parts) == 0 {
			fmt.Fprintf(w, "%s and %s are alike\n", d.From, d.To)
		}
		for _, p := range d.Parts {
			fmt.Fprintf(w, "%s\n", clean(p.Part))
			for _, line := range p.Lines {
				fmt.Fprintf(w, "%s\n", line) // w takes escapes out
			}
		}
	})
}
