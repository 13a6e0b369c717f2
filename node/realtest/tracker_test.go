//go:build real

package realtest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// server is one real tracker, run by the scripts in scripts/trackers.
type server struct {
	kind, name, dir, port string
	script                string
	extra                 []string
	// busy is held for reading by people at work and for writing by who kills
	// the server: so a person's call is never cut, and none is made twice.
	busy sync.RWMutex
	env  map[string]string
}

// newServer starts a tracker and waits until it answers.
func newServer(t *testing.T, kind, name, dir string, extra ...string) *server {
	t.Helper()
	script, err := filepath.Abs("../../scripts/trackers/" + kind + ".sh")
	must(t, err)
	s := &server{
		kind: kind, name: fmt.Sprintf("real-%s-%d", name, os.Getpid()), dir: filepath.Join(dir, name+"-tracker"),
		port: freePort(t), script: script, extra: extra,
	}
	if os.Getenv("TRACKERS_STATE") == "" {
		s.extra = append(s.extra, "TRACKERS_STATE="+filepath.Join(dir, "state"))
	}
	t.Cleanup(func() { _, _ = s.command(context.Background(), "destroy", s.name) })
	must(t, s.start(t.Context()))
	return s
}

func (s *server) start(ctx context.Context) error {
	out, err := s.command(ctx, "start", s.name, s.port, s.dir)
	if err != nil {
		return err
	}
	env := map[string]string{}
	for line := range strings.Lines(out) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			env[k] = v
		}
	}
	s.env = env
	_, err = s.command(ctx, "wait-ready", s.name)
	return err
}

// kill ends the server and its workers at once. The caller holds busy.
func (s *server) kill() error {
	pid, err := strconv.Atoi(s.env["PID"])
	if err != nil {
		return fmt.Errorf("process of %s: %w", s.name, err)
	}
	// The script made the server the leader of a group of its own.
	return syscall.Kill(-pid, syscall.SIGKILL)
}

func (s *server) command(ctx context.Context, args ...string) (string, error) {
	// The server keeps what it inherits: a pipe of stdout would stay open.
	out, err := os.CreateTemp("", "tracker-out-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(out.Name()) }()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, s.script, args...)
	cmd.Stdout, cmd.Stderr = out, &stderr
	cmd.Env = append(os.Environ(), s.extra...)
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s.sh %s: %w: %s", s.kind, args[0], err, stderr.String())
	}
	raw, err := os.ReadFile(out.Name())
	return string(raw), errors.Join(err, out.Close())
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	must(t, l.Close())
	return port
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
