package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"parley/node/admin"
	"parley/node/admin/client"
)

const loadPause = 300 * time.Millisecond

type connectionLoad struct {
	Name   string `arg:"" optional:"" help:"The connection; the only one in parley.yaml if left out."`
	Query  string `xor:"what" placeholder:"TEXT" help:"Only what this query finds, in the tracker's own language."`
	Keys   string `xor:"what" type:"path" placeholder:"FILE" help:"Only the tickets whose keys stand in a file, one a line."`
	Limit  int    `placeholder:"N" help:"At most so many."`
	Rate   rate   `placeholder:"5/s" help:"At most so many a second (5/s), minute (60/m) or hour."`
	DryRun bool   `help:"Only count what would be taken in."`
	Show   bool   `xor:"do" help:"Show the load under way, or the last one."`
	Pause  bool   `xor:"do" help:"Take nothing more in for a while; what was taken in goes on."`
	Resume bool   `xor:"do" help:"Go on with a load that was paused."`
	Abort  bool   `xor:"do" help:"End the load under way; what was taken in stays."`
}

// rate is tickets a second, written as 5/s.
type rate float64

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *rate) UnmarshalText(text []byte) error {
	number, unit, _ := strings.Cut(string(text), "/")
	per, known := map[string]float64{"": 1, "s": 1, "m": 60, "h": 3600}[unit]
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || !(n > 0) || n > 10_000 {
		return fmt.Errorf("want a rate as 5/s, 60/m or 500/h, not %.20q", text)
	}
	*r = rate(n / per)
	return nil
}

// Run implements the command.
func (c *connectionLoad) Run(ctx context.Context, a *app) error {
	name, err := a.nameOf(c.Name)
	if err != nil {
		return err
	}
	node, err := a.node()
	if err != nil {
		return err
	}
	var load admin.Load
	switch {
	case c.Show:
		load, err = node.Load(ctx, name)
	case c.Abort:
		load, err = node.AbortLoad(ctx, name)
	case c.Pause:
		load, err = node.PauseLoad(ctx, name)
	case c.Resume:
		load, err = node.ResumeLoad(ctx, name)
	default:
		load, err = c.start(ctx, a, node, name)
	}
	if err != nil {
		return err
	}
	if err := a.show(load, func(w io.Writer) { fmt.Fprintln(w, loadText(load)) }); err != nil {
		return err
	}
	if load.Error != "" {
		return &failure{Kind: admin.KindTracker, Message: "the load ended: " + load.Error, Hint: "start it again: what is in step already is passed over"}
	}
	return nil
}

// start begins a load and shows how it goes on until it is over.
func (c *connectionLoad) start(ctx context.Context, a *app, node *client.Client, name string) (admin.Load, error) {
	if c.Limit < 0 {
		return admin.Load{}, usageError("", "a limit is a positive number")
	}
	request := admin.LoadRequest{Query: c.Query, Limit: c.Limit, Rate: float64(c.Rate), DryRun: c.DryRun}
	if c.Keys != "" {
		var err error
		if request.Keys, err = readKeys(c.Keys); err != nil {
			return admin.Load{}, err
		}
	}
	load, err := node.StartLoad(ctx, name, request)
	if err != nil {
		return admin.Load{}, err
	}
	progress := progress{w: cleanWriter{a.err}, raw: a.err, live: terminal(a.err)}
	for load.UnderWay() {
		progress.show(loadText(load) + " · Ctrl-C is safe")
		select {
		case <-ctx.Done():
		case <-time.After(loadPause):
		}
		if load, err = node.Load(ctx, name); err != nil {
			progress.end()
			if ctx.Err() != nil {
				return admin.Load{}, &failure{
					Kind: kindInterrupted, Message: "the display ended; the load goes on",
					Hint: fmt.Sprintf("parley connection load %s --show, --pause, or --abort to end it", name),
				}
			}
			return admin.Load{}, err
		}
	}
	progress.end()
	return load, nil
}

// loadText is a load in one line.
func loadText(l admin.Load) string {
	parts := []string{thousands(l.Done) + "/" + thousands(l.Total)}
	if l.State != "running" {
		parts = append([]string{l.State}, parts...)
	}
	if l.DryRun {
		parts = append(parts, "dry run")
	}
	if l.Skipped > 0 {
		parts = append(parts, thousands(l.Skipped)+" not in scope")
	}
	parts = append(parts, thousands(l.Parked)+" parked")
	if l.Rate > 0 {
		parts = append(parts, fmt.Sprintf("%.1f/s", l.Rate))
	}
	if l.ETA > 0 && l.State != "paused" {
		parts = append(parts, "ETA "+eta(seconds(l.ETA)))
	}
	return strings.Join(parts, " · ")
}

// eta is a duration as roughly as it is known.
func eta(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()+0.5))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()+0.5))
	}
	return fmt.Sprintf("%dh", int(d.Hours()+0.5))
}

// thousands writes 3980 as 3,980.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// progress shows one line that changes: in place at a terminal, else a line
// each time it has changed and a while has passed.
type progress struct {
	w    io.Writer // cleaned
	raw  io.Writer
	live bool
	last string
	at   time.Time
}

func (p *progress) show(text string) {
	if text == p.last || !p.live && time.Since(p.at) < 5*time.Second {
		return
	}
	p.last, p.at = text, time.Now()
	if p.live {
		fmt.Fprint(p.raw, "\r\x1b[K")
		fmt.Fprint(p.w, text)
		return
	}
	fmt.Fprintln(p.w, text)
}

func (p *progress) end() {
	if p.live && p.last != "" {
		fmt.Fprintln(p.raw)
	}
}
