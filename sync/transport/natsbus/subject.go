package natsbus

import (
	"errors"
	"fmt"
	"strings"

	"parley/sync/event"
	"parley/sync/transport"
)

// defaultPrefix starts every subject where no other prefix was agreed.
const defaultPrefix = "parley"

// kindPair is the one kind of message of a pairing.
const kindPair transport.Kind = "pair"

// route is where one end of a connection, or of a pairing, sends and listens:
//
//	<base>.i.<kind>   what the inviter handles     <base>.ir.…   its replies
//	<base>.a.<kind>   what the acceptor handles    <base>.ar.…   its replies
type route struct {
	base    string
	inviter bool // which end this is
}

func connectionRoute(prefix string, con event.ConnectionID, inviter bool) (route, error) {
	if con.IsZero() {
		return route{}, errors.New("no connection id")
	}
	return newRoute(prefix, "c", con.String(), inviter)
}

func pairingRoute(prefix, id string, inviter bool) (route, error) {
	return newRoute(prefix, "p", id, inviter)
}

func newRoute(prefix, what, id string, inviter bool) (route, error) {
	if prefix == "" {
		prefix = defaultPrefix
	}
	for _, token := range append(strings.Split(prefix, "."), id) {
		if !plain(token) {
			return route{}, fmt.Errorf("%q is no part of a subject: letters, digits, - and _ are", token)
		}
	}
	return route{base: prefix + "." + what + "." + id, inviter: inviter}, nil
}

func plain(token string) bool {
	for _, r := range []byte(token) {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return token != "" && len(token) <= 64
}

func (r route) other() route { return route{base: r.base, inviter: !r.inviter} }

func (r route) side() string {
	if r.inviter {
		return r.base + ".i"
	}
	return r.base + ".a"
}

// handled is the subject of one kind at this end; inbox starts its replies.
func (r route) handled(kind transport.Kind) string { return r.side() + "." + string(kind) }
func (r route) inbox() string                      { return r.side() + "r" }

// publishes and subscribes are all that this end needs: its allow-lists.
func (r route) publishes() []string {
	o := r.other()
	return []string{o.side() + ".*", o.inbox() + ".>"}
}

func (r route) subscribes() []string {
	return []string{r.side() + ".*", r.inbox() + ".>"}
}
