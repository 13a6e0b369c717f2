package recall

import (
	"sync"
	"time"
)

// Fresh is how long an answer is believed.
const Fresh = 5 * time.Minute

// most is how many answers are remembered; one more, and all are forgotten.
const most = 10_000

// Memory is what was answered, by a key of the caller's. The zero value is empty and
// ready. It may be used from several goroutines.
type Memory struct {
	mu    sync.Mutex // guards the field below
	known map[string]answer
}

type answer struct {
	value any
	until time.Time
}

// Of is load, or what it answered not long ago under the same key. One key is asked for
// with one type.
func Of[T any](m *Memory, key string, load func() (T, error)) (T, error) {
	if v, ok := m.Get(key); ok {
		return v.(T), nil
	}
	v, err := load()
	if err == nil {
		m.Keep(key, v)
	}
	return v, err
}

// Get is what is remembered under a key.
func (m *Memory) Get(key string) (any, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.known[key]
	return a.value, ok && time.Now().Before(a.until)
}

// Keep remembers an answer.
func (m *Memory) Keep(key string, value any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || len(m.known) >= most {
		m.known = map[string]answer{}
	}
	m.known[key] = answer{value: value, until: time.Now().Add(Fresh)}
}

// Forget makes the next who asks for a key ask the tracker: a name may be newer than
// what is remembered.
func (m *Memory) Forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, key)
}

// ForgetAll forgets everything.
func (m *Memory) ForgetAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known = nil
}

// Once is one answer that holds for as long as a tracker is open. The zero value knows
// none. It may be used from several goroutines.
type Once[T any] struct {
	mu    sync.Mutex // guards the field below
	value *T
}

// Get is what was answered before, or load. What failed is asked for again.
func (o *Once[T]) Get(load func() (T, error)) (T, error) {
	o.mu.Lock()
	known := o.value
	o.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	v, err := load()
	if err == nil {
		o.Set(v)
	}
	return v, err
}

// Set replaces the answer by a newer one.
func (o *Once[T]) Set(v T) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.value = &v
}
