package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"parley/node/admin"
	"parley/node/secret"
)

type secretCommand struct {
	Set    secretSet    `cmd:"" help:"Keep a secret; it is asked for, or read from a file."`
	List   secretList   `cmd:"" help:"The names; there is no way to see a secret."`
	Delete secretDelete `cmd:"" help:"Forget a secret."`
	Rekey  secretRekey  `cmd:"" help:"Seal all of it with a new master key; no node may run."`
}

// own begins the names of what the node itself keeps in its vault.
const own = "node."

// vault opens the node's vault; to write, no node may run.
func (a *app) vault(write bool) (_ *secret.Vault, end func() error, err error) {
	dir, err := a.dir()
	if err != nil {
		return nil, nil, err
	}
	end = func() error { return nil }
	if write {
		if end, err = alone(dir); err != nil {
			return nil, nil, err
		}
	}
	vault, err := secret.OpenNode(dir, a.getenv)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open the vault: %w", err), end())
	}
	return vault, end, nil
}

// alone holds the node's folder, so that no node runs in it.
func alone(dir string) (end func() error, err error) {
	socket, err := admin.Listen(dir)
	if errors.Is(err, admin.ErrRunning) {
		return nil, &failure{
			Kind: admin.KindConflict, Message: "the node is running, and the vault is its own as long as it does",
			Hint: "stop the node, say it again, start the node",
		}
	}
	if err != nil {
		return nil, err
	}
	return socket.Close, nil
}

// mine refuses what is the node's.
func mine(name string) error {
	if strings.HasPrefix(name, own) {
		return invalid("choose another name", "names that begin with %s are the node's own", own)
	}
	return nil
}

type secretSet struct {
	Name string `arg:"" help:"The name that parley.yaml has in $${secret:NAME}."`
	File string `type:"path" placeholder:"FILE" help:"Read it from a file that only you may read."`
}

// Run implements the command.
func (c *secretSet) Run(ctx context.Context, a *app) (err error) {
	if err := mine(c.Name); err != nil {
		return err
	}
	vault, end, err := a.vault(true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	value, err := a.secret(ctx, c.Name, c.File)
	if err != nil {
		return err
	}
	if err := vault.Set(c.Name, value); err != nil {
		return err
	}
	return a.show(map[string]string{"set": c.Name}, func(w io.Writer) { fmt.Fprintf(w, "%s is kept\n", c.Name) })
}

// secret reads a secret from a file, or asks for it.
func (a *app) secret(ctx context.Context, name, file string) (secret.Value, error) {
	var value secret.Value
	var err error
	if file != "" {
		value, err = secret.ReadFile(file)
	} else {
		value, err = promptSecret(ctx, a, name)
	}
	if ctx.Err() != nil {
		return secret.Value{}, ctx.Err()
	}
	if err != nil {
		f := asFailure(err)
		return secret.Value{}, &failure{Kind: admin.KindInvalid, Message: f.Message, Hint: f.Hint}
	}
	return value, nil
}

type secretList struct{}

// Run implements the command.
func (*secretList) Run(a *app) error {
	vault, _, err := a.vault(false)
	if err != nil {
		return err
	}
	all, err := vault.Names()
	if err != nil {
		return err
	}
	names := []string{}
	for _, name := range all {
		if !strings.HasPrefix(name, own) {
			names = append(names, name)
		}
	}
	return a.show(names, func(w io.Writer) {
		for _, name := range names {
			fmt.Fprintln(w, name)
		}
	})
}

type secretDelete struct {
	Name string `arg:"" help:"The name."`
}

// Run implements the command.
func (c *secretDelete) Run(a *app) (err error) {
	if err := mine(c.Name); err != nil {
		return err
	}
	vault, end, err := a.vault(true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	if err := vault.Delete(c.Name); err != nil {
		return fmt.Errorf("delete secret %s: %w", c.Name, err)
	}
	return a.show(map[string]string{"deleted": c.Name}, func(w io.Writer) { fmt.Fprintf(w, "%s is forgotten\n", c.Name) })
}

type secretRekey struct {
	To string `type:"path" placeholder:"FILE" help:"Where the new key is put, to be given to the node from there; without it, in the place of the old one."`
}

// Run implements the command.
func (c *secretRekey) Run(a *app) (err error) {
	dir, err := a.dir()
	if err != nil {
		return err
	}
	end, err := alone(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	done, err := secret.Rekey(dir, a.getenv, c.To)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrExist) {
		f := asFailure(err)
		return invalid(f.Hint, "%s", f.Message)
	}
	if err != nil {
		return err
	}
	return a.show(done, func(w io.Writer) {
		fmt.Fprintf(w, "everything is sealed with the new master key in %s: keep a copy somewhere else, and safe\n", done.Key)
		if done.Outside {
			fmt.Fprintln(w, "the node does not start before it is given this key in the place of the old one")
		}
		switch {
		case done.Old != "" && done.Outside:
			fmt.Fprintf(w, "the old key is still in %s, where the node finds it first: move it to where your backups are, they need it\n", done.Old)
		case done.Old != "":
			fmt.Fprintf(w, "the old key is in %s: put it where your backups are, they need it; remove it if there are none\n", done.Old)
		}
	})
}
