package demo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"parley/adapters"
	"parley/adapters/desk"
	"parley/node"
	"parley/node/admin"
	"parley/node/config"
	"parley/node/demo"
)

const (
	asNode = "DEMO_TEST_NODE"
	broken = "DEMO_TEST_BROKEN"
)

// TestMain is also the node: the demo starts this program again as its child.
func TestMain(m *testing.M) {
	if os.Getenv(asNode) == "" {
		os.Exit(m.Run())
	}
	if os.Getenv(broken) != "" {
		fmt.Fprintln(os.Stderr, "the reason")
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := runNode(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runNode is what `parley run` does.
func runNode(ctx context.Context, file string) (err error) {
	load := func() (*config.Config, error) { return config.Load(file, config.Options{Kinds: kinds()}) }
	cfg, err := load()
	if err != nil {
		return err
	}
	socket, err := admin.Listen(cfg.Path(cfg.Node.Dir))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, socket.Close()) }()
	n, err := node.Open(ctx, cfg, node.Options{Kinds: kinds(), Version: "test", Reload: load, MinFree: -1})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- admin.Serve(ctx, socket, admin.NewHandler(n, "test", n), zerolog.Nop()) }()
	err = n.Run(ctx)
	cancel()
	return errors.Join(err, <-served)
}

func options(t *testing.T, out *lines) demo.Options {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return demo.Options{
		Dir: t.TempDir(), Out: out, Env: []string{asNode + "=1"},
		Node: func(config string) []string { return []string{self, config} },
	}
}

// lines is what the demo prints.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func logs(t *testing.T, dir string) {
	t.Helper()
	for _, id := range []string{"acme", "globex"} {
		text, err := os.ReadFile(filepath.Join(dir, id, "node.log"))
		t.Logf("%s's log (%v):\n%s", id, err, text)
	}
}

func TestOnce_TheDesksAgree(t *testing.T) {
	t.Parallel()
	for _, kill := range []string{"", "acme", "globex"} {
		t.Run("kill "+kill, func(t *testing.T) {
			t.Parallel()
			out := &lines{}
			o := options(t, out)
			got, err := demo.Once(t.Context(), o, demo.Scenario{Tickets: 6, BigFile: 1 << 20, Kill: kill})
			if err != nil {
				logs(t, o.Dir)
				t.Fatalf("%v\n%+v\n%s", err, got, out)
			}
			// Of every story two public comments cross at home and one from away; all six have a file.
			want := demo.Summary{Tickets: 6, Comments: 18, Attachments: 6, OK: true}
			if got.Tickets != want.Tickets || got.Comments != want.Comments || got.Attachments != want.Attachments || !got.OK {
				t.Errorf("got %+v, want %+v\n%s", got, want, out)
			}
			if got.P50 <= 0 || got.P99 < got.P50 || got.Seconds <= 0 || got.Events < 6+18+6 {
				t.Errorf("the figures are %+v", got)
			}
			if kill == "" && strings.Contains(out.String(), "died") {
				t.Errorf("a node died:\n%s", out)
			}
			if kill != "" && !strings.Contains(out.String(), "is started again") {
				t.Errorf("no node was started again:\n%s", out)
			}
		})
	}
}

// wait polls until fn is satisfied.
func wait(t *testing.T, what string, fn func() error) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		err := fn()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func kinds() []adapters.Kind { return []adapters.Kind{desk.Kind()} }
