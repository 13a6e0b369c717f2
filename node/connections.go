package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley/filters"
	"parley/node/config"
	"parley/node/secret"
	"parley/sync/connection"
	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/fuse"
	"parley/sync/store"
	"parley/sync/transport"
	"parley/sync/transport/natsbus"
	"parley/sync/twin"
)

// record is what a node keeps of a connection.
type record struct {
	Name      string               `json:"name"`
	Agreement connection.Agreement `json:"agreement"`
	PausedOut bool                 `json:"pausedOut,omitempty"`
	PausedIn  bool                 `json:"pausedIn,omitempty"`
	Reason    string               `json:"reason,omitempty"`
	// PausedUntil is when a pause ends by itself; zero is never.
	PausedUntil time.Time `json:"pausedUntil,omitzero"`
	// Compare is set until our person has typed the words that the other side's reads;
	// WrongWords counts how often that went wrong.
	Compare    bool `json:"compare,omitempty"`
	WrongWords int  `json:"wrongWords,omitempty"`
	// Stopped is set when the two sides held different events under one number: a
	// person must let it go on.
	Stopped bool `json:"stopped,omitempty"`
	// Approved is when a person let it work for the first time.
	Approved time.Time `json:"approved,omitzero"`
}

// link is a connection of a running node.
type link struct {
	record record
	us     connection.NodeID
	them   connection.NodeID
	// flow is nil until the connection is configured and its filters compile;
	// why says what is missing.
	flow *flow.Connection
	why  string
	// bringing lets the connection come up once.
	bringing *sync.Mutex
}

// openConnections reads the agreements; activate brings them up.
func (n *Node) openConnections(context.Context) error {
	var records []record
	err := n.store.View(func(r store.Reader) (err error) {
		records, err = readRecords(r)
		return err
	})
	if err != nil {
		return err
	}
	if err := n.admit(records...); err != nil {
		return err
	}
	return n.openInvitations()
}

// readRecords reads all agreements.
func readRecords(r store.Reader) ([]record, error) {
	var records []record
	err := r.Scan(store.AgreementPrefix(), nil, func(_, value []byte) (bool, error) {
		var rec record
		if err := json.Unmarshal(value, &rec); err != nil {
			return false, fmt.Errorf("read an agreement: %w", err)
		}
		records = append(records, rec)
		return true, nil
	})
	return records, err
}

// admit takes connections up and lets their peers in.
func (n *Node) admit(records ...record) error {
	var guests []natsbus.Guest
	for _, rec := range records {
		if rec.Agreement.Side != connection.Inviter || rec.Agreement.Route.External {
			continue
		}
		if n.server == nil {
			return fmt.Errorf("connection %s is reached through this node's own listener: set listen.nats", rec.Name)
		}
		guests = append(guests, natsbus.Guest{Connection: rec.Agreement.Connection, Inviter: true, Key: []byte(rec.Agreement.Key)})
	}
	if len(guests) > 0 {
		if err := n.server.AddAll(guests); err != nil {
			return err
		}
	}
	for _, rec := range records {
		if err := n.takeUp(rec); err != nil {
			return err
		}
	}
	return nil
}

// takeUp makes the link of a connection.
func (n *Node) takeUp(rec record) error {
	ours, peers, err := rec.Agreement.Documents()
	if err != nil {
		return fmt.Errorf("agreement of %s: %w", rec.Name, err)
	}
	n.path.Expect(rec.Agreement.Connection)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.links[rec.Agreement.Connection] = &link{record: rec, us: ours.Node(), them: peers.Node(), why: "starting", bringing: new(sync.Mutex)}
	return nil
}

