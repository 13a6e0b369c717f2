//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"parley/adapters/desk"
)

// account is the ID of the node's own account at either desk.
const account = "parley"

// staff work at a desk.
var staff = [...]string{"ann", "raj", "mia"}

// deskFile is what the process of a desk reads from its folder.
type deskFile struct {
	Name    string            `json:"name"`
	Project string            `json:"project"`
	Token   string            `json:"token"`
	Tokens  map[string]string `json:"tokens"` // of people
}

func (f *deskFile) options() desk.Options {
	o := desk.Options{
		Name: f.Name, Projects: []string{f.Project}, Token: f.Token, Tokens: f.Tokens,
		Account: desk.Person{ID: account, Name: "Parley"},
	}
	for _, id := range staff {
		o.People = append(o.People, desk.Person{ID: id, Name: id + " of " + f.Name, Email: id + "@" + f.Name + ".example"})
	}
	return o
}

// runDesk is the life of a desk's process.
func runDesk(ctx context.Context, dir, address string) error {
	raw, err := os.ReadFile(filepath.Join(dir, "desk.json"))
	if err != nil {
		return fmt.Errorf("read the desk's settings: %w", err)
	}
	var f deskFile
	if err := json.Unmarshal(raw, &f); err != nil {
		return fmt.Errorf("read the desk's settings: %w", err)
	}
	server, err := desk.Open(filepath.Join(dir, "desk"), f.options())
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	web := &http.Server{Handler: server, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = web.Close() // the process ends
	}()
	err = web.Serve(listener)
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, server.Close())
}
