package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
)

// SocketFile is the socket's name in the node's folder.
const SocketFile = "parley.sock"

const (
	lockName = "parley.lock"
	birthDir = ".sock" // 0700: the socket gets its mode in here before anybody can reach it
	// maxSocketPath is what the smallest sockaddr_un of our systems takes.
	maxSocketPath = 103
)

// ErrRunning: another process is the node of this folder.
var ErrRunning = errors.New("a node is running in it already")

// Socket is the node's listener, and proof that this process is the only node
// of its folder.
type Socket struct {
	net.Listener
	name    string
	lock    *os.File
	closing sync.Once
	closed  error
}

// Listen takes the folder for this process and listens on its socket. A socket
// that a dead node left is replaced. The error is ErrRunning if the folder has
// a node.
func Listen(dir string) (*Socket, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("listen for commands: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("listen for commands: %w", err)
	}
	if err := lockFile(lock); err != nil {
		return nil, errors.Join(&Error{
			Kind: KindConflict, Message: "folder " + dir,
			Hint: "stop it first, or give this one a folder of its own (node.dir)", Err: ErrRunning,
		}, lock.Close())
	}
	listener, err := bind(dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for commands: %w", err), lock.Close())
	}
	return &Socket{Listener: listener, name: filepath.Join(dir, SocketFile), lock: lock}, nil
}

// bind makes the socket with its mode, then moves it to where people look: at
// no time, whatever the umask, can another user connect.
func bind(dir string) (net.Listener, error) {
	birth := filepath.Join(dir, birthDir)
	if err := os.RemoveAll(birth); err != nil {
		return nil, err
	}
	if err := os.Mkdir(birth, 0o700); err != nil {
		return nil, err
	}
	name := filepath.Join(birth, "s")
	listener, err := listenUnix(name)
	if err != nil {
		return nil, err
	}
	err = errors.Join(os.Chmod(name, 0o600), os.Rename(name, filepath.Join(dir, SocketFile)), os.Remove(birth))
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

func listenUnix(name string) (net.Listener, error) {
	name, err := short(name)
	if err != nil {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(false) // it will have moved by then
	return listener, nil
}

// Close ends the listener, takes the socket away and frees the folder. It may
// be called twice.
func (s *Socket) Close() error {
	s.closing.Do(func() {
		err := os.Remove(s.name)
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		s.closed = errors.Join(s.Listener.Close(), err, unlockFile(s.lock), s.lock.Close())
	})
	return s.closed
}

// Dial connects to the node of a folder.
func Dial(ctx context.Context, dir string) (net.Conn, error) {
	return DialSocket(ctx, filepath.Join(dir, SocketFile))
}

// short makes a path fit into a socket's address: the way from the working
// folder is often shorter than the absolute one.
func short(name string) (string, error) {
	if len(name) <= maxSocketPath {
		return name, nil
	}
	if here, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(here, name); err == nil && len(rel) <= maxSocketPath {
			return rel, nil
		}
	}
	return "", &Error{
		Kind: KindInvalid, Message: fmt.Sprintf("the path %s is too long for a socket (%d bytes, %d at most)", name, len(name), maxSocketPath),
		Hint: "choose a shorter node.dir",
	}
}

// ListenShared makes a socket that a group of the machine's people may connect to, beside
// the node's own. The folder must be there; a socket that a dead node left is replaced.
func ListenShared(name, group string) (net.Listener, error) {
	wrong := func(what string, err error) error {
		return &Error{Kind: KindInvalid, Message: "socket " + name + ": " + what, Hint: "see access in parley.yaml", Err: err}
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return nil, wrong("there is no group "+group, err)
	}
	gid, err := strconv.Atoi(g.Gid)
	if err != nil {
		return nil, wrong("the group has no number", err)
	}
	if info, err := os.Lstat(name); err == nil && info.Mode().Type() != os.ModeSocket {
		return nil, wrong("something else is there", nil)
	}
	// It comes into being where nobody else can reach it.
	birth, err := os.MkdirTemp(filepath.Dir(name), birthDir)
	if err != nil {
		return nil, wrong("its folder cannot be written to", err)
	}
	defer func() { _ = os.RemoveAll(birth) }()
	born := filepath.Join(birth, "s")
	listener, err := listenUnix(born)
	if err != nil {
		return nil, wrong("it cannot be made", err)
	}
	if err := errors.Join(os.Chown(born, -1, gid), os.Chmod(born, 0o660), os.Rename(born, name)); err != nil {
		return nil, errors.Join(wrong("it cannot be given to group "+group, err), listener.Close())
	}
	return &shared{listener, name}, nil
}

// shared takes its socket away when it is closed.
type shared struct {
	net.Listener
	name string
}

// Close implements net.Listener.
func (s *shared) Close() error {
	err := os.Remove(s.name)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(s.Listener.Close(), err)
}

// DialSocket connects to a socket by its own name.
func DialSocket(ctx context.Context, name string) (net.Conn, error) {
	name, err := short(name)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	return d.DialContext(ctx, "unix", name)
}
