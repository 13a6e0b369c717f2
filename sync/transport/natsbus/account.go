package natsbus

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"parley/sync/transport"
)

// Bounds of one account. A peer that reconnects may still have a dead client
// or two; our own end is one more.
const (
	maxClients       = 6
	maxSubscriptions = 8
)

// Bounds of the server.
const (
	maxConnections = 4096
	maxPendingOut  = 8 << 20 // bytes that a slow client may leave unread
	authTime       = 5       // seconds for the handshake, and for signing in
	// A peer pings every peerPing, from its side, for the sake of what lies between;
	// the server asks only who was silent for serverPing. Our own ends are in this
	// process and need no asking: a thousand of them would be most of an idle node's work.
	serverPing = time.Minute
	localPing  = 10 * time.Minute
)

// account is one connection or pairing at the server.
type account struct {
	name  string
	route route
	peer  string        // public NKey
	local nkeys.KeyPair // our own end's
}

// options builds all of the server's options. Accounts are written as text and
// parsed: server.Options has no other way to set their limits.
func (s *Server) options(accounts map[string]account) (*server.Options, error) {
	host, port, err := splitAddress(s.config.Listen)
	if err != nil {
		return nil, err
	}
	secure, err := serverTLS(s.config.Key)
	if err != nil {
		return nil, err
	}
	o := &server.Options{
		ServerName: "parley",
		Host:       host, Port: port,
		TLS: true, TLSConfig: secure, TLSTimeout: authTime, TLSHandshakeFirst: true,
		AuthTimeout: 2 * authTime,
		MaxPayload:  transport.MaxMessage, MaxPending: maxPendingOut, MaxConn: maxConnections,
		PingInterval: serverPing, MaxPingsOut: 2,
		NoSigs: true, AlwaysEnableNonce: true,
		NoSystemAccount: true, // nobody listens, and it would tell of every account twice a minute
	}
	o.Cluster.NoAdvertise = true
	if s.config.WebSocket != "" {
		if o.Websocket.Host, o.Websocket.Port, err = splitAddress(s.config.WebSocket); err != nil {
			return nil, err
		}
		o.Websocket.TLSConfig = secure.Clone()
		o.Websocket.HandshakeTimeout = authTime * time.Second
	}
	if err := o.ProcessConfigString(accountsText(s.nobody, accounts)); err != nil {
		return nil, fmt.Errorf("spell the accounts: %w", err)
	}
	return o, nil
}

// accountsText is the accounts in the server's configuration language. All
// that goes in was checked to be plain: ids, subjects and NKeys.
func accountsText(nobody string, accounts map[string]account) string {
	var b strings.Builder
	// A server without any user lets everybody in.
	fmt.Fprintf(&b, "accounts {\n  nobody { users: [ { nkey: %q, permissions { publish: {deny: \">\"}, subscribe: {deny: \">\"} } } ] }\n", nobody)
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		a := accounts[name]
		local, err := a.local.PublicKey()
		if err != nil {
			continue // a key that was just made has a public half
		}
		theirs := a.route.other()
		fmt.Fprintf(&b, `  %q {
    users: [
      { nkey: %q, allowed_connection_types: ["IN_PROCESS"] }
      { nkey: %q, allowed_connection_types: ["STANDARD", "WEBSOCKET"],
        permissions { publish: { allow: %s }, subscribe: { allow: %s } } }
    ]
    limits { max_conn: %d, max_subs: %d, max_pay: %d }
  }
`, a.name, local, a.peer, list(theirs.publishes()), list(theirs.subscribes()),
			maxClients, maxSubscriptions, transport.MaxMessage)
	}
	b.WriteString("}\n")
	return b.String()
}

func list(subjects []string) string {
	quoted := make([]string, len(subjects))
	for i, s := range subjects {
		quoted[i] = fmt.Sprintf("%q", s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
