package store_test

import (
	"errors"
	"fmt"

	"parley/sync/event"
	"parley/sync/store"
	"parley/sync/store/memstore"
)

// A transaction is written whole or not at all.
func ExampleStore() {
	s := memstore.New()
	key := store.CursorKey("redmine")
	refused := errors.New("the page has a hole")
	err := s.Update(func(tx store.Tx) error {
		if err := tx.Put(key, []byte("12:00")); err != nil {
			return err
		}
		return refused
	})
	fmt.Println(err)
	err = s.View(func(r store.Reader) error {
		_, err := r.Get(key)
		return err
	})
	fmt.Println(err)
	fmt.Println(s.Close())
	// Output:
	// the page has a hole
	// key not found
	// <nil>
}

// Keys sort as a walk wants them: all rows of a connection stand together, and
// numbers in the order in which they were given.
func ExamplePrefix() {
	s := memstore.New()
	globex, initech := event.ConnectionID{1}, event.ConnectionID{2}
	err := s.Update(func(tx store.Tx) error {
		for _, seq := range []event.Seq{300, 2, 10} {
			for _, con := range []event.ConnectionID{initech, globex} {
				if err := tx.Put(store.OutboxKey(con, seq), nil); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = s.View(func(r store.Reader) error {
		return r.Keys(store.Prefix('q', globex), nil, func(key []byte) (bool, error) {
			fmt.Println(store.SeqOf(key))
			return true, nil
		})
	})
	fmt.Println(err, s.Close())
	// Output:
	// 2
	// 10
	// 300
	// <nil> <nil>
}