// activate brings connections up as soon as they can work: the tracker must
// have told its schema, and the filters must compile.
func (n *Node) activate(ctx context.Context) {
	for {
		wait := 2 * time.Second
		if n.bringAll(ctx) == 0 {
			wait = 5 * time.Second
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

// bringers is how many connections come up side by side: each waits some 50 ms for
// the NATS server, which listens that long whether its own client speaks TLS first.
const bringers = 32

// bringAll starts what does not work yet, and counts what still waits.
func (n *Node) bringAll(ctx context.Context) int {
	var all sync.WaitGroup
	var pending atomic.Int64
	slots := make(chan struct{}, bringers)
	for _, l := range n.all() {
		if l.flow != nil {
			continue
		}
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			if !n.bring(ctx, l) {
				pending.Add(1)
			}
		})
	}
	all.Wait()
	return int(pending.Load())
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// bring starts one connection; it reports whether there is nothing left to wait for.
func (n *Node) bring(ctx context.Context, l *link) bool {
	l.bringing.Lock()
	defer l.bringing.Unlock()
	if l = n.byID(l.record.Agreement.Connection); l == nil || l.flow != nil {
		return true
	}
	if l.record.Compare {
		return true // whoever types the words brings it up
	}
	rules, err := n.rules(ctx, l.record)
	if err == nil {
		err = n.connect(l, rules)
	}
	why := ""
	if err != nil {
		why = err.Error()
	}
	n.change(l.record.Agreement.Connection, func(l *link) { l.why = why })
	if err == nil {
		return true
	}
	if l.why != why {
		n.log.Warn().Str("connection", l.record.Name).Err(err).Msg("connection cannot work yet")
	}
	return false
}

func (n *Node) connect(l *link, rules *flow.Rules) error {
	keys, err := l.record.Agreement.Codec(n.identity.operating)
	if err != nil {
		return err
	}
	codec, err := envelope.NewCodec(keys)
	if err != nil {
		return err
	}
	wire, err := n.wire(l.record.Agreement)
	if err != nil {
		return err
	}
	winner, err := l.record.Agreement.Owner()
	if err != nil {
		return err
	}
	policy := twin.Policy{Winner: string(winner), Us: string(l.us), Them: string(l.them)}
	if winner == "" {
		policy.Winner = twin.Newest
	}
	policy.Ask = l.record.Agreement.Terms.Policy == connection.PolicyAsk
	terms := l.record.Agreement.Terms
	c := flow.NewConnection(&flow.Connection{
		ID: l.record.Agreement.Connection, Name: l.record.Name, Us: string(l.us), Them: string(l.them),
		Peer: string(l.them), Codec: codec, Link: wire, Policy: policy, Quotas: flow.Quotas{
			EventsPerHour: terms.EventsPerHour, BytesPerDay: terms.BytesPerDay, Unsettled: terms.Unsettled, MaxAttachment: terms.MaxAttachment,
		},
	}, rules)
	c.Pause(l.record.PausedOut, l.record.PausedIn)
	if l.record.Stopped {
		c.Stop()
	}
	if err := n.runner.Connect(c); err != nil {
		return errors.Join(err, wire.Close())
	}
	l.flow = c
	n.change(c.ID, func(l *link) {
		l.flow = c
		c.Pause(l.record.PausedOut, l.record.PausedIn) // a person may have changed it meanwhile
	})
	out, in := c.Paused()
	n.log.Info().Str("connection", c.Name).Bool("paused", out).Msg("connection works")
	if out == l.record.PausedOut && in == l.record.PausedIn {
		return nil
	}
	return n.path.Rouse(c)
}

// wire is our end of a connection's transport.
func (n *Node) wire(a connection.Agreement) (transport.Link, error) {
	inviter := a.Side == connection.Inviter
	switch {
	case a.Route.External:
		o, err := n.external()
		if err != nil {
			return nil, err
		}
		o.Prefix = a.Route.Prefix
		return natsbus.Dial(o, a.Connection, inviter)
	case inviter:
		return n.server.Link(a.Connection)
	}
	key, err := n.identity.operating.Transport(a.Pairing)
	if err != nil {
		return nil, err
	}
	return natsbus.Dial(natsbus.Options{
		URL: dialURL(a.Route.Addresses[0]), Pin: natsbus.Pin(a.Route.Pin), Key: key, Log: n.log,
	}, a.Connection, false)
}

func dialURL(address string) string {
	if strings.Contains(address, "://") {
		return address
	}
	return "tls://" + address
}

// external is how to reach the existing NATS of the configuration.
func (n *Node) external() (natsbus.Options, error) {
	c := n.configured().NATS
	if c.URL == "" {
		return natsbus.Options{}, errors.New("the connection meets at an existing NATS: set nats.url and nats.credentials")
	}
	o := natsbus.Options{URL: c.URL, Prefix: c.Prefix, Log: n.log}
	if c.CA != "" {
		o.CAFile = n.configured().Path(c.CA)
	}
	if c.Credentials.Kind == secret.RefFile {
		o.CredentialsFile = n.configured().Path(c.Credentials.Name)
		return o, nil
	}
	seed, err := n.resolver().Resolve(c.Credentials)
	if err != nil {
		return o, err
	}
	n.mask.Add(seed)
	o.Seed = []byte(seed.Reveal())
	return o, nil
}

func (n *Node) configured() *config.Config {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.config
}

// all are the connections as they are at present, by name.
func (n *Node) all() []*link {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]*link, 0, len(n.links))
	for _, l := range n.links {
		shown := *l
		out = append(out, &shown)
	}
	slices.SortFunc(out, func(a, b *link) int { return strings.Compare(a.record.Name, b.record.Name) })
	return out
}

// byID is a connection as it is at present, or nil.
func (n *Node) byID(id event.ConnectionID) *link {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.links[id]
	if l == nil {
		return nil
	}
	shown := *l
	return &shown
}

// change changes a connection of the running node; one that was removed is left alone.
func (n *Node) change(id event.ConnectionID, fn func(*link)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if l := n.links[id]; l != nil {
		fn(l)
	}
}

// changeRecord changes what is kept of a connection, and what it does by it.
func (n *Node) changeRecord(id event.ConnectionID, change func(*record) error) error {
	n.recording.Lock()
	defer n.recording.Unlock()
	l := n.byID(id)
	if l == nil {
		return nil
	}
	if err := change(&l.record); err != nil {
		return err
	}
	if err := n.keep(l.record); err != nil {
		return err
	}
	n.change(id, func(present *link) {
		present.record = l.record
		if present.flow != nil {
			present.flow.Pause(l.record.PausedOut, l.record.PausedIn)
		}
	})
	return nil
}

