//go:build linux

package main

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"parley/adapters"
	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/store/badgerstore"
	"parley/sync/transport"
	"parley/sync/transport/natsbus"
	"parley/sync/twin"
)

// node is one side, in a process of its own.
type node struct {
	setup   setup
	log     zerolog.Logger
	store   *badgerstore.Store
	server  *natsbus.Server // A's
	linksMu sync.Mutex
	links   []transport.Link
	tracker adapters.Tracker
	shelf   *shelf    // tracker, if it is one
	driver  *driver   // A's
	check   *receiver // B's
	path    *flow.Path
	runner  *flow.Runner
	peak    atomic.Int64
	before  usage
	profile *os.File

	mu   sync.Mutex
	seen map[string]int
}

// runNode is the life of a node: a setup, then commands until stop.
func runNode(ctx context.Context, in io.Reader, out io.Writer) error {
	lines, reply := json.NewDecoder(in), json.NewEncoder(out)
	n := &node{seen: map[string]int{}}
	if err := lines.Decode(&n.setup); err != nil {
		return fmt.Errorf("read the setup: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go watchAnon(ctx, &n.peak)
	began := time.Now()
	if n.setup.Seed > 0 {
		return errors.Join(n.seed(), reply.Encode(answer{Took: time.Since(began)}))
	}
	if err := n.open(); err != nil {
		return err
	}
	defer n.close()
	done := make(chan error, 1)
	go func() { done <- n.runner.Run(ctx) }()
	first := answer{Opened: time.Since(began)}
	if n.server != nil {
		first.Address = n.server.Address()
	}
	if err := reply.Encode(first); err != nil {
		return err
	}
	for {
		var c command
		if err := lines.Decode(&c); err != nil {
			return fmt.Errorf("read a command: %w", err)
		}
		if c.Do == doStop {
			cancel()
			return errors.Join(<-done, reply.Encode(answer{}))
		}
		if err := reply.Encode(n.do(ctx, c)); err != nil {
			return err
		}
	}
}

func (n *node) do(ctx context.Context, c command) (a answer) {
	var err error
	began := time.Now()
	switch c.Do {
	case doBegin:
		err = n.begin(c.Phase)
	case doEnd:
		a.Usage, err = n.end()
	case doBurst:
		err = n.driver.burst(ctx, c.First, c.Last)
	case doPaced:
		err = n.driver.paced(ctx, c.First, c.Last, c.Every)
		a.Handed, a.Settled = n.driver.handed[c.First:c.Last+1], n.driver.ended[c.First:c.Last+1]
	case doCheck:
		a.Wrong = n.check.check(c.Last)
		a.Applied = n.check.applied[c.First : c.Last+1]
	default:
		err = n.grow(ctx, c, &a)
	}
	if a.Took = time.Since(began); err != nil {
		a.Error = err.Error()
	}
	n.mu.Lock()
	a.Seen = maps.Clone(n.seen)
	n.mu.Unlock()
	return a
}

// begin marks the start of a phase.
func (n *node) begin(phase string) (err error) {
	if n.setup.Profiles != "" {
		if n.profile, err = os.Create(filepath.Join(n.setup.Profiles, n.setup.Side+"-"+phase+".pprof")); err != nil {
			return fmt.Errorf("make a profile: %w", err)
		}
		if err := pprof.StartCPUProfile(n.profile); err != nil {
			return fmt.Errorf("make a profile: %w", err)
		}
	}
	n.before, err = n.usage()
	return err
}

// end is what was used since begin.
func (n *node) end() (usage, error) {
	now, err := n.usage()
	if n.profile != nil {
		pprof.StopCPUProfile()
		err = errors.Join(err, n.profile.Close(), n.allocations())
		n.profile = nil
	}
	return now.minus(n.before), err
}

// allocations writes what was allocated since the process began.
func (n *node) allocations() error {
	f, err := os.Create(filepath.Join(n.setup.Profiles, n.setup.Side+"-allocs.pprof"))
	if err != nil {
		return fmt.Errorf("make a profile: %w", err)
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}

func (n *node) usage() (usage, error) {
	s := n.store.Stats()
	cpu, err := cpuTime()
	return usage{CPU: cpu, Anon: n.peak.Load(), Transactions: s.Transactions, Commits: s.Commits, Puts: s.Puts, Bytes: s.Bytes}, err
}

func (n *node) side() int {
	if n.setup.Side == "A" {
		return 0
	}
	return 1
}

// open makes everything that the node consists of.
func (n *node) open() (err error) {
	n.log = zerolog.New(os.Stderr).Level(zerolog.WarnLevel).With().Str("node", n.setup.Side).Logger()
	n.store, err = badgerstore.Open(badgerstore.Options{
		Dir: filepath.Join(n.setup.Dir, n.setup.Side), Key: sha256.Sum256([]byte(n.setup.Side)), Ballast: -1, Logger: n.log,
	})
	if err != nil {
		return err
	}
	n.people(n.schema())
	n.path, n.runner = flow.NewRunner(flow.Options{
		Store: n.store, Tracker: n.tracker, TrackerName: "map", Now: time.Now, Random: rand.Reader,
		Secret: sha256.Sum256([]byte("secret of " + n.setup.Side)), Boot: envelope.Boot{Counter: uint64(n.setup.Life) + 1, Random: uint64(2*n.setup.Life+n.side()) + 1},
		Log: n.log, Observe: n.observe,
	}, flow.RunnerOptions{Workers: n.setup.Workers})
	return n.connect()
}

func (n *node) schema() event.Schema {
	if n.side() == 0 {
		return schemaA()
	}
	return schemaB()
}

// joiners is how many connections come up side by side, as in a node.
const joiners = 32

// join adds connection number i.
func (n *node) join(i int) error {
	con := n.setup.connection(i)
	link, err := n.dial(con, i)
	if err != nil {
		return err
	}
	n.linksMu.Lock()
	n.links = append(n.links, link)
	n.linksMu.Unlock()
	codec, err := n.codec(con)
	if err != nil {
		return err
	}
	rules, err := n.setup.rules(i)
	if err != nil {
		return err
	}
	us, them := n.setup.Side, string("BA"[n.side()])
	return n.runner.Connect(flow.NewConnection(&flow.Connection{
		ID: con, Name: fmt.Sprintf("peer-%d", i), Us: us, Them: them, Peer: them, Codec: codec, Link: link,
		Policy: twin.Policy{Winner: twin.Newest, Us: us, Them: them},
	}, rules))
}

// people puts somebody in front of the tracker: at A who edits, at B who looks.
func (n *node) people(schema event.Schema) {
	if n.setup.Shelf {
		n.shelf = newShelf(n.setup, schema)
		n.tracker = n.shelf
		if n.side() == 0 {
			n.driver = newDriver(n.shelf, n.setup.Tickets, n.setup.Events)
			n.driver.silent = n.setup.Silent
		}
		return
	}
	t := newTracker(n.setup.Side, schema)
	n.tracker = t
	if n.side() == 0 {
		n.driver = newDriver(t, n.setup.Tickets, n.setup.Events)
		return
	}
	n.check = &receiver{tracker: t, tickets: n.setup.Tickets, applied: make([]int64, n.setup.Events+1)}
	t.wrote = n.check.wrote
}

// connect makes the server and all connections.
func (n *node) connect() (err error) {
	if n.side() == 0 {
		key := ed25519.NewKeyFromSeed(n.setup.TLS)
		if n.server, err = natsbus.NewServer(natsbus.ServerConfig{Listen: "127.0.0.1:0", Key: key, Log: n.log}); err != nil {
			return err
		}
	}
	connections := max(1, n.setup.Connections)
	if n.side() == 0 {
		var guests []natsbus.Guest
		for i := range connections {
			guests = append(guests, natsbus.Guest{Connection: n.setup.connection(i), Inviter: true, Key: n.setup.user(i).Public().(ed25519.PublicKey)})
		}
		if err := n.server.AddAll(guests); err != nil {
			return err
		}
	}
	var all sync.WaitGroup
	slots, wrong := make(chan struct{}, joiners), make([]error, connections)
	for i := range connections {
		slots <- struct{}{}
		all.Go(func() {
			wrong[i] = n.join(i)
			<-slots
		})
	}
	all.Wait()
	return errors.Join(wrong...)
}

// dial makes the link of a connection.
func (n *node) dial(con event.ConnectionID, i int) (transport.Link, error) {
	user := n.setup.user(i)
	if n.side() == 0 {
		return n.server.Link(con)
	}
	pin, err := natsbus.PinOf(ed25519.NewKeyFromSeed(n.setup.TLS).Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	return natsbus.Dial(natsbus.Options{URL: "tls://" + n.setup.Address, Pin: pin, Key: user, Log: n.log}, con, false)
}

func (n *node) codec(con event.ConnectionID) (envelope.Codec, error) {
	us, them := n.side(), 1-n.side()
	ours, err := hpke.DHKEM(ecdh.X25519()).NewPrivateKey(n.setup.Seal[us])
	if err != nil {
		return nil, fmt.Errorf("make a sealing key: %w", err)
	}
	theirs, err := hpke.DHKEM(ecdh.X25519()).NewPrivateKey(n.setup.Seal[them])
	if err != nil {
		return nil, fmt.Errorf("make a sealing key: %w", err)
	}
	return envelope.NewCodec(envelope.Config{
		Us: string("AB"[us]), Peer: string("AB"[them]), Connection: con, Inviter: us == 0,
		Sign:   ed25519.NewKeyFromSeed(n.setup.Sign[us]),
		Verify: []ed25519.PublicKey{ed25519.NewKeyFromSeed(n.setup.Sign[them]).Public().(ed25519.PublicKey)},
		Unseal: []hpke.PrivateKey{ours}, SealTo: theirs.PublicKey(),
	})
}

func (n *node) observe(o flow.Observation) {
	n.mu.Lock()
	n.seen[o.What]++
	n.mu.Unlock()
	if o.What == "settled" && n.driver != nil {
		n.driver.settled <- o.Key
	}
	if o.Code != "" {
		n.log.Warn().Str("what", o.What).Str("key", o.Key).Str("code", string(o.Code)).Msg(o.Detail)
	}
}

func (n *node) close() {
	var err error
	for _, l := range n.links {
		err = errors.Join(err, l.Close())
	}
	if n.server != nil {
		err = errors.Join(err, n.server.Close())
	}
	if err = errors.Join(err, n.store.Close()); err != nil {
		n.log.Error().Err(err).Msg("close")
	}
}
