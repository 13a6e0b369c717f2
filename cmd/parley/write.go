package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"parley/adapters/all"
	"parley/filters"
	"parley/node"
	"parley/node/admin"
	"parley/node/config"
	"parley/node/secret"
)

// write makes the node's files: first all of them in a folder of their own,
// then, checked, each in its place. What fails leaves nothing behind.
func write(ctx context.Context, file string, p *plan) (_ []string, err error) {
	folder := filepath.Dir(file)
	made := missingFolders(folder)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("make the node's folder: %w", err)
	}
	stage, err := os.MkdirTemp(folder, ".init-")
	if err != nil {
		return nil, fmt.Errorf("make the node's folder: %w", err)
	}
	defer func() {
		err = errors.Join(err, os.RemoveAll(stage))
		if err != nil {
			removeEmpty(made)
		}
	}()
	if err := writeKeys(filepath.Join(stage, config.Default().Node.Dir), p.secrets); err != nil {
		return nil, err
	}
	if err := writeFilters(stage, p); err != nil {
		return nil, err
	}
	if err := writeConfig(filepath.Join(stage, filepath.Base(file)), p); err != nil {
		return nil, err
	}
	if err := checkStage(ctx, stage, file); err != nil {
		return nil, err
	}
	return place(stage, file, p)
}

// writeKeys makes the master key, the vault with the secrets, the identity.
func writeKeys(dir string, secrets map[string]secret.Value) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("make the node's keys: %w", err)
	}
	key, err := secret.CreateKey(dir)
	if err != nil {
		return fmt.Errorf("make the node's keys: %w", err)
	}
	vault, err := secret.Open(dir, key)
	if err != nil {
		return fmt.Errorf("make the node's vault: %w", err)
	}
	for name, value := range secrets {
		if err := vault.Set(name, value); err != nil {
			return fmt.Errorf("keep secret %s: %w", name, err)
		}
	}
	return node.CreateIdentity(vault)
}

// filterFiles are a connection's files by where they stand in the example.
func filterFiles(p *plan) (map[string]string, error) {
	to := map[string]string{
		"outgoing.parley": filepath.Join("filters", p.Connection+".out.parley"),
		"incoming.parley": filepath.Join("filters", p.Connection+".in.parley"),
	}
	tables, err := fs.Glob(p.example.Files, "tables/*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range tables {
		to[name] = filepath.Join("tables", p.Connection, strings.TrimPrefix(name, "tables/"))
	}
	tests, err := fs.Glob(p.example.Files, "tests/*")
	if err != nil {
		return nil, err
	}
	for _, name := range tests {
		to[name] = filepath.Join("tests", p.Connection, strings.TrimPrefix(name, "tests/"))
	}
	return to, nil
}

func writeFilters(stage string, p *plan) error {
	files, err := filterFiles(p)
	if err != nil {
		return fmt.Errorf("write filters: %w", err)
	}
	for from, to := range files {
		text, err := fs.ReadFile(p.example.Files, from)
		if err != nil {
			return fmt.Errorf("write filters: %w", err)
		}
		if err := os.MkdirAll(filepath.Join(stage, filepath.Dir(to)), 0o755); err != nil {
			return fmt.Errorf("write filters: %w", err)
		}
		if err := os.WriteFile(filepath.Join(stage, to), text, 0o644); err != nil {
			return fmt.Errorf("write filters: %w", err)
		}
	}
	return nil
}

func writeConfig(name string, p *plan) error {
	text, err := config.Sample(p.Answers)
	if err != nil {
		return err
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return nil
}

// checkStage loads what was written, so that a node which was made runs.
func checkStage(ctx context.Context, stage, file string) error {
	cfg, err := config.Load(filepath.Join(stage, filepath.Base(file)), config.Options{Kinds: all.Kinds()})
	if problems := (*config.Problems)(nil); errors.As(err, &problems) {
		problems.File = file
		return fmt.Errorf("these answers make no node:\n%w", problems)
	}
	if err != nil {
		return err
	}
	found := filters.Problems{}
	for _, r := range checkConnections(ctx, cfg, names(cfg), noSchema(), noPeers()) {
		if r.Error != "" {
			return invalid("", "%s: %s", r.File, r.Error)
		}
		for _, problem := range r.Problems {
			if !problem.Warning {
				found = append(found, problem)
			}
		}
	}
	if len(found) > 0 {
		return fmt.Errorf("these answers make no filters that work:\n%w", found)
	}
	return nil
}

// place moves what is in stage to where it belongs, the configuration last:
// where it is, all is. It moves nothing over anything.
func place(stage, file string, p *plan) (placed []string, err error) {
	folder := filepath.Dir(file)
	files, err := filterFiles(p)
	if err != nil {
		return nil, err
	}
	var undo []string
	defer func() {
		if err != nil {
			for _, name := range undo {
				err = errors.Join(err, os.RemoveAll(name))
			}
		}
	}()
	order := []string{config.Default().Node.Dir}
	order = append(order, slices.Sorted(maps.Values(files))...)
	for _, name := range append(order, filepath.Base(file)) {
		to := filepath.Join(folder, name)
		if taken(to) {
			return nil, &failure{Kind: admin.KindConflict, Message: to + " is there already, and init writes over nothing", Hint: "choose another --connection, or another folder with --config"}
		}
		undo = append(missingFolders(filepath.Dir(to)), undo...)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return nil, fmt.Errorf("place %s: %w", to, err)
		}
		if err := os.Rename(filepath.Join(stage, name), to); err != nil {
			return nil, fmt.Errorf("place %s: %w", to, err)
		}
		undo = append([]string{to}, undo...)
		placed = append(placed, to)
	}
	return placed, nil
}

// missingFolders are those that MkdirAll would make, the inner ones first.
func missingFolders(folder string) []string {
	var missing []string
	for ; ; folder = filepath.Dir(folder) {
		if _, err := os.Lstat(folder); !errors.Is(err, os.ErrNotExist) {
			return missing
		}
		missing = append(missing, folder)
	}
}

// removeEmpty takes folders away that nothing is in.
func removeEmpty(folders []string) {
	for _, name := range folders {
		_ = os.Remove(name) // what is not empty stays
	}
}
