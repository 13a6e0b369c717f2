package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"parley/node/demo"
)

type demoCommand struct {
	Dir     string        `placeholder:"DIR" help:"Folder of both companies' data; a second start goes on with it. Default: in your state folder, with --once a temporary one."`
	Once    bool          `help:"Play a scenario until both desks agree, check everything, and end."`
	Kill    string        `enum:"acme,globex," default:"" placeholder:"COMPANY" help:"With --once: kill this company's node in the middle (acme or globex)."`
	Tickets int           `default:"20" placeholder:"N" help:"With --once: how many tickets are made."`
	Timeout time.Duration `default:"120s" placeholder:"TIME" help:"With --once: how long it may take."`
	Port    int           `default:"8091" placeholder:"PORT" help:"First choice for the address of the first desk; the second has the next. 0 is any."`
}

// Help implements kong.HelpProvider.
func (*demoCommand) Help() string {
	return "Two companies on this machine, each with a ticket desk and a node of its own; tickets flow both ways until Ctrl-C. " +
		"Nothing of it is reachable from elsewhere."
}

// Run implements the command.
func (c *demoCommand) Run(ctx context.Context, a *app) error {
	if c.Kill != "" && !c.Once {
		return usageError("parley demo --once --kill "+c.Kill, "--kill goes with --once")
	}
	if c.Tickets < 1 || c.Tickets > 2000 {
		return usageError("parley demo --help", "--tickets is %d, want 1 to 2000", c.Tickets)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	o := demo.Options{
		Dir: c.Dir, Port: c.Port, Out: a.out, Color: terminal(a.out) && a.getenv("NO_COLOR") == "",
		Node: func(config string) []string { return []string{self, "run", "--config", config} },
	}
	if c.Once {
		return c.once(ctx, a, o)
	}
	if o.Dir == "" {
		if o.Dir, err = stateFolder(a.getenv); err != nil {
			return err
		}
	}
	return demo.Run(ctx, o)
}

// once plays the scenario. What crosses is told on standard error: the result
// is the summary.
func (c *demoCommand) once(ctx context.Context, a *app, o demo.Options) error {
	o.Out, o.Color, o.Port = a.err, terminal(a.err) && a.getenv("NO_COLOR") == "", 0
	summary, failed := demo.Once(ctx, o, demo.Scenario{Tickets: c.Tickets, Kill: c.Kill, Deadline: c.Timeout})
	if err := a.show(summary, summary.Print); err != nil {
		return err
	}
	return failed
}

// stateFolder is where the demo's data is kept.
func stateFolder(getenv func(string) string) (string, error) {
	state := getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) { // the specification has relative ones ignored
		home, err := os.UserHomeDir()
		if err != nil {
			return "", usageError("parley demo --dir DIR", "there is no home folder to keep the demo's data in")
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "parley", "demo"), nil
}
