package badgerstore

import "time"

// Reading all tables takes a scrubShare of the time at most, and is not done more
// often than every scrubOften.
const (
	scrubShare = 200
	scrubOften = 10 * time.Minute
)

// scrub reads all tables from time to time, at least every atLeast. A block that goes bad
// while the store is open is to Badger as if its rows were not there, and nobody else would
// notice, whether they are read or not.
func (s *Store) scrub(atLeast time.Duration) {
	next := time.NewTimer(scrubAfter(0, atLeast))
	defer next.Stop()
	for {
		select {
		case <-s.ending:
			return
		case <-s.failed:
			return
		case <-next.C:
		}
		began := time.Now()
		if err := verify(s.db); err != nil {
			_ = s.broken(err)
		}
		next.Reset(scrubAfter(time.Since(began), atLeast))
	}
}

// scrubAfter is when to read all tables again, which took so long the last time: that of
// a store of ordinary size is over in a second, and is done often.
func scrubAfter(took, atLeast time.Duration) time.Duration {
	return min(max(scrubOften, scrubShare*took), atLeast)
}
