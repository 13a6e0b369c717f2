package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"parley/node/admin"
	"parley/node/secret"
)

type secretCommand struct {
	Set    secretSet    `cmd:"" help:"Keep a secret; it is asked for, or read from a file."`
	List   secretList   `cmd:"" help:"The names; there is no way to see a secret."`
	Delete secretDelete `cmd:"" help:"Forget a secret."`
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
	key, err := secret.FindKey(dir, a.getenv)
	if err != nil {
		return nil, nil, fmt.Errorf("open the vault: %w", err)
	}
	if write {
		socket, err := admin.Listen(dir)
		if errors.Is(err, admin.ErrRunning) {
			return nil, nil, &failure{
				Kind: admin.KindConflict, Message: "the node is running, and the vault is its own as long as it does",
				Hint: "stop the node, set the secret, start the node",
			}
		}
		if err != nil {
			return nil, nil, err
		}
		end = socket.Close
	}
	vault, err := secret.Open(dir, key)
	if err != nil {
		return nil, nil, errors.Join(err, end())
	}
	return vault, end, nil
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
