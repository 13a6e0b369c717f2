//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"time"

	"parley/node/admin"
)

// world is both organisations.
type world struct {
	options options
	sites   [2]*site
}

// newWorld makes the folders and starts desks and nodes.
func newWorld(ctx context.Context, o options, dir string) (_ *world, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	w := &world{options: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	for i, name := range []string{"acme", "globex"} {
		s, err := newSite(ctx, dir, name, []string{"globex", "acme"}[i], i == 0)
		if err != nil {
			return nil, err
		}
		w.sites[i] = s
		s.desk.argv = []string{self, "-desk", s.dir, "-listen", s.address}
		s.node.argv = []string{o.parley, "run", "--config", s.config()}
		if err := errors.Join(s.desk.start(), s.node.start()); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// join pairs the nodes, as their admins would.
func (w *world) join(ctx context.Context) error {
	for _, s := range w.sites {
		if err := s.ready(ctx); err != nil {
			return err
		}
	}
	a, b := w.sites[0], w.sites[1]
	code, err := a.admin.Invite(ctx, admin.InviteRequest{Name: a.peer})
	if err != nil {
		return fmt.Errorf("invite: %w", err)
	}
	if _, err := b.admin.Accept(ctx, admin.AcceptRequest{Code: code.Code, Name: b.peer}); err != nil {
		return fmt.Errorf("accept: %w", err)
	}
	if err := admin.Introduce(ctx, a.admin, a.peer, b.admin, b.peer); err != nil {
		return err
	}
	for _, s := range w.sites {
		if _, err := s.admin.Resume(ctx, s.peer); err != nil {
			return fmt.Errorf("let %s work: %w", s.name, err)
		}
	}
	return nil
}

// random is a source of its own for each part of the run, so that one seed
// repeats each part whatever the others do.
func (w *world) random(part uint64) *rand.Rand {
	return rand.New(rand.NewPCG(w.options.seed, part))
}

// failure is the first end of a process that nobody asked for.
func (w *world) failure() error {
	var err error
	for _, s := range w.sites {
		err = errors.Join(err, s.desk.failure(), s.node.failure())
	}
	return err
}

// close ends all processes; what they do at a friendly end must work too.
func (w *world) close() error {
	var err error
	for _, s := range w.sites {
		if s != nil {
			err = errors.Join(err, s.node.end(syscall.SIGTERM), s.desk.end(syscall.SIGTERM), s.close())
		}
	}
	return err
}

// pause waits; false means that ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
