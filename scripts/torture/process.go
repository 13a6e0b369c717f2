//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// process is a program that is killed and started again.
type process struct {
	name string
	argv []string
	dir  string
	log  string

	mu    sync.Mutex // guards the fields below
	cmd   *exec.Cmd
	ended chan struct{} // closed when cmd has ended
	began time.Time
	// doomed is set before cmd is told to end: its end is not its own.
	doomed bool
	// fault is the end that nobody asked for.
	fault error
}

// start begins a life.
func (p *process) start() error {
	log, err := os.OpenFile(p.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", p.name, err)
	}
	cmd := exec.Command(p.argv[0], p.argv[1:]...) //nolint:noctx // it ends by kill and stop alone
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error), make(chan struct{})
	go func() {
		// The signal at our death is tied to this thread.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(ended)
		err := errors.Join(cmd.Start(), log.Close())
		started <- err
		if err == nil {
			p.over(cmd, cmd.Wait())
		}
	}()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.cmd, p.ended, p.began, p.doomed = cmd, ended, time.Now(), false
	return nil
}

// over notes an end that nobody asked for.
func (p *process) over(cmd *exec.Cmd, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.doomed && p.cmd == cmd && p.fault == nil {
		p.fault = fmt.Errorf("%s ended by itself: %w; its log is %s", p.name, errors.Join(err, errors.New("nobody killed it")), p.log)
	}
}

// age is how long the present life has lasted.
func (p *process) age() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.began)
}

// end sends a signal and waits for the end.
func (p *process) end(signal os.Signal) error {
	p.mu.Lock()
	cmd, ended := p.cmd, p.ended
	p.doomed = true
	p.mu.Unlock()
	if cmd == nil {
		return nil
	}
	if err := cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end %s: %w", p.name, err)
	}
	select {
	case <-ended:
		return nil
	case <-time.After(30 * time.Second):
		err := fmt.Errorf("%s did not end after %s", p.name, signal)
		return errors.Join(err, cmd.Process.Kill())
	}
}

// failure is the end that nobody asked for, if there was one.
func (p *process) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault
}
