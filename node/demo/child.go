package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"parley/node/admin"
)

// child is a node in a process of its own.
type child struct {
	name string
	argv []string
	env  []string
	dir  string
	log  string // the file of its log
	// restarted is told why it ended, before it is started again.
	restarted func(error)

	mu      sync.Mutex // guards process
	process *os.Process
}

const (
	// farewell is how long a node may take to end by itself.
	farewell = 15 * time.Second
	// steady is how long a node must have run for its end to be a new matter.
	steady = 20 * time.Second
	// hopeless is how many short lives in a row are enough.
	hopeless = 6
	maxLog   = 16 << 20
)

// run keeps the node running until ctx ends, and returns when it has ended. An
// error means that it will not run.
func (c *child) run(ctx context.Context) error {
	for short := 0; ; {
		began := time.Now()
		err := c.live(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was asked to end
		}
		if short++; time.Since(began) > steady {
			short = 1
		}
		if short == hopeless {
			return &admin.Error{Kind: admin.KindInternal, Message: c.name + "'s node ends again and again", Err: err, Hint: c.advice()}
		}
		if c.restarted(err); !pause(ctx, time.Duration(short*short)*50*time.Millisecond) {
			return nil
		}
	}
}

// live is one life of the node; it always ends with an error.
func (c *child) live(ctx context.Context) (err error) {
	log, err := openLog(c.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	// The child is to end with this process; Linux ties that to the thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Dir, cmd.Env = c.dir, c.environment()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = apart()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = farewell
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s's node: %w", c.name, err)
	}
	c.set(cmd.Process)
	defer c.set(nil)
	if err := cmd.Wait(); err != nil {
		return err
	}
	return errors.New("it ended by itself")
}

func (c *child) set(p *os.Process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.process = p
}

// kill ends the node as a power cut would.
func (c *child) kill() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return fmt.Errorf("%s's node is not running", c.name)
	}
	if err := c.process.Kill(); err != nil {
		return fmt.Errorf("kill %s's node: %w", c.name, err)
	}
	return nil
}

// environment is ours without what would make it another node.
func (c *child) environment() []string {
	var env []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "PARLEY_") && !strings.HasPrefix(entry, "CREDENTIALS_DIRECTORY=") {
			env = append(env, entry)
		}
	}
	return append(env, c.env...)
}

// advice is where to look, with the end of the log.
func (c *child) advice() string {
	advice := "its log says why: " + c.log
	if text, err := os.ReadFile(c.log); err == nil {
		text = text[max(0, len(text)-1000):]
		advice += "\n" + lines(string(text[bytes.IndexByte(text, '\n')+1:]))
	}
	return advice
}

// openLog appends to a log, and begins anew when it has grown long.
func openLog(name string) (*os.File, error) {
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if info, err := os.Stat(name); err == nil && info.Size() > maxLog {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(name, flags, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the node's log: %w", err)
	}
	return f, nil
}

// pause waits; false means that ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
