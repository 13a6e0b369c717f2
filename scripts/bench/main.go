//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"time"
)

// Sizes of the workload that are not for choice: figures are compared.
const (
	tickets = 2000
	warmUp  = 500
	pace    = 10 * time.Millisecond // 100 events a second
)

func main() {
	isNode := flag.Bool("node", false, "be a node (the bench starts itself)")
	profiles := flag.String("cpuprofile", "", "a directory for profiles of both nodes: CPU by phase, and allocations")
	growing := flag.Bool("growth", false, "measure how speed and memory change with connections, twins and a backlog")
	workers := flag.Int("workers", 64, "lanes of a node (limits.lanes)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch {
	case *isNode:
		err = runNode(ctx, os.Stdin, os.Stdout)
	case *growing:
		err = growth(ctx, *workers, *profiles)
	default:
		err = bench(ctx, *profiles, *workers)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// number reads an environment variable.
func number(name string, otherwise int) (int, error) {
	text := os.Getenv(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s=%q is not a number", name, text)
	}
	return n, nil
}

func bench(ctx context.Context, profiles string, workers int) (err error) {
	events, errEvents := number("EVENTS", 20_000)
	paced, errPaced := number("PACED", 15)
	round, errRound := number("BENCH_ROUND", 0)
	if err := errors.Join(errEvents, errPaced, errRound); err != nil {
		return err
	}
	if events == 0 {
		return errors.New("EVENTS=0: there is nothing to measure")
	}
	dir, err := os.MkdirTemp("", "parley-bench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	disk, err := diskSync(dir)
	if err != nil {
		return err
	}
	slow := paced * int(time.Second/pace)
	s := setup{Dir: dir, Profiles: profiles, Workers: workers, Tickets: tickets, Events: warmUp + events + slow}
	if err := s.draw(); err != nil {
		return err
	}
	a, b, err := start(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.stop(), b.stop()) }()
	r := report{round: round, events: events, disk: disk}
	if err := r.run(a, b, slow); err != nil {
		return err
	}
	return r.print(os.Stdout, os.Stderr)
}

// draw makes all keys of both sides.
func (s *setup) draw() error {
	s.Connection = make([]byte, 16)
	if _, err := io.ReadFull(rand.Reader, s.Connection); err != nil {
		return fmt.Errorf("draw an id: %w", err)
	}
	for _, seed := range []*[]byte{&s.Sign[0], &s.Sign[1], &s.Seal[0], &s.Seal[1], &s.TLS, &s.NATS} {
		*seed = make([]byte, 32)
		if _, err := io.ReadFull(rand.Reader, *seed); err != nil {
			return fmt.Errorf("draw a key: %w", err)
		}
	}
	return nil
}

// child is a node's process.
type child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *json.Decoder
	opened time.Duration
}

// start brings up A, then B, which dials it.
func start(ctx context.Context, s setup) (a, b *child, err error) {
	s.Side = "A"
	a, first, err := launch(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	s.Side, s.Address = "B", first.Address
	b, _, err = launch(ctx, s)
	if err != nil {
		return nil, nil, errors.Join(err, a.stop())
	}
	return a, b, nil
}

func launch(ctx context.Context, s setup) (*child, answer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, answer{}, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, "-node")
	cmd.Env = append(os.Environ(), "GOMEMLIMIT=384MiB", "GOGC=200") // as a node sets them
	cmd.Stderr = os.Stderr
	in, errIn := cmd.StdinPipe()
	out, errOut := cmd.StdoutPipe()
	if err := errors.Join(errIn, errOut); err != nil {
		return nil, answer{}, fmt.Errorf("start node %s: %w", s.Side, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, answer{}, fmt.Errorf("start node %s: %w", s.Side, err)
	}
	c := &child{cmd: cmd, in: in, out: json.NewDecoder(out)}
	first, err := c.ask(s)
	if err != nil {
		return nil, answer{}, errors.Join(fmt.Errorf("start node %s: %w", s.Side, err), c.stop())
	}
	c.opened = first.Opened
	return c, first, nil
}

// ask sends a line and reads the answer.
func (c *child) ask(line any) (answer, error) {
	var a answer
	if err := json.NewEncoder(c.in).Encode(line); err != nil {
		return a, fmt.Errorf("tell a node: %w", err)
	}
	if err := c.out.Decode(&a); err != nil {
		return a, fmt.Errorf("hear of a node: %w", err)
	}
	if a.Error != "" {
		return a, fmt.Errorf("a node said: %s (seen: %v)", a.Error, a.Seen)
	}
	return a, nil
}

func (c *child) stop() error {
	_, errStop := c.ask(command{Do: doStop})
	return errors.Join(errStop, c.in.Close(), c.cmd.Wait())
}
