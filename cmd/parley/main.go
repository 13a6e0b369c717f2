// Command parley is a ticket sync node and everything that an admin does with
// one. `parley run` is the node; the other commands talk to it over the socket
// in its folder, or look at its files.
//
// Data goes to standard output, everything else to standard error. With --json
// both are JSON. Text that came from a tracker or a peer reaches the terminal
// without control characters. Exit codes are in exit.go.
//
// A command decides nothing that the node decides: it sends a request and shows the
// answer, so that a script over --json, the socket and the command line see the same.
// Only what must work without a node reads files itself: init, config, secret, filter
// check, and the backups of a node that is stopped, whose folder it takes meanwhile.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process whatever it does
	code := execute(ctx, os.Args[1:], process{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv})
	stop()
	os.Exit(code)
}

// process is what a command has of the operating system.
type process struct {
	in     *os.File
	out    io.Writer
	err    io.Writer
	getenv func(string) string
}

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args []string, p process) int {
	a := &app{process: p, json: slices.Contains(args, "--json")}
	cli, parser, err := newParser(a)
	if err != nil {
		return a.fail(err)
	}
	parsed, err := parser.Parse(args)
	if a.helped {
		return exitOK
	}
	if err != nil {
		return a.fail(usage(err))
	}
	a.json, a.file, a.socket = cli.JSON, cli.Config, cli.Socket
	parsed.BindTo(ctx, (*context.Context)(nil))
	if err := parsed.Run(a); err != nil {
		return a.fail(err)
	}
	return exitOK
}

// newParser makes the command line of the commands.
func newParser(a *app) (*commands, *kong.Kong, error) {
	cli := &commands{}
	parser, err := kong.New(cli,
		kong.Name("parley"),
		kong.Description("Keeps tickets of two organisations in step, each behind its own filters."),
		kong.Writers(a.out, a.err),
		kong.Exit(func(int) { a.helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Help(help),
	)
	return cli, parser, err
}

// help is kong's, with the exit codes below the whole program's.
func help(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	if ctx.Selected() == nil {
		_, err := io.WriteString(ctx.Stdout, "\n"+exitTable())
		return err
	}
	return nil
}
