package demo

import (
	"context"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"time"
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
	// Any will do: two demos that begin at one moment must only begin elsewhere.
	begin := rand.New(rand.NewPCG(uint64(os.Getpid()), uint64(time.Now().UnixNano())))
	var err error
	for range 20 {
		port := firstPort + begin.IntN(lastPort-firstPort+1)
		var l net.Listener
		if l, err = new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(loopback, strconv.Itoa(port))); err == nil {
			return l.Addr().String(), l.Close()
		}
	}
	return "", err
}
