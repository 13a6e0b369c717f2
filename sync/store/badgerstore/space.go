package badgerstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// space watches the free space of the disk.
//
//	free below mark        full: only transactions that finish work are taken
//	free below mark/4      and the ballast is given up, for Badger to end cleanly
//	free over mark + 1/8   not full any more
//	free over mark + 1/8 + ballast   the ballast is filled again
type space struct {
	o     Options
	log   zerolog.Logger
	file  string // the ballast
	full  atomic.Bool
	stop  chan struct{}
	ended sync.WaitGroup
}

// watchSpace looks once and then goes on looking until close.
func watchSpace(o Options) (*space, error) {
	s := &space{o: o, log: o.Logger, file: filepath.Join(o.Dir, "ballast"), stop: make(chan struct{})}
	if o.MinFree < 0 {
		return s, nil
	}
	if err := s.look(); err != nil {
		return nil, err
	}
	s.ended.Go(s.watch)
	return s, nil
}

func (s *space) watch() {
	tick := time.NewTicker(s.o.CheckEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		if err := s.look(); err != nil {
			s.log.Warn().Err(err).Msg("free space is not known")
		}
	}
}

// look is one look at the disk and what follows from it.
func (s *space) look() error {
	free, err := s.o.Free(s.o.Dir)
	if err != nil {
		return fmt.Errorf("ask for free space: %w", err)
	}
	mark := uint64(s.o.MinFree)
	enough := mark + mark/8
	switch {
	case free < mark:
		if !s.full.Swap(true) {
			s.log.Warn().Uint64("free", free).Uint64("mark", mark).Msg("disk nearly full: only what finishes work is done")
		}
		if free < mark/4 {
			return s.drop()
		}
	case free >= enough:
		if s.full.Swap(false) {
			s.log.Info().Uint64("free", free).Msg("disk has room again")
		}
		if s.o.Ballast > 0 && free >= enough+uint64(s.o.Ballast) {
			return s.fill()
		}
	}
	return nil
}

// drop gives the ballast up.
func (s *space) drop() error {
	err := os.Remove(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("give up ballast: %w", err)
	}
	s.log.Warn().Msg("disk is full: ballast given up")
	return nil
}

// fill makes the ballast file if it is not there whole. Its bytes are random so
// that no file system stores fewer of them.
func (s *space) fill() error {
	if info, err := os.Stat(s.file); err == nil && info.Size() == s.o.Ballast {
		return nil
	}
	f, err := os.OpenFile(s.file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make ballast: %w", err)
	}
	_, err = io.CopyN(f, rand.NewChaCha8([32]byte{}), s.o.Ballast)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		// A part of it would only be in the way.
		return errors.Join(fmt.Errorf("fill ballast: %w", err), os.Remove(s.file))
	}
	return nil
}

func (s *space) close() {
	close(s.stop)
	s.ended.Wait()
}
