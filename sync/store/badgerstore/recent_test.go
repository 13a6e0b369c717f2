package badgerstore_test

import (
	"errors"
	"testing"

	"parley/sync/store"
)

// TestView_DoesNotSeeWhatWasCommittedAfterItBegan: also where the newer value
// and the deletion are still held in memory.
func TestView_DoesNotSeeWhatWasCommittedAfterItBegan(t *testing.T) {
	t.Parallel()
	s := open(t, options(t.TempDir(), &disk{}))
	key, gone := []byte("k"), []byte("gone")
	write := func(fn func(store.Tx) error) {
		t.Helper()
		if err := s.Update(fn); err != nil {
			t.Fatal(err)
		}
	}
	write(func(tx store.Tx) error { return errors.Join(tx.Put(key, []byte("old")), tx.Put(gone, []byte("there"))) })
	began, written := make(chan struct{}), make(chan struct{})
	seen := make(chan error, 1)
	go func() {
		seen <- s.View(func(r store.Reader) error {
			close(began)
			<-written
			for k, want := range map[string]string{"k": "old", "gone": "there"} {
				if got, err := r.Get([]byte(k)); err != nil || string(got) != want {
					t.Errorf("an older snapshot has %s = %q, %v, want %q", k, got, err, want)
				}
			}
			return nil
		})
	}()
	<-began
	write(func(tx store.Tx) error { return errors.Join(tx.Put(key, []byte("new")), tx.Delete(gone)) })
	close(written)
	if err := <-seen; err != nil {
		t.Fatal(err)
	}
	err := s.View(func(r store.Reader) error {
		if got, err := r.Get(key); err != nil || string(got) != "new" {
			t.Errorf("a newer snapshot has %q, %v, want new", got, err)
		}
		if _, err := r.Get(gone); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a deleted key: %v, want ErrNotFound", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestView_ValuesAreTheCallersOwn: what a reader changes, nobody else sees.
func TestView_ValuesAreTheCallersOwn(t *testing.T) {
	t.Parallel()
	s := open(t, options(t.TempDir(), &disk{}))
	if err := s.Update(func(tx store.Tx) error { return tx.Put([]byte("k"), []byte("value")) }); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		err := s.View(func(r store.Reader) error {
			got, err := r.Get([]byte("k"))
			if string(got) != "value" {
				t.Errorf("value is %q", got)
			}
			clear(got)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
