package node

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"parley/adapters"
	"parley/node/admin"
	"parley/node/audit"
	"parley/node/backup"
	"parley/node/config"
	"parley/node/logging"
	"parley/node/notify"
	"parley/node/secret"
	"parley/sync/blob"
	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/store"
	"parley/sync/store/badgerstore"
	"parley/sync/transport/natsbus"
)

// Options are what a node needs besides its configuration.
type Options struct {
	// Kinds are the adapters there are.
	Kinds []adapters.Kind
	// Version of the program.
	Version string
	// Reload reads the configuration again; nil keeps it.
	Reload func() (*config.Config, error)
	// Log gets the lines; nil is standard error.
	Log io.Writer
	// Getenv reads the environment; nil is the process's.
	Getenv func(string) string
	// Observe is told what happens; may be nil.
	Observe func(flow.Observation)
	// Every replaces the poll's interval of the configuration, if not zero.
	Every time.Duration
	// MinFree replaces the store's free-space mark, if not zero.
	MinFree int64
	// ConfirmGone replaces the time after which a ticket that is not found is looked
	// for once more, if not zero.
	ConfirmGone time.Duration
}

// Node is an open node.
type Node struct {
	options  Options
	dir      string
	log      zerolog.Logger
	mask     *logging.Mask
	vault    *secret.Vault
	identity identity
	store    store.Store
	blobs    *blob.Store
	tracker  adapters.Tracker
	path     *flow.Path
	runner   *flow.Runner
	server   *natsbus.Server
	hooks    *hookListener // nil without tracker.webhook
	notifier *notify.Notifier
	audit    *audit.Log
	syslog   *audit.Syslog // nil without audit.syslog
	boot     envelope.Boot
	// successor is set if the last process had the store where it is.
	successor bool
	started   time.Time
	counts    counts

	// mu guards what follows.
	mu     sync.Mutex
	config *config.Config
	// fingerprint names what the configuration's file held when it was read.
	fingerprint string
	links       map[event.ConnectionID]*link
	loads       map[event.ConnectionID]*load
	guests      map[string]io.Closer // pairings at an existing NATS
	joining     map[string]bool      // names for which a pairing is under way
	closed      bool

	publishing sync.Mutex // held while filters are published
	recording  sync.Mutex // held while the record of a connection is changed, or removed

	// applyStep is called before each step of an application; nil but in tests.
	applyStep func(string) error
	loading   sync.WaitGroup // the goroutines of loads
}

var _ admin.Service = (*Node)(nil)

