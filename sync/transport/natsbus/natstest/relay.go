// Package natstest runs a NATS that two nodes share, and keeps all that it sees: what a
// relay between companies could learn. It is for tests.
package natstest

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

const patience = 20 * time.Second

// Relay is a NATS server, and in front of it a listener that ends TLS and keeps every
// byte of either direction: commands, subjects, headers, sign-ins, bodies.
type Relay struct {
	tb       testing.TB
	server   *server.Server
	listener net.Listener
	users    []*server.NkeyUser

	mu   sync.Mutex // guards what follows
	seen bytes.Buffer
}

// New starts a relay for so many users and writes the certificate of its authority to a
// file; each seed signs one user in.
func New(tb testing.TB, caFile string, users int) (r *Relay, seeds []string) {
	tb.Helper()
	r = &Relay{tb: tb}
	for range users {
		pair, err := nkeys.CreateUser()
		r.must(err)
		public, err := pair.PublicKey()
		r.must(err)
		seed, err := pair.Seed()
		r.must(err)
		r.users = append(r.users, &server.NkeyUser{Nkey: public})
		seeds = append(seeds, string(seed))
	}
	var err error
	r.server, err = server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, Nkeys: r.users})
	r.must(err)
	r.server.Start()
	if !r.server.ReadyForConnections(patience) {
		tb.Fatal("the NATS server does not start")
	}
	r.listener, err = new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	r.must(err)
	secure := &tls.Config{Certificates: []tls.Certificate{r.certificate(caFile)}, MinVersion: tls.VersionTLS13}
	var all sync.WaitGroup
	all.Go(func() { r.accept(&all, secure) })
	tb.Cleanup(func() {
		r.must(r.listener.Close())
		r.server.Shutdown()
		r.server.WaitForShutdown()
		all.Wait()
	})
	return r, seeds
}

func (r *Relay) must(err error) {
	r.tb.Helper()
	if err != nil {
		r.tb.Fatal(err)
	}
}

// URL is where the relay is.
func (r *Relay) URL() string { return "tls://" + r.listener.Addr().String() }

// Seen is all that went through so far, in both directions.
func (r *Relay) Seen() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.seen.Bytes())
}

func (r *Relay) accept(all *sync.WaitGroup, secure *tls.Config) {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return // closed
		}
		to, err := new(net.Dialer).DialContext(r.tb.Context(), "tcp", r.server.Addr().String())
		if err != nil {
			_ = client.Close()
			continue
		}
		all.Go(func() {
			from := bufio.NewReader(to)
			if err := greet(client, from); err != nil {
				_ = errors.Join(client.Close(), to.Close())
				return
			}
			client := tls.Server(client, secure)
			all.Go(func() { r.pass(to, client) })
			r.pass(client, from)
		})
	}
}

// greet hands the server's first line on, and says that TLS comes next.
func greet(client io.Writer, from *bufio.Reader) error {
	line, err := from.ReadBytes('\n')
	if err != nil {
		return err
	}
	info := map[string]any{}
	if err := json.Unmarshal(bytes.TrimPrefix(line, []byte("INFO ")), &info); err != nil {
		return err
	}
	info["tls_required"] = true
	raw, err := json.Marshal(info)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(client, "INFO %s\r\n", raw)
	return err
}

// pass copies one direction. What is read is kept before it is handed on, piece by
// piece of a line of the protocol, so that texts are not cut by the other direction.
func (r *Relay) pass(to io.WriteCloser, from io.Reader) {
	var kept bytes.Buffer
	_, err := io.Copy(to, io.TeeReader(from, &kept))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen.Write(kept.Bytes())
	if err != nil && !errors.Is(err, net.ErrClosed) {
		_, _ = fmt.Fprintf(&r.seen, "\n%v\n", err)
	}
	_ = to.Close()
}

// certificate makes an authority and a certificate of it for 127.0.0.1.
func (r *Relay) certificate(caFile string) tls.Certificate {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	r.must(err)
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "relay"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, public, key)
	r.must(err)
	r.must(os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
