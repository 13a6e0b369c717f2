//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// options are what a run is given.
type options struct {
	seed    uint64
	minutes float64
	kills   int
	parley  string
	quiet   time.Duration
}

func main() {
	folder := flag.String("desk", "", "be the desk of a folder (torture starts itself)")
	address := flag.String("listen", "", "with -desk: the address to listen at")
	parley := flag.String("parley", "", "the program to torture; without it, it is built from ./cmd/parley")
	quiet := flag.Duration("quiet", 2*time.Minute, "how long both sides may take to fall quiet at the end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if *folder != "" {
		err = runDesk(ctx, *folder, *address)
	} else {
		err = torture(ctx, options{parley: *parley, quiet: *quiet})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
}

// fromEnvironment reads what the Makefile hands over.
func (o *options) fromEnvironment() (err error) {
	read := func(name string, parse func(text string) error) {
		if text := os.Getenv(name); text != "" && err == nil {
			if parse(text) != nil {
				err = fmt.Errorf("%s=%q is not a number", name, text)
			}
		}
	}
	o.minutes = 2
	read("SEED", func(text string) (err error) { o.seed, err = strconv.ParseUint(text, 10, 64); return err })
	read("MINUTES", func(text string) (err error) { o.minutes, err = strconv.ParseFloat(text, 64); return err })
	read("KILLS", func(text string) (err error) { o.kills, err = strconv.Atoi(text); return err })
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano())
	}
	return err
}

// summary is the line of JSON.
type summary struct {
	Seed     uint64 `json:"seed"`
	Kills    int    `json:"kills"`
	Edits    int    `json:"edits"`
	Tickets  int    `json:"tickets"`
	Comments int    `json:"comments"`
	Files    int    `json:"files"`
	// Lost, Twice, Apart, Crossed and Parked are what is wrong.
	Lost    int     `json:"lost"`
	Twice   int     `json:"twice"`
	Apart   int     `json:"apart"`
	Crossed int     `json:"crossed"`
	Parked  int     `json:"parked"`
	Quiet   float64 `json:"quiet_seconds"`
	Seconds float64 `json:"seconds"`
}

func torture(ctx context.Context, o options) (err error) {
	if err := o.fromEnvironment(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "torture-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\nthe folders stay: %s (SEED=%d)", err, dir, o.seed)
			return
		}
		err = os.RemoveAll(dir)
	}()
	fmt.Fprintf(os.Stderr, "torture: SEED=%d, folders in %s\n", o.seed, dir)
	if o.parley == "" {
		o.parley = filepath.Join(dir, "parley")
		build := exec.CommandContext(ctx, "go", "build", "-o", o.parley, "./cmd/parley")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build the program (run this from the top of the source): %w\n%s", err, out)
		}
	}
	if o.parley, err = filepath.Abs(o.parley); err != nil {
		return err
	}
	return run(ctx, o, dir)
}

// run is everything between the folders and the line.
func run(ctx context.Context, o options, dir string) (err error) {
	began := time.Now()
	w, err := newWorld(ctx, o, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.join(ctx); err != nil {
		return err
	}
	s := summary{Seed: o.seed}
	if err := w.storm(ctx, &s); err != nil {
		return err
	}
	calm := time.Now()
	wrong, err := w.settle(ctx, &s)
	s.Quiet, s.Seconds = seconds(time.Since(calm)), seconds(time.Since(began))
	line, errLine := json.Marshal(s)
	if errLine != nil {
		return errors.Join(err, errLine)
	}
	if _, errLine = fmt.Fprintf(os.Stdout, "%s\n", line); errLine != nil {
		return errors.Join(err, errLine)
	}
	return errors.Join(err, wrong)
}

func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }
