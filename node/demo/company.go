package demo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"parley/adapters"
	"parley/adapters/desk"
	"parley/node/admin/client"
	"parley/sync/event"
)

// profile is what tells the two companies apart.
type profile struct {
	id      string // names its folder, and the connection at its peer
	name    string
	peer    string // the other's id
	project string
	accent  string
	staff   []desk.Person
	listens bool // the other one dials
}

func profiles() [2]profile {
	return [2]profile{
		{
			id: "acme", name: "Acme", peer: "globex", project: "ACME", accent: "#c2410c", listens: true,
			staff: []desk.Person{
				{ID: "ann", Name: "Ann Keller", Email: "ann@acme.example"},
				{ID: "raj", Name: "Raj Patel", Email: "raj@acme.example"},
			},
		},
		{
			id: "globex", name: "Globex", peer: "acme", project: "GLOBEX", accent: "#0f766e",
			staff: []desk.Person{
				{ID: "bob", Name: "Bob Tanaka", Email: "bob@globex.example"},
				{ID: "mia", Name: "Mia Lindqvist", Email: "mia@globex.example"},
			},
		},
	}
}

// account is the ID of the node's own account at either desk.
const account = "parley"

// company is one side of the demo: a desk, and a node in front of it.
type company struct {
	profile
	dir   string // DIR/acme
	desk  *desk.Server
	web   *http.Server
	ended chan error // web's end
	url   string     // the desk's address
	token string     // signs the first of the staff in
	// person is the desk as the first of its staff uses it.
	person *desk.Tracker
	node   *child
	admin  *client.Client
	files  map[string]string // what edited saw, by path
}

func newCompany(p profile, dir string) *company {
	c := &company{profile: p, dir: filepath.Join(dir, p.id), files: map[string]string{}}
	c.admin = client.New(c.data())
	return c
}

func (c *company) config() string { return filepath.Join(c.dir, "parley.yaml") }

func (c *company) data() string { return filepath.Join(c.dir, "data") }

// filter is the file of a filter, by its way: out or in.
func (c *company) filter(way string) string {
	return filepath.Join(c.dir, "filters", c.peer+"."+way+".parley")
}

// open starts the desk, at port if that is free.
func (c *company) open(ctx context.Context, port int, token string) (err error) {
	c.token = rand.Text()
	c.desk, err = desk.Open(filepath.Join(c.dir, "desk"), desk.Options{
		Name: c.name, Accent: c.accent, Projects: []string{c.project}, People: c.staff,
		Token: token, Tokens: map[string]string{c.token: c.staff[0].ID},
		Account: desk.Person{ID: account, Name: "Parley"},
	})
	if err != nil {
		return fmt.Errorf("open %s's desk, which another demo may be using: %w", c.name, err)
	}
	listener, err := listen(ctx, port)
	if err != nil {
		return fmt.Errorf("open %s's desk: %w", c.name, err)
	}
	c.url = "http://" + listener.Addr().String()
	c.web = &http.Server{Handler: c.desk, ReadHeaderTimeout: 10 * time.Second}
	c.ended = make(chan error, 1)
	go func() { c.ended <- c.web.Serve(listener) }()
	address, err := url.Parse(c.url)
	if err != nil {
		return fmt.Errorf("address of %s's desk: %w", c.name, err)
	}
	c.person, err = desk.New(adapters.Options{URL: address, Settings: map[string]string{"token": c.token}, UserAgent: "Parley-demo"})
	return err
}

// listen takes a port of this machine: the one wished for, else any.
func listen(ctx context.Context, port int) (net.Listener, error) {
	var config net.ListenConfig
	if port != 0 {
		if l, err := config.Listen(ctx, "tcp", net.JoinHostPort(loopback, strconv.Itoa(port))); err == nil {
			return l, nil
		}
	}
	return config.Listen(ctx, "tcp", net.JoinHostPort(loopback, "0"))
}

const loopback = "127.0.0.1"

// close ends what open began.
func (c *company) close() error {
	err := c.admin.Close()
	if c.person != nil {
		err = errors.Join(err, c.person.Close())
	}
	if c.desk != nil {
		err = errors.Join(err, c.desk.Close())
	}
	if c.web != nil {
		err = errors.Join(err, c.web.Close())
		if served := <-c.ended; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
	}
	return err
}

// born is when a ticket was made, more exactly than the adapter tells.
func (c *company) born(ctx context.Context, ref event.Ref) (time.Time, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/api/v1/tickets/"+url.PathEscape(ref.ID), nil)
	if err != nil {
		return time.Time{}, err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	reader := http.Client{Timeout: 10 * time.Second}
	answer, err := reader.Do(request)
	if err != nil {
		return time.Time{}, fmt.Errorf("ask %s's desk when ticket %s was made: %w", c.name, ref.ID, err)
	}
	defer func() { _ = answer.Body.Close() }() // only read from
	var ticket struct {
		Created time.Time `json:"created"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&ticket); err != nil {
		return time.Time{}, fmt.Errorf("ask %s's desk when ticket %s was made: %w", c.name, ref.ID, err)
	}
	return ticket.Created, nil
}
