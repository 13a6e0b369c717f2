package desk

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
)

// Server is one ticket desk: an http.Handler over a folder.
type Server struct {
	options  Options
	dir      string
	journal  *journal
	requests chan *request
	quit     chan struct{}
	stopped  chan struct{}
	closing  sync.Once
	closed   error
	hub      *hub
	handler  http.Handler

	mu     sync.RWMutex // guards the fields below
	state  *state
	failed error // the journal cannot be trusted any more: nothing is answered
}

var _ http.Handler = (*Server)(nil)

// Open reads the desk in dir, or begins one there.
func Open(dir string, options Options) (*Server, error) {
	options.setDefaults()
	if err := options.check(); err != nil {
		return nil, fmt.Errorf("open the desk: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, filesName), 0o700); err != nil {
		return nil, fmt.Errorf("open the desk: %w", err)
	}
	s := &Server{
		options:  options,
		dir:      dir,
		requests: make(chan *request),
		quit:     make(chan struct{}),
		stopped:  make(chan struct{}),
		hub:      newHub(),
		state:    newState(options),
	}
	var err error
	if s.journal, err = openJournal(dir, s.state.apply); err != nil {
		return nil, err
	}
	if s.handler, err = s.routes(); err != nil {
		return nil, errors.Join(err, s.journal.close())
	}
	go s.write()
	return s, nil
}

// Close ends the desk and every page that listens to it. What was answered is
// on disk already. It may be called twice.
func (s *Server) Close() error {
	s.closing.Do(func() {
		close(s.quit)
		<-s.stopped
		s.closed = s.journal.close()
	})
	return s.closed
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// view runs f on the state as it is on disk. f must not keep what it reads,
// except tickets' maps and slices, which are replaced and never written to.
func (s *Server) view(f func(*state) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.failed != nil {
		return s.failed
	}
	return f(s.state)
}
