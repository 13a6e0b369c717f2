package desk

import "sync"

// hub tells everybody who waits that something changed.
type hub struct {
	mu      sync.Mutex // guards the field below
	changed chan struct{}
}

func newHub() *hub { return &hub{changed: make(chan struct{})} }

// wait returns a channel that is closed at the next change.
func (h *hub) wait() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed
}

func (h *hub) tell() {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.changed)
	h.changed = make(chan struct{})
}
