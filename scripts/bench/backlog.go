//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// backlog is a peer that is away while people go on: intake in tenths, then the
// peer comes and everything drains.
func (g *grower) backlog(ctx context.Context) error {
	return g.within(setup{Tickets: g.tickets, Events: g.changes}, func(s setup) (err error) {
		s.Side = "A"
		a, first, err := launch(ctx, s)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, a.stop()) }()
		if err := g.intake(a); err != nil {
			return err
		}
		s.Side, s.Address = "B", first.Address
		b, _, err := launch(ctx, s)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.stop()) }()
		return g.drain(ctx, a, b)
	})
}

// intake hands the changes in, in tenths.
func (g *grower) intake(a *child) error {
	const parts = 10
	for i := range parts {
		first, last := i*g.changes/parts+1, (i+1)*g.changes/parts
		if _, err := a.ask(command{Do: doBegin, Phase: "away"}); err != nil {
			return err
		}
		said, err := a.ask(command{Do: doAway, First: first, Last: last})
		if err != nil {
			return err
		}
		ended, err := a.ask(command{Do: doEnd})
		if err != nil {
			return err
		}
		n := last - first + 1
		g.add(figures{
			Part: "intake, peer away", Size: last, PerSecond: round(float64(n) / said.Took.Seconds()),
			CPU: perThousand([2]usage{ended.Usage}, n), Anon: [2]float64{mib(ended.Usage.Anon)}, Seconds: round(said.Took.Seconds()),
		})
	}
	return nil
}

// drain waits until nothing is left at A.
func (g *grower) drain(ctx context.Context, a, b *child) error {
	began := time.Now()
	for _, c := range []*child{a, b} {
		if _, err := c.ask(command{Do: doBegin, Phase: "drain"}); err != nil {
			return err
		}
	}
	var settled int
	for last, since := -1, time.Now(); ; {
		said, err := a.ask(command{Do: doSeen})
		if err != nil {
			return err
		}
		if settled = said.Seen["settled"]; settled != last {
			last, since = settled, time.Now()
		} else if said, err = a.ask(command{Do: doLeft}); err != nil { // a look at every row: not while it works
			return err
		} else if said.Left == 0 {
			break
		}
		if time.Since(since) > patience {
			return fmt.Errorf("%d are left and nothing settles", said.Left)
		}
		if !rest(ctx, time.Second) {
			return ctx.Err()
		}
	}
	took := time.Since(began)
	f := figures{Part: "drain", Size: settled, PerSecond: round(float64(settled) / took.Seconds()), Seconds: round(took.Seconds())}
	var used [2]usage
	for i, c := range []*child{a, b} {
		ended, err := c.ask(command{Do: doEnd})
		if err != nil {
			return err
		}
		used[i], f.Anon[i] = ended.Usage, mib(ended.Usage.Anon)
	}
	f.CPU = perThousand(used, settled)
	g.add(f)
	return alike(a, b)
}
