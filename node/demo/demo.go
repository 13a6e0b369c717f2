package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// Options say where and how.
type Options struct {
	// Dir keeps the data of both companies.
	Dir string
	// Node is the command line that runs the node of a configuration file; its
	// first word is the program.
	Node func(config string) []string
	// Env is added to the nodes' environment.
	Env []string
	// Port is the first choice for Acme's desk; Globex's has the next. Taken
	// ones are replaced by any. 0 is any at once.
	Port int
	// Out gets the lines for people.
	Out io.Writer
	// Color marks them up for a terminal.
	Color bool
}

// demo is both companies at work.
type demo struct {
	options   Options
	companies [2]*company
	say       *printer
	watch     *watcher
	// nodes counts the children. They live as long as life; one that will not
	// run ends it, with the reason as its cause.
	nodes sync.WaitGroup
	life  context.Context
	end   context.CancelCauseFunc
}

// Run starts both companies and goes on until ctx ends, or a node cannot be
// kept running.
func Run(ctx context.Context, o Options) (err error) {
	d, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	d.say.welcome(d)
	var all sync.WaitGroup
	defer all.Wait()
	working, cancel := d.within(ctx)
	defer cancel()
	all.Go(func() { d.watch.run(working) })
	all.Go(func() { d.follow(working) })
	<-working.Done()
	d.say.goodbye(d)
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(working)
}

// within is ctx until a node will not run.
func (d *demo) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(d.life, func() { cancel(context.Cause(d.life)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// start opens the desks, starts the nodes and joins them. ctx ends only the
// starting; close ends what was started.
func start(ctx context.Context, o Options) (_ *demo, err error) {
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, fmt.Errorf("find the demo's folder: %w", err)
	}
	if err := checkFolder(o.Dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the demo's folder: %w", err)
	}
	d := &demo{options: o, say: &printer{out: o.Out, color: o.Color}}
	d.life, d.end = context.WithCancelCause(context.WithoutCancel(ctx))
	ctx, cancel := d.within(ctx)
	defer cancel()
	for i, p := range profiles() {
		d.companies[i] = newCompany(p, o.Dir)
	}
	defer func() {
		if err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			err = errors.Join(err, d.close())
		}
	}()
	for i, c := range d.companies {
		if err := d.open(ctx, c, i); err != nil {
			return nil, err
		}
	}
	d.watch = newWatcher(d.companies, d.say)
	if err := d.watch.begin(ctx); err != nil {
		return nil, err
	}
	return d, d.join(ctx)
}

// open starts one company.
func (d *demo) open(ctx context.Context, c *company, place int) error {
	token, err := c.prepare()
	if err != nil {
		return err
	}
	port := d.options.Port
	if port != 0 {
		port += place
	}
	if err := c.open(ctx, port, token); err != nil {
		return err
	}
	if err := c.configure(ctx); err != nil {
		return err
	}
	if err := c.reachable(ctx); err != nil {
		return err
	}
	c.edited() // as the node finds them
	c.node = &child{
		name: c.name, argv: d.options.Node(c.config()), env: d.options.Env, dir: c.dir, log: filepath.Join(c.dir, "node.log"),
		restarted: func(err error) { d.say.restarted(c, err) },
	}
	d.nodes.Go(func() {
		if err := c.node.run(d.life); err != nil {
			d.end(err)
		}
	})
	return nil
}

// close ends the nodes, then the desks that they work with.
func (d *demo) close() error {
	d.end(nil)
	d.nodes.Wait()
	var err error
	for _, c := range d.companies {
		err = errors.Join(err, c.close())
	}
	return err
}
