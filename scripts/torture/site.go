//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"parley/adapters"
	"parley/adapters/desk"
	"parley/filters/examples"
	"parley/node"
	"parley/node/admin"
	"parley/node/admin/client"
	"parley/node/secret"
	"parley/sync/event"
)

// site is one organisation: a desk and a node, each a process.
type site struct {
	name, peer string
	project    string
	dir        string
	address    string // the desk's
	desk, node process
	admin      *client.Client
	// people are the staff as the desk knows them.
	people []*desk.Tracker

	mu      sync.Mutex // guards what follows
	tickets []event.Ref
}

func (s *site) config() string { return filepath.Join(s.dir, "parley.yaml") }

// newSite writes a folder; nothing runs yet.
func newSite(ctx context.Context, top, name, peer string, listens bool) (*site, error) {
	s := &site{name: name, peer: peer, project: strings.ToUpper(name), dir: filepath.Join(top, name)}
	data := filepath.Join(s.dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of %s: %w", name, err)
	}
	var err error
	if s.address, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	s.desk = process{name: name + "'s desk", dir: s.dir, log: filepath.Join(s.dir, "desk.log")}
	s.node = process{name: name + "'s node", dir: s.dir, log: filepath.Join(s.dir, "node.log")}
	s.admin = client.New(data)
	token, err := s.writeDesk()
	if err != nil {
		return nil, err
	}
	return s, errors.Join(writeKeys(data, token), s.writeConfig(ctx, listens))
}

// freeAddress is a port of this machine that nobody has; it is taken a moment
// later, and by nobody else unless the machine is short of ports.
func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// writeDesk writes the desk's settings and makes people out of them.
func (s *site) writeDesk() (token string, err error) {
	f := deskFile{Name: s.name, Project: s.project, Token: rand.Text(), Tokens: map[string]string{}}
	address, err := url.Parse("http://" + s.address)
	if err != nil {
		return "", err
	}
	for _, id := range staff {
		token := rand.Text()
		f.Tokens[token] = id
		person, err := desk.New(adapters.Options{URL: address, Settings: map[string]string{"token": token}, UserAgent: "torture"})
		if err != nil {
			return "", err
		}
		s.people = append(s.people, person)
	}
	raw, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	return f.Token, os.WriteFile(filepath.Join(s.dir, "desk.json"), raw, 0o600)
}

// writeKeys makes the node's keys and keeps the desk's token.
func writeKeys(data, token string) error {
	key, err := secret.CreateKey(data)
	if err != nil {
		return fmt.Errorf("make a master key: %w", err)
	}
	vault, err := secret.Open(data, key)
	if err != nil {
		return fmt.Errorf("make a vault: %w", err)
	}
	return errors.Join(vault.Set("token", secret.NewValue(token)), node.CreateIdentity(vault))
}

func (s *site) writeConfig(ctx context.Context, listens bool) error {
	pair, err := examples.Get("desk-to-desk")
	if err != nil {
		return err
	}
	listen := ""
	if listens {
		address, err := freeAddress(ctx)
		if err != nil {
			return err
		}
		listen = "listen: {nats: \"" + address + "\"}\n"
	}
	text := fmt.Sprintf(configuration, s.name, listen, s.address, s.peer, s.project, s.project)
	return errors.Join(
		os.WriteFile(filepath.Join(s.dir, "out.parley"), []byte(pair.Outgoing), 0o600),
		os.WriteFile(filepath.Join(s.dir, "in.parley"), []byte(pair.Incoming), 0o600),
		os.WriteFile(s.config(), []byte(text), 0o600),
	)
}

const configuration = `node: {name: %s, dir: data}
metrics: {listen: "off"}
%stracker:
  kind: desk
  url: http://%s
  poll: 2s
  settings: {token: "${secret:token}"}
connections:
  %s:
    scope: "true"
    out: out.parley
    in: in.parley
    vars: {project: %s, type: Request, max_attachment_mb: 20}
    accept: {projects: [%s], types: [Incident, Request, Task], creates_per_hour: 100000}
`

// ready waits until desk and node answer.
func (s *site) ready(ctx context.Context) error {
	for deadline := time.Now().Add(time.Minute); ; {
		_, err := s.admin.Status(ctx)
		if err == nil {
			_, err = s.people[0].Schema(ctx)
		}
		if err == nil {
			return nil
		}
		if failed := errors.Join(s.desk.failure(), s.node.failure()); failed != nil {
			return failed
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not answer: %w", s.name, err)
		}
		if !pause(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// connection is what the node says of its connection.
func (s *site) connection(ctx context.Context) (admin.Connection, error) {
	all, err := s.admin.Connections(ctx)
	if err != nil {
		return admin.Connection{}, fmt.Errorf("ask %s's node: %w", s.name, err)
	}
	if len(all) != 1 {
		return admin.Connection{}, fmt.Errorf("%s's node has %d connections, want 1", s.name, len(all))
	}
	return all[0], nil
}

// all are the refs of every ticket at the desk.
func (s *site) all(ctx context.Context) ([]event.Ref, error) {
	var refs []event.Ref
	for page := event.Cursor(""); ; {
		changes, next, err := s.people[0].List(ctx, "", page, 100)
		if err != nil {
			return nil, fmt.Errorf("list %s's tickets: %w", s.name, err)
		}
		for _, c := range changes {
			refs = append(refs, c.Ref)
		}
		if page = next; next == "" {
			return refs, nil
		}
	}
}

// look remembers which tickets there are, for people to choose from.
func (s *site) look(ctx context.Context) {
	refs, err := s.all(ctx)
	if err != nil {
		return // the desk is dead; what is known serves
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tickets = refs
}

// choose is a ticket that is there, if there is one.
func (s *site) choose(pick func(int) int) (event.Ref, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tickets) == 0 {
		return event.Ref{}, false
	}
	return s.tickets[pick(len(s.tickets))], true
}

func (s *site) close() error {
	err := s.admin.Close()
	for _, p := range s.people {
		err = errors.Join(err, p.Close())
	}
	return err
}
