package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"parley/filters/examples"
	"parley/node"
	"parley/node/admin"
	"parley/node/secret"
)

const (
	tokenName = "tracker-token"
	// maxSocket is how long the path of a unix socket may be everywhere.
	maxSocket = 103
)

// checkFolder refuses a folder whose nodes could not be reached.
func checkFolder(dir string) error {
	longest := 0
	for _, p := range profiles() {
		longest = max(longest, len(filepath.Join(dir, p.id, "data", "parley.sock")))
	}
	if longest > maxSocket {
		return &admin.Error{
			Kind:    admin.KindInvalid,
			Message: fmt.Sprintf("the folder %s is too deep: the nodes' sockets would have names of %d bytes, %d at most work", dir, longest, maxSocket),
			Hint:    fmt.Sprintf("give --dir a path of at most %d bytes", maxSocket-(longest-len(dir))),
		}
	}
	return nil
}

// prepare writes what is missing of a company's folder and returns the token
// that its node signs in at the desk with. parley.yaml is not part of it.
func (c *company) prepare() (token string, err error) {
	if err := os.MkdirAll(c.data(), 0o700); err != nil {
		return "", fmt.Errorf("make the folder of %s: %w", c.name, err)
	}
	vault, err := c.vault()
	if err != nil {
		return "", err
	}
	if err := node.CreateIdentity(vault); err != nil {
		return "", fmt.Errorf("make the keys of %s: %w", c.name, err)
	}
	value, err := vault.Get(tokenName)
	if errors.Is(err, secret.ErrNotFound) {
		value = secret.NewValue(rand.Text())
		err = vault.Set(tokenName, value)
	}
	if err != nil {
		return "", fmt.Errorf("keep the token of %s's desk: %w", c.name, err)
	}
	return value.Reveal(), c.writeFilters()
}

func (c *company) vault() (*secret.Vault, error) {
	// The environment's key, if there is one, belongs to another node.
	key, err := secret.FindKey(c.data(), func(string) string { return "" })
	if errors.Is(err, fs.ErrNotExist) {
		key, err = secret.CreateKey(c.data())
	}
	if err != nil {
		return nil, fmt.Errorf("find the master key of %s: %w", c.name, err)
	}
	return secret.Open(c.data(), key)
}

func (c *company) writeFilters() error {
	pair, err := examples.Get("desk-to-desk")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(c.dir, "filters"), 0o700); err != nil {
		return fmt.Errorf("make the folder of %s's filters: %w", c.name, err)
	}
	for way, text := range map[string]string{"out": pair.Outgoing, "in": pair.Incoming} {
		if err := writeMissing(c.filter(way), text); err != nil {
			return err
		}
	}
	return nil
}

// writeMissing writes a file that is not there, whole or not at all.
func writeMissing(name, text string) error {
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return replace(name, text)
}

func replace(name, text string) error {
	next := name + ".next"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(next, name); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// configure writes parley.yaml, or makes the one that is there point at the
// desk's present address.
func (c *company) configure(ctx context.Context) error {
	text, err := os.ReadFile(c.config())
	if errors.Is(err, fs.ErrNotExist) {
		fresh, err := c.configuration(ctx)
		if err != nil {
			return err
		}
		return replace(c.config(), fresh)
	}
	if err != nil {
		return fmt.Errorf("read %s's configuration: %w", c.name, err)
	}
	moved := deskLine.ReplaceAllLiteralString(string(text), "  url: "+c.url+" ")
	if moved == string(text) {
		return nil
	}
	return replace(c.config(), moved)
}

// deskLine is the line of parley.yaml that the demo keeps right.
var deskLine = regexp.MustCompile(`(?m)^  url: http://127\.0\.0\.1:[0-9]+ `)

func (c *company) configuration(ctx context.Context) (string, error) {
	listening := ""
	if c.listens {
		// The port stays: the peer keeps it in its agreement.
		address, err := lasting(ctx)
		if err != nil {
			return "", fmt.Errorf("find a port for %s's node: %w", c.name, err)
		}
		listening = fmt.Sprintf("\n# %s's node dials this one here.\nlisten:\n  nats: %s\n", other(c.id).name, address)
	}
	return strings.NewReplacer(
		"<name>", c.name, "<id>", c.id, "<listening>", listening, "<url>", c.url, "<token>", tokenName, "<peer>", c.peer, "<project>", c.project,
	).Replace(configuration), nil
}

func other(id string) profile {
	for _, p := range profiles() {
		if p.peer == id {
			return p
		}
	}
	return profile{}
}

const configuration = `# <name>'s node in the demo. Everything here may be changed; the demo reads it again
# when you save it. What it can hold: parley config show
node:
  name: <id>
  dir: data
<listening>
tracker:
  kind: desk
  url: <url>   # the demo keeps this right
  poll: 5s   # the desk also tells at once
  settings:
    token: ${secret:<token>}

connections:
  <peer>:
    scope: "true"                      # every ticket; try: issue.priority == "High"
    out: filters/<peer>.out.parley
    in: filters/<peer>.in.parley
    vars: {project: <project>, type: Request, max_attachment_mb: 20}
    accept:
      projects: [<project>]
      types: [Incident, Request, Task]
      creates_per_hour: 5000
    fuse: {creates: 5000, closes: 5000}   # the demo works fast

metrics:
  listen: "off"
`

// reachable finds out early that a port is taken which the peer relies on.
func (c *company) reachable(ctx context.Context) error {
	text, err := os.ReadFile(c.config())
	if err != nil {
		return fmt.Errorf("read %s's configuration: %w", c.name, err)
	}
	found := listenLine.FindSubmatch(text)
	if found == nil {
		return nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", string(found[1]))
	if err != nil {
		return &admin.Error{
			Kind:    admin.KindConflict,
			Message: fmt.Sprintf("%s's node cannot listen at %s", c.name, found[1]), Err: err,
			Hint: "end the program that has this port (another demo?), or begin afresh with another --dir",
		}
	}
	return l.Close()
}

var listenLine = regexp.MustCompile(`(?m)^  nats: (127\.0\.0\.1:[0-9]+)\s*$`)
