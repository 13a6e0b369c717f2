package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"parley/adapters/all"
	"parley/node/admin/client"
	"parley/node/config"
)

// app is what all commands share.
type app struct {
	process
	json   bool
	file   string // the configuration's
	socket string // where the node lets others in; "" is its own
	helped bool   // help was printed, there is nothing else to do
}

// load reads the configuration.
func (a *app) load() (*config.Config, error) { return a.loadWith(nil) }

func (a *app) loadWith(flags map[string]string) (*config.Config, error) {
	cfg, err := config.Load(a.file, config.Options{Kinds: all.Kinds(), Getenv: a.getenv, Flags: flags})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, invalid("make a node with `parley init`, or name its configuration with --config", "there is no %s", a.file)
	}
	return cfg, err
}

// dir is the node's folder.
func (a *app) dir() (string, error) {
	cfg, err := a.load()
	if err != nil {
		return "", err
	}
	return cfg.Path(cfg.Node.Dir), nil
}

// node is the running node.
func (a *app) node() (*client.Client, error) {
	if a.socket != "" {
		return client.At(a.socket), nil
	}
	dir, err := a.dir()
	if err != nil {
		return nil, err
	}
	return client.New(dir), nil
}

// ask asks the running node one thing.
func ask[T any](ctx context.Context, a *app, question func(context.Context, *client.Client) (T, error)) (T, error) {
	node, err := a.node()
	if err != nil {
		var none T
		return none, err
	}
	out, err := question(ctx, node)
	return out, errors.Join(err, node.Close())
}

// show prints a result: as JSON, or as text tells it.
func (a *app) show(v any, text func(w io.Writer)) error {
	if !a.json {
		w := &sticky{to: cleanWriter{a.out}}
		text(w)
		return w.err
	}
	// Programs go through a list without asking first whether there is one: jq ends with an error at null.
	if list := reflect.ValueOf(v); list.Kind() == reflect.Slice && list.IsNil() {
		v = []any{}
	}
	out := json.NewEncoder(safeJSON{a.out})
	out.SetIndent("", "  ")
	if err := out.Encode(v); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// say tells a person something that is no data.
func (a *app) say(format string, args ...any) {
	fmt.Fprintf(cleanWriter{a.err}, format+"\n", args...)
}

// terminal tells whether a person sits at a file.
func terminal(f any) bool {
	file, ok := f.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// sticky remembers the first error of many writes.
type sticky struct {
	to  io.Writer
	err error
}

// Write implements io.Writer.
func (w *sticky) Write(text []byte) (int, error) {
	if w.err == nil {
		_, w.err = w.to.Write(text)
	}
	return len(text), w.err
}

// table prints rows under a heading, in columns as wide as needed.
func table(w io.Writer, heading string, rows [][]string) {
	var out strings.Builder
	columns := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for i, row := range slices.Concat([][]string{strings.Split(heading, "|")}, rows) {
		for j, cell := range row {
			if i > 0 {
				cell = cut(clean(cell), 60)
			}
			if j > 0 {
				fmt.Fprint(columns, "\t")
			}
			fmt.Fprint(columns, cell)
		}
		fmt.Fprintln(columns)
	}
	_ = columns.Flush() // into memory
	for line := range strings.Lines(out.String()) {
		fmt.Fprintln(w, strings.TrimRight(line, " \n"))
	}
}

// lines prints names and values, leaving out what is empty.
func lines(w io.Writer, pairs ...string) {
	width := 0
	for i := 0; i < len(pairs); i += 2 {
		width = max(width, len(pairs[i]))
	}
	for i := 0; i < len(pairs); i += 2 {
		if value := clean(pairs[i+1]); value != "" {
			fmt.Fprintf(w, "%-*s  %s\n", width, pairs[i], value)
		}
	}
}

// ago tells how long ago something was.
func ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return span(time.Since(t)) + " ago"
}

// span is a duration in its two largest units.
func span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// when is a time for people, in their zone.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}
