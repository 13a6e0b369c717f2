package flow_test

import (
	"testing"
	"time"

	"parley/sync/envelope"
	"parley/sync/envelope/plain"
)

// speaking stands for a program that speaks other versions than ours: it says those, and
// what only speaks 1 is foreign to it.
type speaking struct {
	envelope.Codec
	versions []int
}

func (s *speaking) SealHello(h envelope.Hello) ([]byte, error) {
	if s.versions != nil {
		h.Versions = s.versions
	}
	return s.Codec.SealHello(h)
}

func (s *speaking) OpenHello(wire []byte) (envelope.Hello, error) {
	h, err := s.Codec.OpenHello(wire)
	if s.versions != nil {
		h.Versions = []int{1001}
	}
	return h, err
}

// TestHello_APeerWithoutACommonVersionIsToldAndWaitedFor: whoever asks first, nothing
// passes, both sides know why, and when one is upgraded all of it arrives.
func TestHello_APeerWithoutACommonVersionIsToldAndWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.node("a"), w.node("b")
	atA, atB := w.join(1, a, b)
	later := &speaking{Codec: plain.Codec{}, versions: []int{2, 3}}
	atB.codec = later
	b.crash()
	a.crash()
	a.desk.open("from a")
	b.desk.open("from b")
	for range 20 {
		a.poll()
		b.poll()
		w.run()
		w.pass(5 * time.Second)
	}
	if got := len(a.desk.all()) + len(b.desk.all()); got != 2 {
		t.Errorf("the trackers have %d tickets, want the 2 that people made", got)
	}
	if got := atA.con.Foreign(); got != "2, 3" {
		t.Errorf("a knows that b speaks %q, want 2, 3", got)
	}
	if atB.con.Foreign() == "" {
		t.Error("b does not know that a speaks no version of its own")
	}
	later.versions = nil // another program is started
	b.crash()
	w.settle()
	if got := len(a.desk.all()) + len(b.desk.all()); got != 4 {
		t.Errorf("after the upgrade the trackers have %d tickets, want 4", got)
	}
	if got := atA.con.Foreign(); got != "" {
		t.Errorf("a still thinks that b speaks %q", got)
	}
}
