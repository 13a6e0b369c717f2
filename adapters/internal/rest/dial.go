package rest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// A tracker names addresses: where a file's bytes are, where it lives now. One that is
// not the base origin may not lead to services of this machine or of its cloud, which
// would answer us and not the tracker (server-side request forgery). It is checked where
// it counts: on the address that is dialled, after its name was looked up.

// errInside is why an address is not dialled.
var errInside = errors.New("the tracker points to an address of this machine or its network's own, which is not visited")

// reach is how far inside an address is.
type reach byte

const (
	outside   reach = iota
	loopback        // this machine
	linkLocal       // this link, and where clouds tell machines their credentials
	nowhere         // unspecified, multicast
)

// metadata are the addresses at which clouds tell machines about themselves that are
// not link-local: AWS over IPv6, Alibaba Cloud, Oracle Cloud.
func metadata() []netip.Addr {
	return []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("192.0.0.192")}
}

// reachOf tells how far inside an address is.
func reachOf(at netip.Addr) reach {
	at = at.Unmap().WithZone("")
	switch {
	case at.IsLoopback():
		return loopback
	case at.IsLinkLocalUnicast():
		return linkLocal
	case at.IsUnspecified(), at.IsMulticast(), !at.IsValid():
		return nowhere
	}
	for _, known := range metadata() {
		if at == known {
			return linkLocal
		}
	}
	if embedded, ok := fromNAT64(at); ok {
		return reachOf(embedded)
	}
	return outside
}

// fromNAT64 is the IPv4 address in one of the well-known prefix of RFC 6052.
func fromNAT64(at netip.Addr) (netip.Addr, bool) {
	if !netip.MustParsePrefix("64:ff9b::/96").Contains(at) {
		return at, false
	}
	raw := at.As16()
	return netip.AddrFrom4([4]byte(raw[12:])), true
}

// dialer makes the connections of one client.
type dialer struct {
	net.Dialer
	base string // host:port of the base origin
	// home is how far inside the base origin turned out to be: what is as near may be
	// visited too.
	home atomic.Uint32
	// proxies are hosts that the environment, and not the tracker, names.
	proxies sync.Map
}

func newDialer(opt Options) *dialer {
	d := &dialer{Dialer: net.Dialer{Timeout: opt.Timeout}, base: hostOf(opt.Base)}
	if at, err := netip.ParseAddr(opt.Base.Hostname()); err == nil {
		d.home.Store(uint32(reachOf(at)))
	}
	return d
}

// hostOf is host and port of an address, as they are dialled.
func hostOf(u *url.URL) string {
	_, host, _ := strings.Cut(originOf(u), "://")
	return host
}

// proxy is http.ProxyFromEnvironment that remembers what it says.
func (d *dialer) proxy(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if u != nil {
		d.proxies.Store(hostOf(u), true)
	}
	return u, err
}

// dial is a http.Transport's DialContext.
func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if address == d.base {
		c, err := d.DialContext(ctx, network, address)
		if err == nil {
			if at, err := netip.ParseAddrPort(c.RemoteAddr().String()); err == nil {
				d.home.Store(uint32(reachOf(at.Addr())))
			}
		}
		return c, err
	}
	if _, known := d.proxies.Load(address); known {
		return d.DialContext(ctx, network, address)
	}
	guarded := d.Dialer
	guarded.ControlContext = d.control
	return guarded.DialContext(ctx, network, address)
}

// control sees the address itself, before the connection is made.
func (d *dialer) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", errInside, err)
	}
	if near := reachOf(at.Addr()); near != outside && (near == nowhere || uint32(near) != d.home.Load()) {
		return errInside
	}
	return nil
}
