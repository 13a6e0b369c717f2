package main

import (
	"context"
	"fmt"
	"io"

	"parley/node/admin"
	"parley/node/config"
)

type configCommand struct {
	Check  configCheck  `cmd:"" help:"Say everything that is wrong in parley.yaml, its filters, tables and secrets."`
	Show   configShow   `cmd:"" help:"The configuration in force: file, environment and defaults together."`
	Reload configReload `cmd:"" help:"Put changed filters, scopes, gates and connections in force, without a restart."`
}

type configCheck struct{}

// Run implements the command.
func (*configCheck) Run(ctx context.Context, a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	reports := checkConnections(ctx, cfg, names(cfg), noSchema(), noPeers())
	missing := a.missingSecrets(cfg)
	result := struct {
		File    string   `json:"file"`
		OK      bool     `json:"ok"`
		Filters []report `json:"filters"`
		Secrets []string `json:"missingSecrets"`
	}{a.file, mistakes(reports) == 0 && len(missing) == 0, reports, missing}
	err = a.show(result, func(w io.Writer) {
		showReports(w, reports)
		for _, name := range missing {
			fmt.Fprintf(w, "%s: %s\n", a.file, name)
		}
		if result.OK {
			fmt.Fprintf(w, "%s: ok\n", a.file)
		}
	})
	switch {
	case err != nil:
		return err
	case mistakes(reports) > 0:
		return invalid("mend the filters, then `parley filter check`", "%s in filters", count(mistakes(reports), "mistake"))
	case len(missing) > 0:
		return invalid("`parley secret set NAME`, then check again", "%s cannot be read", count(len(missing), "secret"))
	}
	return nil
}

type configShow struct{}

// Run implements the command.
func (*configShow) Run(a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if !a.json {
		return cfg.Show(cleanWriter{a.out})
	}
	shown, err := cfg.Plain()
	if err != nil {
		return err
	}
	return a.show(shown, nil)
}

type configReload struct{}

// Run implements the command. It checks first, so that either all of a change
// comes into force or none of it.
func (*configReload) Run(ctx context.Context, a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	node, err := a.node()
	if err != nil {
		return err
	}
	schema, err := node.Schema(ctx)
	if err != nil {
		return err
	}
	if reports := checkConnections(ctx, cfg, names(cfg), schema, a.peers(ctx, names(cfg))); mistakes(reports) > 0 {
		if err := a.show(reports, func(w io.Writer) { showReports(w, reports) }); err != nil {
			return err
		}
		return invalid("what is in force stays; mend the filters, then reload again", "%s in filters", count(mistakes(reports), "mistake"))
	}
	if err := node.Reload(ctx); err != nil {
		return err
	}
	drifted := []admin.FilterHistory{}
	for _, name := range names(cfg) {
		// A connection that is not joined yet has no history.
		if h, err := node.FilterHistory(ctx, name); err == nil && h.Drift {
			drifted = append(drifted, h)
		}
	}
	return a.show(map[string]any{"reloaded": a.file, "drifted": drifted}, func(w io.Writer) {
		fmt.Fprintf(w, "%s is in force\n", a.file)
		for _, h := range drifted {
			showDrift(w, h)
		}
	})
}

// missingSecrets lists what parley.yaml refers to and cannot be read.
func (a *app) missingSecrets(cfg *config.Config) []string {
	missing := []string{}
	resolver, err := a.resolver(cfg)
	if err != nil {
		return append(missing, err.Error())
	}
	if kind, ok := kindOf(cfg.Tracker.Kind); ok {
		if _, _, err := cfg.Tracker.Resolve(kind, resolver); err != nil {
			missing = append(missing, err.Error())
		}
	}
	for name, hook := range cfg.Notify.Webhooks {
		if _, _, err := hook.Resolve(resolver); err != nil {
			missing = append(missing, "notify.webhooks."+name+": "+err.Error())
		}
	}
	if _, err := resolver.Resolve(cfg.Notify.SMTP.Password); err != nil {
		missing = append(missing, "notify.smtp.password: "+err.Error())
	}
	if _, err := resolver.Resolve(cfg.NATS.Credentials); err != nil {
		missing = append(missing, "nats.credentials: "+err.Error())
	}
	return missing
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
