package main

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"sync"

	"parley/adapters/all"
	"parley/node"
	"parley/node/admin"
	"parley/node/config"
	"parley/node/logging"
	"parley/node/metrics"
	"parley/node/secret"
)

type runCommand struct {
	LogLevel  string `enum:"debug,info,warn,error," default:"" placeholder:"LEVEL" help:"debug, info, warn or error, instead of what parley.yaml says."`
	LogFormat string `enum:"json,text," default:"" placeholder:"FORMAT" help:"json or text, instead of what parley.yaml says."`
}

// Run implements the command.
func (c *runCommand) Run(ctx context.Context, a *app) (err error) {
	flags := map[string]string{}
	for key, value := range map[string]string{"log.level": c.LogLevel, "log.format": c.LogFormat} {
		if value != "" {
			flags[key] = value
		}
	}
	load := func() (*config.Config, error) { return a.loadWith(flags) }
	cfg, err := load()
	if err != nil {
		return err
	}
	dir := cfg.Path(cfg.Node.Dir)
	if _, err := secret.FindKey(dir, a.getenv); err != nil {
		f := asFailure(err)
		return invalid(f.Hint, "the node's keys: %s", f.Message)
	}
	socket, err := admin.Listen(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, socket.Close()) }()
	n, err := node.Open(ctx, cfg, node.Options{
		Kinds: all.Kinds(), Version: readBuild().Version, Reload: load, Log: a.err, Getenv: a.getenv,
	})
	if errors.Is(err, secret.ErrNotFound) || errors.Is(err, secret.ErrWrongKey) {
		f := asFailure(err)
		return invalid(cmp.Or(f.Hint, "`parley secret set NAME`, or `parley init` for a node without keys"), "%s", f.Message)
	}
	if err != nil {
		return err
	}
	return a.runNode(ctx, n, cfg, socket)
}

// runNode runs a node and answers for it, until ctx or the node ends.
func (a *app) runNode(ctx context.Context, n *node.Node, cfg *config.Config, socket net.Listener) error {
	log, err := logging.New(a.err, logging.Options{Level: cfg.Log.Level, Text: cfg.Log.Format == config.FormatText})
	if err != nil {
		return errors.Join(err, n.Close())
	}
	monitoring, handler, err := monitor(ctx, n, cfg.Metrics)
	if err != nil {
		return errors.Join(err, n.Close())
	}
	shared, err := letIn(cfg.Access)
	if err != nil {
		return errors.Join(err, n.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	failed := make([]error, 3)
	commands := admin.NewHandler(n, readBuild().Version, n)
	all.Go(func() {
		defer cancel()
		failed[0] = admin.Serve(ctx, socket, commands, log)
	})
	if shared != nil {
		all.Go(func() {
			defer cancel()
			failed[2] = errors.Join(admin.Serve(ctx, shared, commands, log), closeIfOpen(shared))
		})
	}
	if monitoring != nil {
		log.Info().Stringer("address", monitoring.Addr()).Msg("metrics and health are served")
		all.Go(func() {
			defer cancel()
			failed[1] = admin.Serve(ctx, monitoring, handler, log)
		})
	}
	err = n.Run(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil // it was told to end
	}
	cancel()
	all.Wait()
	return errors.Join(append(failed, err)...)
}

// letIn makes the socket for other people of the machine, if there is to be one.
func letIn(a config.Access) (net.Listener, error) {
	if a.Socket == "" {
		return nil, nil //nolint:nilnil // none is wanted
	}
	return admin.ListenShared(a.Socket, a.Group)
}

// closeIfOpen closes a listener that its server may have closed.
func closeIfOpen(l net.Listener) error {
	if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// monitor opens the listener of /metrics and /healthz, if there is to be one.
func monitor(ctx context.Context, n *node.Node, m config.Metrics) (net.Listener, http.Handler, error) {
	if m.Listen == config.MetricsOff {
		return nil, nil, nil
	}
	registry, err := metrics.NewRegistry()
	if err != nil {
		return nil, nil, err
	}
	handler, err := metrics.Handler(registry, n, m.AllowRemote)
	if err != nil {
		return nil, nil, err
	}
	var l net.ListenConfig
	listener, err := l.Listen(ctx, "tcp", m.Listen)
	if err != nil {
		return nil, nil, invalid("another node may use the address: set metrics.listen to a free one, or to off", "metrics: %v", err)
	}
	return listener, handler, nil
}
