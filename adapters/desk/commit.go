package desk

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// request asks the writer for one change. build runs with the state locked; it
// checks the wish against the state and says what to write. A nil entry means
// that there is nothing to do.
type request struct {
	by    string
	build func(s *state) (*entry, error)
	done  chan result
}

// result is what became of a request.
type result struct {
	id      int64
	key     string
	created time.Time
	version uint64
	item    string
	err     error
}

const groupSize = 64

var errClosed = errors.New("the desk is closed")

// change makes one change and returns once it is on disk. When the context
// ends first, the change may still happen.
func (s *Server) change(ctx context.Context, by string, build func(*state) (*entry, error)) (result, error) {
	r := &request{by: by, build: build, done: make(chan result, 1)}
	select {
	case s.requests <- r:
	case <-ctx.Done():
		return result{}, fmt.Errorf("wait for the journal: %w", ctx.Err())
	case <-s.quit:
		return result{}, errClosed
	}
	select {
	case res := <-r.done:
		return res, res.err
	case <-s.stopped:
		return result{}, errClosed
	}
}

// write is the one writer. It takes what waits as a group, so that one sync
// serves many changes.
func (s *Server) write() {
	defer close(s.stopped)
	for {
		select {
		case <-s.quit:
			return
		case r := <-s.requests:
			s.commit(s.group(r))
		}
	}
}

func (s *Server) group(first *request) []*request {
	group := []*request{first}
	for len(group) < groupSize {
		select {
		case r := <-s.requests:
			group = append(group, r)
		default:
			return group
		}
	}
	return group
}

// commit holds the lock until the group is on disk: nobody sees a change, or
// its number, that a crash could take back.
func (s *Server) commit(group []*request) {
	s.mu.Lock()
	var lines bytes.Buffer
	results := make([]result, len(group))
	for i, r := range group {
		results[i] = s.prepare(r, &lines)
	}
	if s.failed == nil && lines.Len() > 0 {
		s.failed = s.journal.append(lines.Bytes())
	}
	if s.failed != nil {
		for i := range results {
			results[i] = result{err: s.failed}
		}
	}
	s.mu.Unlock()
	for i, r := range group {
		r.done <- results[i]
	}
	if lines.Len() > 0 {
		s.hub.tell()
	}
}

func (s *Server) prepare(r *request, lines *bytes.Buffer) result {
	e, err := r.build(s.state)
	if err != nil {
		return result{err: err}
	}
	e.By = r.by
	if !e.empty() {
		if err := s.enter(e, lines); err != nil {
			return result{err: err}
		}
	}
	t := s.state.tickets[e.Ticket]
	return result{id: t.id, key: t.key, created: t.created, version: t.version, item: e.item()}
}

// enter numbers an entry, applies it and adds its line.
func (s *Server) enter(e *entry, lines *bytes.Buffer) error {
	e.Seq, e.At = s.state.seq+1, s.options.Now().UTC().Truncate(time.Millisecond)
	id := strconv.FormatUint(e.Seq, 10)
	if e.Comment != nil {
		e.Comment.ID, e.Comment.By, e.Comment.Created = id, cmp.Or(e.Comment.By, e.By), e.At
	}
	if e.File != nil {
		e.File.ID, e.File.By, e.File.Created = id, e.By, e.At
	}
	before := lines.Len()
	if err := encodeEntry(lines, e); err != nil {
		lines.Truncate(before)
		return err
	}
	if err := s.state.apply(e); err != nil {
		// The state may be half changed: only the journal tells the truth.
		s.failed = fmt.Errorf("apply an entry: %w", err)
		return s.failed
	}
	return nil
}

func (e *entry) empty() bool {
	return e.Create == nil && len(e.Set) == 0 && e.Links == nil && e.Comment == nil && e.Edit == nil && e.File == nil && e.Remove == nil && !e.Delete
}

func (e *entry) item() string {
	switch {
	case e.Comment != nil:
		return e.Comment.ID
	case e.File != nil:
		return e.File.ID
	case e.Edit != nil:
		return e.Edit.Comment
	default:
		return ""
	}
}
