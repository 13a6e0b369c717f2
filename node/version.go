package node

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os/user"
	"strings"
	"time"

	"parley/filters"
	"parley/node/config"
	"parley/sync/event"
	"parley/sync/store"
)

// version is all of a connection that decides what leaves and what enters. A
// connection that was published runs by a version in the store, whatever its files
// say; any other runs by its files as they were when they were last read.
type version struct {
	// name is made of the content; "" while it is a draft in files.
	name string

	Scope   string                   `json:"scope"`
	Out     string                   `json:"out"`
	In      string                   `json:"in"`
	Tables  map[string]filters.Table `json:"tables,omitempty"`
	Vars    map[string]any           `json:"vars,omitempty"`
	Gate    config.Gate              `json:"gate,omitzero"`
	Accept  config.Accept            `json:"accept,omitzero"`
	Forward []string                 `json:"forward,omitempty"`
	// Template is what the scripts, tables and declarations of vars are from, as
	// NAME@VERSION, and Digest that template's content; "" if they are its own.
	Template string `json:"template,omitempty"`
	Digest   string `json:"digest,omitempty"`
}

// published is one entry of a connection's history.
type published struct {
	Version string    `json:"version"`
	Author  string    `json:"author,omitempty"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
	// Rollback tells that the version had been in force before.
	Rollback bool `json:"rollback,omitempty"`
	// Parked is how many tickets waited for a person when it came into force.
	Parked int `json:"parked,omitempty"`
	// Tests is the list of the test files that it passed, by its content; "" if there
	// are none.
	Tests string `json:"tests,omitempty"`
}

// content is the version's canonical bytes: maps marshal in key order.
func (v version) content() ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write a version of filters: %w", err)
	}
	return raw, nil
}

// A version's name is nameBytes of its digest: nobody makes two that are named
// alike. What asks for one may say the first digits, at least leastDigits. Versions
// of a store may bear names as short as that.
const (
	nameBytes   = 16
	leastDigits = 12
)

// id names the version by its content.
func (v version) id() (string, error) {
	raw, err := v.content()
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:nameBytes]), err
}

// bears tells whether content is what a name stands for.
func bears(name string, content []byte) bool {
	sum := sha256.Sum256(content)
	return len(name) >= leastDigits && strings.HasPrefix(hex.EncodeToString(sum[:]), name)
}

// sameVersion tells whether two names, one of which may be short, are of one version.
func sameVersion(a, b string) bool {
	return min(len(a), len(b)) >= leastDigits && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a))
}

// whole is the name in a history that was asked for by its first digits; none if
// several begin alike.
func whole(history []published, asked string) (string, error) {
	found := ""
	for _, e := range history {
		switch {
		case e.Version == asked:
			return asked, nil
		case len(asked) < leastDigits || !strings.HasPrefix(e.Version, asked) || e.Version == found:
		case found != "":
			return "", errNoVersion
		default:
			found = e.Version
		}
	}
	if found == "" {
		return "", errNoVersion
	}
	return found, nil
}

// over is what the configuration says of a connection, with the version's part.
func (v version) over(c config.Connection) config.Connection {
	c.Scope, c.Vars, c.Gate, c.Accept, c.Forward = v.Scope, v.Vars, v.Gate, v.Accept, v.Forward
	return c
}

// draft reads a connection's files.
func draft(cfg *config.Config, c config.Connection) (version, error) {
	v := version{Scope: c.Scope, Vars: c.Vars, Gate: c.Gate, Accept: c.Accept, Forward: c.Forward}
	if t := c.From(); t != nil {
		return v, v.from(t)
	}
	var err error
	if v.Out, v.In, err = readFilters(cfg, c); err != nil {
		return v, err
	}
	v.Tables, err = readTables(cfg, c)
	return v, err
}

// inForce is what a connection runs by: the version published last, else its files.
func (n *Node) inForce(cfg *config.Config, c config.Connection, rec record) (version, error) {
	history, err := n.history(rec.Agreement.Connection)
	if err != nil {
		return version{}, err
	}
	if len(history) == 0 {
		return draft(cfg, c)
	}
	return n.stored(rec.Agreement.Connection, history[len(history)-1].Version)
}

// history lists what was put in force, the oldest first.
func (n *Node) history(con event.ConnectionID) ([]published, error) {
	var all []published
	err := n.store.View(func(r store.Reader) error {
		return r.Scan(store.PublishedPrefix(con), nil, func(_, value []byte) (bool, error) {
			var p published
			err := json.Unmarshal(value, &p)
			all = append(all, p)
			return true, err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the versions of filters: %w", err)
	}
	return all, nil
}

var errNoVersion = errors.New("there is no such version")

// stored reads a version, and holds it to its name.
func (n *Node) stored(con event.ConnectionID, name string) (version, error) {
	var v version
	err := n.store.View(func(r store.Reader) error {
		raw, err := r.Get(store.VersionKey(con, name))
		if err != nil {
			return err
		}
		if !bears(name, raw) {
			return errors.New("its content is another one's")
		}
		return json.Unmarshal(raw, &v)
	})
	if errors.Is(err, store.ErrNotFound) {
		err = errNoVersion
	}
	if err != nil {
		return v, fmt.Errorf("read version %s of the filters: %w", name, err)
	}
	v.name = name
	return v, nil
}

// putVersion stores a version and puts it in force, in one durable transaction.
func (n *Node) putVersion(con event.ConnectionID, v version, p published) error {
	err := n.store.Update(func(tx store.Tx) error { return writeVersion(tx, con, v, p) })
	if err != nil {
		return fmt.Errorf("store a version of filters: %w", err)
	}
	return nil
}

func writeVersion(tx store.Tx, con event.ConnectionID, v version, p published) error {
	raw, err := v.content()
	if err != nil {
		return err
	}
	entry, err := json.Marshal(p)
	if err != nil {
		return err
	}
	next := uint64(1)
	err = tx.Scan(store.PublishedPrefix(con), nil, func(key, _ []byte) (bool, error) {
		next = uint64(store.SeqOf(key)) + 1
		return true, nil
	})
	if err != nil {
		return err
	}
	_, err = tx.Get(store.VersionKey(con, p.Version))
	if errors.Is(err, store.ErrNotFound) {
		err = tx.Put(store.VersionKey(con, p.Version), raw)
	}
	if err != nil {
		return err
	}
	return tx.Put(store.PublishedKey(con, next), entry)
}

// whoRuns is the person whose account the node runs under, where nobody is named.
func whoRuns() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}
