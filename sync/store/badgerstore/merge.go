package badgerstore

import (
	"bytes"
	"cmp"
	"container/heap"
	"errors"
	"os"
	"slices"
)

// source gives the entries of one file, in the order of their keys. What it cannot
// read it leaves out and counts.
type source interface {
	// bound is no greater than the first key that is left; nil if there is none.
	bound() []byte
	// next returns an entry with that key; false if only the bound was too low.
	next() (found, bool, error)
}

// found is an entry and what is known of its file.
type found struct {
	entry
	forgotten bool // the manifest does not name the file
}

// byVersion orders entries of one key; at equal versions one of a file that counts
// is the greater.
func byVersion(a, b found) int {
	if c := cmp.Compare(a.version, b.version); c != 0 {
		return c
	}
	switch {
	case a.forgotten == b.forgotten:
		return 0
	case a.forgotten:
		return -1
	}
	return 1
}

// tableSource reads a table block by block. Its file is open only while it is read.
type tableSource struct {
	t         *tableFile
	forgotten bool
	file      *os.File
	block     int
	entries   []entry
	bad       int // blocks
}

func (s *tableSource) bound() []byte {
	if len(s.entries) > 0 {
		return s.entries[0].key
	}
	if s.block < len(s.t.blocks) {
		first := s.t.blocks[s.block].first
		return first[:len(first)-8]
	}
	return nil
}

func (s *tableSource) next() (out found, ok bool, err error) {
	if len(s.entries) == 0 {
		return found{}, false, s.read()
	}
	out, s.entries = found{s.entries[0], s.forgotten}, s.entries[1:]
	if len(s.entries) == 0 && s.block == len(s.t.blocks) {
		err = s.close()
	}
	return out, true, err
}

func (s *tableSource) read() (err error) {
	if s.file == nil {
		if s.file, err = os.Open(s.t.name); err != nil {
			return err
		}
	}
	s.entries, err = s.t.block(s.file, s.block)
	s.block++
	if err != nil {
		s.entries = nil
		s.bad++
	}
	if len(s.entries) == 0 && s.block == len(s.t.blocks) {
		return s.close()
	}
	return nil
}

func (s *tableSource) close() error {
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	return f.Close()
}

// logSource gives what a log holds.
type logSource struct{ entries []entry }

func newLogSource(l *logFile) *logSource {
	slices.SortStableFunc(l.entries, func(a, b entry) int { return bytes.Compare(a.key, b.key) })
	return &logSource{l.entries}
}

func (s *logSource) bound() []byte {
	if len(s.entries) == 0 {
		return nil
	}
	return s.entries[0].key
}

func (s *logSource) next() (found, bool, error) {
	e := s.entries[0]
	s.entries = s.entries[1:]
	return found{entry: e}, true, nil
}

// sources is a heap by bound.
type sources []source

func (s sources) Len() int           { return len(s) }
func (s sources) Less(i, j int) bool { return bytes.Compare(s[i].bound(), s[j].bound()) < 0 }
func (s sources) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *sources) Push(x any)        { *s = append(*s, x.(source)) }
func (s *sources) Pop() any {
	last := len(*s) - 1
	x := (*s)[last]
	*s = (*s)[:last]
	return x
}

// merge calls fn once for every key, in order, with all its versions that the
// sources have.
func merge(from []source, fn func(versions []found) error) (err error) {
	var h sources
	for _, s := range from {
		if s.bound() != nil {
			h = append(h, s)
		}
	}
	defer func() {
		for _, s := range from {
			if t, ok := s.(*tableSource); ok {
				err = errors.Join(err, t.close())
			}
		}
	}()
	heap.Init(&h)
	var versions []found
	for len(h) > 0 {
		if len(versions) > 0 && !bytes.Equal(h[0].bound(), versions[0].key) {
			if err := fn(versions); err != nil {
				return err
			}
			versions = versions[:0]
		}
		e, ok, err := h[0].next()
		if err != nil {
			return err
		}
		if ok {
			versions = append(versions, e)
		}
		if h[0].bound() == nil {
			heap.Pop(&h)
		} else {
			heap.Fix(&h, 0)
		}
	}
	if len(versions) == 0 {
		return nil
	}
	return fn(versions)
}