// keep stores a connection's record.
func (n *Node) keep(rec record) error {
	raw, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	return n.store.Update(func(tx store.Tx) error { return tx.Put(store.AgreementKey(rec.Agreement.Connection), raw) })
}

// rules reads and compiles what the configuration says of a connection.
func (n *Node) rules(ctx context.Context, rec record) (*flow.Rules, error) {
	cfg := n.configured()
	c, ok := cfg.Connections[rec.Name]
	if !ok {
		return nil, errNotConfigured
	}
	schema, err := n.path.Schema(ctx)
	if err != nil {
		return nil, fmt.Errorf("the tracker does not tell its schema: %w", err)
	}
	from, err := n.inForce(cfg, c, rec)
	if err != nil {
		return nil, err
	}
	rules, err := n.compile(c, rec, schema, from)
	if err == nil && from.name == "" && from.Template != "" {
		rules.Version, err = n.pin(cfg, c, rec, from)
	}
	return rules, err
}

var errNotConfigured = errors.New("not configured: add it under connections in parley.yaml, then `parley config reload`")

// Egress is the gate of a configured connection, for its outgoing filter.
func Egress(c config.Connection, out *filters.Outgoing) filters.Egress {
	gate := filters.Egress{
		Allow: c.Gate.Fields, InternalComments: c.Gate.InternalComments, Foreign: c.Forward,
		Hosts: c.Gate.Hosts, Unscanned: c.Gate.Unscanned, Detect: map[string]filters.Action{},
		Hold: time.Duration(c.Gate.Hold), MaxBytes: int(c.Gate.Budget), Restricted: c.Gate.Restricted,
	}
	for name, action := range c.Gate.Detect {
		gate.Detect[name] = filters.Action(action)
	}
	if c.Gate.URL && len(gate.Allow) == 0 {
		gate.Allow = append(slices.Clone(out.Targets()), event.FieldURL, "comments", "attachments")
	}
	return gate
}

// compile makes the rules of a connection, of its versioned part and of what else
// the configuration says.
func (n *Node) compile(c config.Connection, rec record, schema event.Schema, from version) (*flow.Rules, error) {
	c = from.over(c)
	var err error
	id := rec.Agreement.Connection
	key := n.vault.Derive("filters " + id.String())
	env := filters.Env{Schema: schema, Vars: c.Vars, Tables: from.Tables, Key: key[:], Hosts: c.Gate.Hosts, Peer: n.peerSends(id), OwnName: !c.Accept.Impersonate, Create: c.Accept.Create}
	r := &flow.Rules{Version: from.name, Vars: c.Vars, Tags: c.Tags, Leave: c.Leave, Forward: c.Forward, Connect: c.Accept.Connect}
	r.Ended, r.Remove, r.Closed = c.Ended, c.Accept.Remove, c.Closed
	r.Fuse = fuse.Limits{Creates: c.Fuse.Creates, Closes: c.Fuse.Closes, Deletes: c.Fuse.Deletes, Ends: c.Fuse.Ends}
	if r.Scope, err = filters.CompileScope(c.Scope, env); err != nil {
		return nil, fmt.Errorf("scope of %s: %w", rec.Name, err)
	}
	if r.Outgoing, err = filters.CompileOutgoing(from.Out, env); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Out, err)
	}
	if r.Incoming, err = filters.CompileIncoming(from.In, env); err != nil {
		return nil, fmt.Errorf("%s: %w", c.In, err)
	}
	r.Egress = Egress(c, r.Outgoing)
	if r.Owners, err = owners(c, schema); err != nil {
		return nil, fmt.Errorf("fields of %s: %w", rec.Name, err)
	}
	r.OnLocalEdit = c.OnLocalEdit
	r.Accept = filters.Accept{
		Projects: c.Accept.Projects, Types: c.Accept.Types, Fields: c.Accept.Fields,
		CreatesPerHour: c.Accept.CreatesPerHour, Comments: true, Attachments: true, Remove: "keep",
		Visible: map[string]filters.Visible{config.CommentsInternal: filters.VisibleInternal, config.PermitNever: filters.VisibleNone}[c.Accept.Comments],
		Kinds:   c.Accept.Attachments, MaxAttachment: int64(c.Accept.MaxAttachment),
		Impersonate: c.Accept.Impersonate, Impersonated: c.Accept.Impersonated,
		Create: c.Accept.Create,
	}
	r.Since = c.Since.At
	if c.Since.FromApproval() {
		r.Since = rec.Approved
		if rec.Approved.IsZero() {
			r.Since = time.Now()
		}
	}
	switch {
	case c.Start.Manual:
		r.Start = "manual"
	case c.Start.Label != "":
		r.Start = "label:" + c.Start.Label
	default:
		r.Start = "auto"
	}
	return r, nil
}
