package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"parley/filters"
	"parley/node/audit"
	"parley/node/config"
)

// maxFilter bounds a filter's file; the compiler has its own, lower bound.
const maxFilter = 1 << 20

func readFilters(cfg *config.Config, c config.Connection) (out, in string, err error) {
	if out, err = readText(cfg.Path(c.Out)); err != nil {
		return "", "", fmt.Errorf("read the outgoing filter: %w", err)
	}
	if in, err = readText(cfg.Path(c.In)); err != nil {
		return "", "", fmt.Errorf("read the incoming filter: %w", err)
	}
	return out, in, nil
}

func readText(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if info.Size() > maxFilter {
		return "", fmt.Errorf("%s has %d bytes, %d are allowed", name, info.Size(), maxFilter)
	}
	raw, err := os.ReadFile(name)
	return string(raw), err
}

func readTables(cfg *config.Config, c config.Connection) (map[string]filters.Table, error) {
	if c.Tables == "" {
		return nil, nil
	}
	folder := cfg.Path(c.Tables)
	tables, err := filters.LoadTables(os.DirFS(filepath.Dir(folder)), filepath.Base(folder))
	if err != nil {
		return nil, fmt.Errorf("read the tables in %s: %w", folder, err)
	}
	return tables, nil
}

// Reload reads the configuration again: filters, scopes, gates and connections
// that are configured by now. What cannot be changed without a restart stays.
func (n *Node) Reload(ctx context.Context) error {
	if n.options.Reload != nil {
		cfg, err := n.options.Reload()
		if err != nil {
			return err
		}
		now := fingerprint(cfg)
		n.mu.Lock()
		before := n.fingerprint
		n.config, n.fingerprint = cfg, now
		n.mu.Unlock()
		audit.Changed(ctx, "configuration", before, now)
	}
	for _, l := range n.all() {
		if l.flow == nil {
			n.bring(ctx, l)
			continue
		}
		if err := n.refresh(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// refresh puts the present rules of a working connection in force, and lets
// what they held go on.
func (n *Node) refresh(ctx context.Context, l *link) error {
	rules, err := n.rules(ctx, l.record)
	if err != nil {
		return fmt.Errorf("connection %s goes on under its old rules: %w", l.record.Name, err)
	}
	before := l.flow.Rules()
	l.flow.SetRules(rules)
	n.path.Announce(l.flow)
	if before.Outgoing.Version() != rules.Outgoing.Version() || before.Incoming.Version() != rules.Incoming.Version() {
		if _, err := n.retryParked(l, ""); err != nil {
			return err
		}
	}
	return nil
}
