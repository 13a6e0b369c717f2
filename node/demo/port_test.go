package demo

import (
	"net"
	"strconv"
	"testing"
)

// TestLasting_IsNoPortThatTheSystemGivesOut: a node of the demo that is started
// again finds its port as it left it.
func TestLasting_IsNoPortThatTheSystemGivesOut(t *testing.T) {
	t.Parallel()
	for range 20 {
		address, err := lasting(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		host, text, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		port, err := strconv.Atoi(text)
		if err != nil || host != loopback || port < 20000 || port >= 32768 {
			t.Fatalf("got %s: no port of this machine below those that systems give out", address)
		}
	}
}
