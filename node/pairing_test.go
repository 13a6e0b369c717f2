package node_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"parley/node/admin"
)

// cutter stands between a node and whoever dials it. Of the connections it cuts every
// one that its choice says, after so many reads from the node.
type cutter struct {
	net.Listener

	to   atomic.Value // string
	next atomic.Int64
	cut  atomic.Int64
	// after is how many reads the connection of a number lives; 0 is for good.
	after func(number int64) int
	all   sync.WaitGroup
}

func newCutter(t *testing.T, after func(int64) int) *cutter {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	c := &cutter{Listener: l, after: after}
	c.all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.all.Go(func() { c.carry(conn, c.after(c.next.Add(1))) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); c.all.Wait() })
	return c
}

// carry carries one connection, until one side ends it or it is cut.
func (c *cutter) carry(near net.Conn, lives int) {
	defer func() { _ = near.Close() }()
	far, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", c.to.Load().(string))
	if err != nil {
		return
	}
	defer func() { _ = far.Close() }()
	up := make(chan struct{})
	go func() {
		defer close(up)
		_, _ = io.Copy(far, near)
		_ = far.Close()
	}()
	block := make([]byte, 64<<10)
	for reads := 1; ; reads++ {
		n, err := far.Read(block)
		if lives > 0 && reads == lives {
			c.cut.Add(1)
			break
		}
		if _, werr := near.Write(block[:n]); err != nil || werr != nil {
			break
		}
	}
	_ = near.Close()
	<-up
}

// sideBySide does something so many times at once.
func sideBySide(count int, do func(int) error) error {
	problems := make([]error, count)
	var all sync.WaitGroup
	for i := range count {
		all.Go(func() { problems[i] = do(i) })
	}
	all.Wait()
	return errors.Join(problems...)
}

// agreements are the names of the connections, which both sites must have alike.
func agreements(t *testing.T, a, b *site) []string {
	t.Helper()
	var both [2][]string
	for i, s := range []*site{a, b} {
		all, err := s.node.Connections(t.Context())
		must(t, err)
		for _, one := range all {
			both[i] = append(both[i], one.Name+" "+one.ID)
		}
		slices.Sort(both[i])
	}
	if !slices.Equal(both[0], both[1]) {
		t.Errorf("the sides have other connections:\n%v\n%v", both[0], both[1])
	}
	return both[0]
}

// TestPairing_NameIsOfOneConnection: of two codes for a name the one that is used
// first gives it away, and with the connection its code ends too.
func TestPairing_NameIsOfOneConnection(t *testing.T) {
	t.Parallel()
	a, b, c := newSite(t, "acme", "127.0.0.1:0"), newSite(t, "globex", ""), newSite(t, "initech", "")
	joiners := []*site{b, c}
	var codes []string
	for _, s := range []*site{a, b, c} {
		s.run()
	}
	for range joiners {
		made, err := a.node.Invite(t.Context(), admin.InviteRequest{Name: "peer"})
		must(t, err)
		codes = append(codes, made.Code)
	}
	accept := func(i int) error {
		_, err := joiners[i].node.Accept(t.Context(), admin.AcceptRequest{Code: codes[i], Name: "peer"})
		return err
	}
	var refused [2]error
	_ = sideBySide(2, func(i int) error { refused[i] = accept(i); return nil })
	won := slices.Index(refused[:], nil)
	if won < 0 || refused[1-won] == nil || !strings.Contains(refused[1-won].Error(), "used") {
		t.Fatalf("two codes for one name: %v", refused)
	}
	agreements(t, a, joiners[won])
	if left := agreements(t, joiners[1-won], joiners[1-won]); len(left) != 0 {
		t.Errorf("who was refused has %v", left)
	}
	for _, s := range []*site{a, joiners[won]} {
		must(t, s.node.RemoveConnection(t.Context(), "peer"))
	}
	if err := accept(won); err == nil {
		t.Errorf("the code of a connection that was ended brought it back: %v", agreements(t, a, a))
	}
}

func customer(i int) string { return fmt.Sprintf("c-%03d", i) }