// Open reads the keys and opens store and tracker. The caller must Close the
// node, or Run it.
func Open(ctx context.Context, cfg *config.Config, o Options) (_ *Node, err error) {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Log == nil {
		o.Log = os.Stderr
	}
	n := &Node{
		options: o, config: cfg, fingerprint: fingerprint(cfg), dir: cfg.Path(cfg.Node.Dir), mask: &logging.Mask{}, started: time.Now(),
		links: map[event.ConnectionID]*link{}, loads: map[event.ConnectionID]*load{}, guests: map[string]io.Closer{}, joining: map[string]bool{},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	n.log, err = logging.New(o.Log, logging.Options{Level: cfg.Log.Level, Text: cfg.Log.Format == config.FormatText, Mask: n.mask})
	if err != nil {
		return nil, err
	}
	for _, open := range []func() error{n.openKeys, n.openStore, n.openAudit, n.openTracker, n.openPath, n.openServer, n.openHooks, n.openNotifier, n.takeRestored, n.sayDamage} {
		if err := open(); err != nil {
			return nil, err
		}
	}
	return n, n.openConnections(ctx)
}

func (n *Node) openKeys() error {
	var err error
	if n.vault, err = secret.OpenNode(n.dir, n.options.Getenv); err != nil {
		return fmt.Errorf("open the vault: %w", err)
	}
	n.identity, err = loadIdentity(n.vault)
	return err
}

func (n *Node) openStore() error {
	if memory := int64(n.config.Limits.Memory); memory > 0 {
		// The limit bounds the heap; as long as it is far, collecting garbage half
		// as often saves a twentieth of the processor.
		debug.SetMemoryLimit(memory)
		debug.SetGCPercent(200)
	}
	s, err := n.openOrSalvage(badgerstore.Options{
		Dir: filepath.Join(n.dir, backup.StoreFolder), Key: n.vault.Derive(secret.PurposeStore), MinFree: n.options.MinFree, Logger: n.log,
	})
	if err != nil {
		return err
	}
	n.store = s
	n.blobs, err = blob.Open(blob.Options{Dir: filepath.Join(n.dir, "files"), Key: n.vault.Derive(secret.PurposeBlob), Quota: blobQuota})
	if err != nil {
		return err
	}
	return n.nextBoot()
}

// blobQuota bounds the files kept beside the store, in bytes.
const blobQuota = 20 << 30

// nextBoot counts this start.
func (n *Node) nextBoot() error {
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return fmt.Errorf("draw the boot's number: %w", err)
	}
	n.boot.Random = binary.BigEndian.Uint64(random[:])
	key, present := store.MetaKey("boot"), homeOf(filepath.Join(n.dir, backup.StoreFolder))
	return n.store.Finish(func(tx store.Tx) (err error) {
		if n.successor, err = n.atHome(tx, present); err != nil {
			return err
		}
		raw, err := tx.Get(key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if len(raw) == 8 {
			n.boot.Counter = binary.BigEndian.Uint64(raw)
		}
		n.boot.Counter++
		return tx.Put(key, binary.BigEndian.AppendUint64(nil, n.boot.Counter))
	})
}

func (n *Node) openTracker() error {
	kind, err := n.kind()
	if err != nil {
		return err
	}
	settings, secrets, err := n.config.Tracker.Resolve(kind, n.resolver())
	if err != nil {
		return fmt.Errorf("settings of the tracker: %w", err)
	}
	n.mask.Add(secrets...)
	address, err := url.Parse(n.config.Tracker.URL)
	if err != nil {
		return fmt.Errorf("address of the tracker: %w", err)
	}
	n.tracker, err = kind.Open(adapters.Options{
		URL: address, Settings: settings, UserAgent: "Parley/" + n.options.Version,
		Timeout: time.Duration(n.config.Tracker.Timeout), Keeper: secret.Keeper{Vault: n.vault},
	})
	return err
}

func (n *Node) kind() (adapters.Kind, error) {
	for _, k := range n.options.Kinds {
		if k.Name == n.config.Tracker.Kind {
			return k, nil
		}
	}
	return adapters.Kind{}, fmt.Errorf("there is no adapter for trackers of kind %q", n.config.Tracker.Kind)
}

func (n *Node) resolver() secret.Resolver {
	return secret.Resolver{Vault: n.vault, Getenv: n.options.Getenv, Dir: n.config.Folder()}
}

func (n *Node) openPath() error {
	every := time.Duration(n.config.Tracker.Poll)
	if n.options.Every > 0 {
		every = n.options.Every
	}
	n.path, n.runner = flow.NewRunner(flow.Options{
		Store: n.store, Tracker: n.tracker, TrackerName: n.config.Tracker.Kind, Blobs: files{n.blobs},
		Now: time.Now, Random: rand.Reader, Secret: n.vault.Derive(secret.PurposeMarker), Boot: n.boot, Successor: n.successor,
		Log: n.log, Observe: n.observe, ConfirmGone: n.options.ConfirmGone,
	}, flow.RunnerOptions{Every: every, Workers: n.config.Limits.Lanes})
	return nil
}

func (n *Node) openServer() error {
	if n.config.Listen.NATS == "" {
		return nil
	}
	s, err := natsbus.NewServer(natsbus.ServerConfig{
		Listen: n.config.Listen.NATS, WebSocket: n.config.Listen.WebSocket, Key: n.identity.operating.TLS(), Log: n.log,
	})
	if err != nil {
		return fmt.Errorf("listen for peers at %s: %w", n.config.Listen.NATS, err)
	}
	n.server = s
	return nil
}

// Run works until ctx ends or the store stops, and closes the node.
func (n *Node) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, n.Close()) }()
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	all.Go(func() { n.activate(ctx) })
	all.Go(func() { n.watch(ctx) })
	all.Go(func() { n.verifyAll(ctx) })
	all.Go(func() { n.sweepAll(ctx) })
	all.Go(func() { n.endPauses(ctx) })
	all.Go(func() { n.trimAll(ctx) })
	all.Go(func() { n.tellWitnesses(ctx) })
	all.Go(func() { n.tell(ctx) })
	if n.hooks != nil {
		all.Go(func() { n.hooks.run(ctx) })
	}
	if n.syslog != nil {
		all.Go(func() { n.syslog.Run(ctx) })
	}
	cfg := n.configured()
	n.log.Info().Str("node", cfg.Node.Name).Str("id", string(n.identity.document.Node())).
		Str("tracker", cfg.Tracker.Kind).Uint64("boot", n.boot.Counter).Msg("node runs")
	if err := n.begun(); err != nil {
		return err
	}
	err = n.runner.Run(ctx)
	if err != nil {
		n.log.Error().Err(err).Msg("the store has stopped, and so does the node")
	}
	return err
}

// Close gives back what Open took. It may be called twice.
func (n *Node) Close() error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil
	}
	n.closed = true
	guests := maps.Clone(n.guests)
	for _, l := range n.loads {
		l.stop()
	}
	n.mu.Unlock()
	n.counts.all.Wait()
	n.loading.Wait() // they read the tracker and the store
	var err error
	for _, l := range n.all() {
		if l.flow != nil && l.flow.Link != nil {
			err = errors.Join(err, l.flow.Link.Close())
		}
	}
	for _, g := range guests {
		err = errors.Join(err, g.Close())
	}
	if n.server != nil {
		err = errors.Join(err, n.server.Close())
	}
	if n.hooks != nil {
		err = errors.Join(err, n.hooks.close())
	}
	if n.tracker != nil {
		err = errors.Join(err, n.tracker.Close())
	}
	if n.store != nil {
		err = errors.Join(err, n.store.Close())
	}
	return err
}
