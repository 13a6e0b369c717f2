package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"parley/adapters/all"
	"parley/filters/template"
	"parley/node/admin"
	"parley/node/config"
	"parley/node/wave"
)

// waving is what upgrade and rollback have in common.
type waving struct {
	Reason string `short:"m" placeholder:"TEXT" help:"Why; it stands in the history of each connection."`
	Author string `placeholder:"NAME" help:"Who; the account that runs the command if left out."`
	DryRun bool   `help:"Show what it changes, and put nothing in force."`
	Wider  bool   `help:"More may leave, or enter, than before."`
	Apply  bool   `help:"Look at the tickets that it changes at once, behind everything else. Otherwise each is sent with its next change, or by the daily sweep."`
	Most   int    `default:"20" placeholder:"N" help:"Run the filters on at most so many tickets of each connection before."`
}

type templateUpgrade struct {
	Template string        `arg:"" placeholder:"NAME@V" help:"The version."`
	To       percent       `xor:"wave" required:"" placeholder:"5%" help:"A share of the connections that have the template; those that run by the version already count."`
	Tag      string        `xor:"wave" required:"" placeholder:"TAG" help:"Those with this tag."`
	All      bool          `xor:"wave" required:"" help:"All of them."`
	Force    bool          `help:"Begin although more than 1 % of the tickets are parked on connections that run by the version already."`
	Settle   time.Duration `default:"30s" help:"How long to wait for what is under way before parked tickets are counted."`
	waving
}

type templateRollback struct {
	Template string `arg:"" placeholder:"NAME@V" help:"The version to go back to."`
	Force    bool   `help:"Go back although the version's tests fail today."`
	waving
}

// percent is a share, written as 5%.
type percent float64

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *percent) UnmarshalText(text []byte) error {
	n, err := strconv.ParseFloat(strings.TrimSuffix(string(text), "%"), 64)
	if err != nil || !(n > 0) || n > 100 {
		return fmt.Errorf("want a share as 5%%, not %.20q", text)
	}
	*p = percent(n)
	return nil
}

// Run implements the command.
func (c *templateUpgrade) Run(ctx context.Context, a *app) error {
	return c.run(ctx, a, c.Template, func(ctx context.Context, w wave.Wave, t *template.Template, home string) (wave.Report, error) {
		if !c.DryRun {
			if err := template.Keep(home, t); err != nil {
				return wave.Report{}, err
			}
		}
		w.Share, w.Tag, w.Settle, w.Force = float64(c.To), c.Tag, c.Settle, c.Force
		return w.Run(ctx)
	})
}

// Run implements the command.
func (c *templateRollback) Run(ctx context.Context, a *app) error {
	return c.run(ctx, a, c.Template, func(ctx context.Context, w wave.Wave, _ *template.Template, _ string) (wave.Report, error) {
		w.Force = c.Force
		return w.Back(ctx)
	})
}

// run prepares a wave, lets it run and shows what became of it.
func (c *waving) run(ctx context.Context, a *app, text string, do func(context.Context, wave.Wave, *template.Template, string) (wave.Report, error)) error {
	if c.Reason == "" && !c.DryRun {
		return usageError("", "say with --reason why the filters change")
	}
	cfg, err := a.load()
	if err != nil {
		return err
	}
	t, err := findTemplate(cfg, text)
	if err != nil {
		return err
	}
	if !strings.Contains(text, "@") {
		return usageError("as "+t.Ref.String(), "which version of %s is meant?", text)
	}
	node, err := a.node()
	if err != nil {
		return err
	}
	publishing := publishing{Author: c.Author}
	w := wave.Wave{
		Node: node, To: t.Ref, DryRun: c.DryRun, Wider: c.Wider, Apply: c.Apply, Most: c.Most,
		Author: publishing.author(), Reason: c.Reason,
		Set: func(refs map[string]string) error {
			return config.Edit(cfg.File(), config.Options{Kinds: all.Kinds(), Getenv: a.getenv}, func(text []byte) ([]byte, error) {
				return config.WithTemplates(text, refs)
			}, nil)
		},
		Tell: func(s wave.Step) { a.say("%d/%d  %s", s.Number, s.Count, clean(stepText(s))) },
	}
	report, err := do(ctx, w, t, cfg.Home())
	defer func() { _ = node.Close() }() // only asked
	if err != nil {
		return err
	}
	if !c.DryRun && len(report.Steps) > 0 {
		// The node reads what parley.yaml says; what is in force does not depend on it.
		if err := node.Reload(ctx); err != nil {
			a.say("warning: %v", err)
		}
	}
	if err := a.show(report, func(w io.Writer) { showWave(w, report, c.DryRun) }); err != nil {
		return err
	}
	if report.Stopped != "" || report.Failed > 0 {
		return &failure{Kind: admin.KindConflict, Message: "not all connections run by " + report.Template, Hint: "mend what is wrong and run it again, or go back: parley template rollback"}
	}
	return nil
}

// stepText is one connection of a wave in a line.
func stepText(s wave.Step) string {
	text := s.Connection + ": " + s.Outcome
	switch s.Outcome {
	case wave.Same:
		text = s.Connection + ": runs by it already"
	case wave.Configured:
		text = s.Connection + ": nobody has joined yet; parley.yaml names it"
	case wave.Would:
		text = s.Connection + ": would be upgraded"
	}
	if s.Changed > 0 {
		text += fmt.Sprintf(", %s would be sent something else", count(s.Changed, "ticket"))
	}
	if s.Held > 0 {
		text += fmt.Sprintf(", %d held", s.Held)
	}
	if len(s.Wider) > 0 {
		text += "; more than before: " + strings.Join(s.Wider, "; ")
	}
	if s.Error != "" {
		text += ": " + s.Error
	}
	return text
}

func showWave(w io.Writer, r wave.Report, dry bool) {
	by := map[string]int{}
	for _, s := range r.Steps {
		by[s.Outcome]++
	}
	done := "upgraded"
	n := by[wave.Upgraded]
	if dry {
		done, n = "would be upgraded", by[wave.Would]
	}
	lines(w, "template", r.Template, "connections", fmt.Sprintf("%d have it, %d in this wave", r.All, r.Wave),
		"in force", fmt.Sprintf("%d before, %d %s, %d failed", r.Already+by[wave.Same], n, done, r.Failed),
		"tickets", fmt.Sprintf("%d in step, %d held, %d parked since", r.Tickets, r.Held, r.Parked))
	if by[wave.Configured] > 0 {
		fmt.Fprintf(w, "%s that nobody has joined yet: parley.yaml names the version\n", count(by[wave.Configured], "connection"))
	}
	if r.Under > 0 {
		fmt.Fprintf(w, "%d changes were still under way when parked tickets were counted\n", r.Under)
	}
	if r.Stopped != "" {
		fmt.Fprintf(w, "stopped: %s\n", r.Stopped)
	}
}
