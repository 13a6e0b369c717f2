package trackers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Instance is one real tracker.
type Instance struct {
	// Kind is the script's name: "redmine" or "rt".
	Kind string
	// Name is the instance's in the registry of the scripts, made unique by our
	// process id and its port: packages, and tests of one, run beside each other.
	Name string
	// Dir holds the instance's data. The server runs as another user, who must
	// get through the folders above it.
	Dir string
	// Env is what the script told: URL, the users' keys, PID, DIR.
	Env map[string]string

	script, port string
	extra        []string
}

// New names an instance below dir and starts nothing. The address stays the
// same over all starts; extra are variables for the script ("KEY=VALUE").
func New(kind, name, dir string, extra ...string) (*Instance, error) {
	script, err := script(kind)
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, fmt.Errorf("find a port for %s: %w", name, err)
	}
	in := &Instance{
		Kind: kind, Name: fmt.Sprintf("%s-%d-%s", name, os.Getpid(), port), Dir: filepath.Join(dir, name+"-tracker"),
		script: script, port: port, extra: extra,
	}
	if os.Getenv("TRACKERS_STATE") == "" {
		in.extra = append(in.extra, "TRACKERS_STATE="+filepath.Join(dir, "state"))
	}
	return in, nil
}

// Start starts the instance, or starts it again after it was killed, and returns
// when its API answers.
func (in *Instance) Start(ctx context.Context) error {
	out, err := in.command(ctx, "start", in.Name, in.port, in.Dir)
	if err != nil {
		return err
	}
	in.Env = variables(out)
	_, err = in.command(ctx, "wait-ready", in.Name)
	return err
}

// Kill ends the server and its workers at once, as a lost machine would.
func (in *Instance) Kill() error {
	pid, err := strconv.Atoi(in.Env["PID"])
	if err != nil || pid <= 1 {
		return fmt.Errorf("%s has no process to end: its id is %q", in.Name, in.Env["PID"])
	}
	// The script made the server the leader of a group of its own.
	return syscall.Kill(-pid, syscall.SIGKILL)
}

// Destroy ends the server and removes its data. It takes no context: it runs
// when the test's is over.
func (in *Instance) Destroy() error {
	_, err := in.command(context.Background(), "destroy", in.Name)
	return err
}

// URL is the address of the tracker.
func (in *Instance) URL() (*url.URL, error) { return url.Parse(in.Env["URL"]) }

// SQL changes the instance's database behind its back: what only an
// administrator's pages can set up, and what only time would. RT's processes
// remember what they read of it until they are started again.
func (in *Instance) SQL(ctx context.Context, statement string) error {
	db := filepath.Join(in.Env["DIR"], "rt.sqlite3")
	if in.Kind == "redmine" {
		db = filepath.Join(in.Env["DIR"], "app/instances/main/redmine.sqlite3")
	}
	// The server writes too: without a wait the statement fails now and then.
	out, err := exec.CommandContext(ctx, "sqlite3", "-cmd", ".timeout 10000", db, statement).CombinedOutput()
	if err != nil {
		return fmt.Errorf("change the database of %s: %w: %s", in.Name, err, out)
	}
	return nil
}

func (in *Instance) command(ctx context.Context, args ...string) (string, error) {
	// A file, not a pipe: the server keeps what it inherits, and a pipe of stdout
	// would stay open for as long as it runs.
	out, err := os.CreateTemp("", "tracker-out-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(out.Name()) }()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, in.script, args...)
	cmd.Stdout, cmd.Stderr = out, &stderr
	cmd.Env = append(os.Environ(), in.extra...)
	if err := cmd.Run(); err != nil {
		return "", errors.Join(fmt.Errorf("%s.sh %s: %w: %s", in.Kind, args[0], err, stderr.String()), out.Close())
	}
	raw, err := os.ReadFile(out.Name())
	return string(raw), errors.Join(err, out.Close())
}

// variables are the lines KEY=VALUE of a text.
func variables(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			out[k] = v
		}
	}
	return out
}

// script is a tracker's script in the repository that the working directory
// lies in: tests run in the folder of their package.
func script(kind string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, "scripts", "trackers", kind+".sh")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no script for a tracker of kind %q above the working directory", kind)
		}
	}
}

// freePort is a port that was free a moment ago. The scripts take a number, not
// a listener, so somebody else may be faster; then Start says so.
func freePort() (string, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

// Main is the TestMain of a package whose tests share one instance: it starts
// it, gives it to use, runs the tests and returns the process's exit status.
func Main(m *testing.M, kind, name string, use func(*Instance)) int {
	status := 0
	err := with(kind, name, func(in *Instance) {
		use(in)
		status = m.Run()
	})
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return status
}

// with runs do while an instance answers.
func with(kind, name string, do func(*Instance)) (err error) {
	dir, err := Folder(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	in, err := New(kind, name, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Destroy()) }()
	if err := in.Start(context.Background()); err != nil {
		return err
	}
	do(in)
	return nil
}

// Folder makes a folder for instances, which the servers' user gets through.
func Folder(name string) (string, error) {
	dir, err := os.MkdirTemp("", name+"-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755) //nolint:gosec // the server runs as another user
}

// For starts an instance for one test and destroys it with it.
func For(t testing.TB, kind, name string, extra ...string) *Instance {
	t.Helper()
	dir, err := Folder(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return Below(t, kind, name, dir, extra...)
}

// Below is For in a folder of the caller's.
func Below(t testing.TB, kind, name, dir string, extra ...string) *Instance {
	t.Helper()
	in, err := New(kind, name, dir, extra...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Destroy(); err != nil {
			t.Error(err)
		}
	})
	if err := in.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return in
}
