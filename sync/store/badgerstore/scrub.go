package badgerstore

import "time"

// scrub reads all tables from time to time. A block that goes bad while the store is
// open is to Badger as if its rows were not there, and nobody else would notice.
func (s *Store) scrub(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-s.ending:
			return
		case <-s.failed:
			return
		case <-tick.C:
		}
		if err := verify(s.db); err != nil {
			_ = s.broken(err)
		}
	}
}
