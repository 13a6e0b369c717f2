package demo

import (
	"context"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports that no system gives out by itself: Linux begins at 32768, others at 49152
// (RFC 6335, section 6). One of those may be the end of somebody's outgoing
// connection by the time that the node starts, or starts again.
const (
	firstPort = 20000
	lastPort  = 32767
)

// lasting is an address of this machine that is free, and likely stays so.
func lasting(ctx context.Context) (string, error) {
	var err error
	for range 20 {
		port := firstPort + rand.IntN(lastPort-firstPort+1) //nolint:gosec // any will do
		var l net.Listener
		if l, err = new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(loopback, strconv.Itoa(port))); err == nil {
			return l.Addr().String(), l.Close()
		}
	}
	return "", err
}
