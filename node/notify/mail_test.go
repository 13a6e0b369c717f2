package notify_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/node/notify"
	"parley/node/secret"
)

// mailServer is a small SMTP server.
type mailServer struct {
	addr   string
	config *tls.Config
	tls    bool // from the first byte
	offer  bool // STARTTLS
	refuse bool // recipients
	silent bool // after connecting

	mu    sync.Mutex
	log   []string // commands, "TLS" where encryption began
	mails []string
}

// serve starts the server and returns the authorities that vouch for it.
func (s *mailServer) serve(t *testing.T) *x509.CertPool {
	t.Helper()
	// httptest has a certificate for 127.0.0.1 ready.
	web := httptest.NewUnstartedServer(nil)
	web.StartTLS()
	s.config = &tls.Config{Certificates: web.TLS.Certificates}
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	web.Close()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	var sessions sync.WaitGroup
	sessions.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			sessions.Go(func() { s.session(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		sessions.Wait()
	})
	return roots
}

func (s *mailServer) note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, text)
}

// session talks with one client until it leaves.
func (s *mailServer) session(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if s.silent {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	if s.tls {
		conn = tls.Server(conn, s.config)
		s.note("TLS")
	}
	in := bufio.NewReader(conn)
	say := func(text string) { _, _ = io.WriteString(conn, text+"\r\n") }
	say("220 sink")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		s.note(line)
		switch verb, _, _ := strings.Cut(line, " "); verb {
		case "EHLO":
			say("250-sink")
			if s.offer {
				say("250-STARTTLS")
			}
			say("250 AUTH PLAIN")
		case "STARTTLS":
			say("220 go")
			conn = tls.Server(conn, s.config)
			in = bufio.NewReader(conn)
			s.note("TLS")
		case "AUTH":
			say("235 ok")
		case "RCPT":
			if s.refuse {
				say("550 no such mailbox")
				continue
			}
			say("250 ok")
		case "DATA":
			say("354 go")
			s.receive(in)
			say("250 ok")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// receive reads one mail.
func (s *mailServer) receive(in *bufio.Reader) {
	var text strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil || line == ".\r\n" {
			break
		}
		text.WriteString(line)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, text.String())
}

// hello is a message to send.
var hello = notify.Message{
	Node: "acme", At: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
	Wrong: []notify.Line{{Condition: notify.Condition{Kind: notify.Parked, Connection: "globex", Ticket: "Ä-1"}, Code: "rejected"}},
}

// send sends hello through a server.
func send(ctx context.Context, m *notify.Mail) error {
	s, err := notify.Ways{Mail: m}.Sender("team@acme.example")
	if err != nil {
		return err
	}
	return s.Send(ctx, hello)
}

func TestMail_ArrivesEncryptedAndSignedIn(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]*mailServer{"starttls": {offer: true}, "tls": {tls: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roots := server.serve(t)
			m := &notify.Mail{
				Host: server.addr, From: "parley@acme.example", User: "u", Password: secret.NewValue("hunter2"), Roots: roots,
			}
			if server.tls {
				m.Security = notify.TLS
			}
			if err := send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			server.mu.Lock()
			defer server.mu.Unlock()
			all := strings.Join(server.log, "\n")
			before, after, _ := strings.Cut(all, "TLS\n")
			auth := "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00u\x00hunter2"))
			if strings.Contains(before, "AUTH") || !strings.Contains(after, auth) || !strings.Contains(all, "RCPT TO:<team@acme.example>") {
				t.Errorf("commands:\n%s", all)
			}
			if len(server.mails) != 1 {
				t.Fatalf("got %d mails", len(server.mails))
			}
			checkMail(t, server.mails[0])
		})
	}
}

func checkMail(t *testing.T, text string) {
	t.Helper()
	got, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{
		"From": "Parley <parley@acme.example>", "To": "team@acme.example", "Auto-Submitted": "auto-generated",
		"Subject": "=?utf-8?q?[Parley_acme]_ticket_=C3=84-1_is_parked_on_globex_(rejected)?=",
		"Date":    "Sat, 31 Jan 2026 12:00:00 +0000",
	} {
		if got := got.Header.Get(header); got != want {
			t.Errorf("%s: got %q, want %q", header, got, want)
		}
	}
	body, err := io.ReadAll(quotedprintable.NewReader(got.Body))
	if want := strings.ReplaceAll(hello.Text(), "\n", "\r\n"); err != nil || string(body) != want {
		t.Errorf("body: got %q, %v, want %q", body, err, want)
	}
}

func TestMail_IsNotSentWhereItIsNotSafe(t *testing.T) {
	t.Parallel()
	password := secret.NewValue("hunter2")
	noTLS, trusted, strict := &mailServer{}, &mailServer{offer: true}, &mailServer{offer: true, refuse: true}
	noTLS.serve(t)
	trusted.serve(t)
	roots := strict.serve(t)
	for name, tt := range map[string]struct {
		server *mailServer
		mail   notify.Mail
		want   string
	}{
		"no STARTTLS":        {noTLS, notify.Mail{User: "u", Password: password}, "does not offer STARTTLS"},
		"unknown authority":  {trusted, notify.Mail{User: "u", Password: password}, "certificate"},
		"recipient refused":  {strict, notify.Mail{Roots: roots}, "550"},
		"line end in sender": {strict, notify.Mail{Roots: roots, From: "a@b\r\nBcc: x@y"}, "line end"},
	} {
		tt.mail.Host = tt.server.addr
		if tt.mail.From == "" {
			tt.mail.From = "parley@acme.example"
		}
		err := send(t.Context(), &tt.mail)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
		tt.server.mu.Lock()
		if all := strings.Join(tt.server.log, "\n"); strings.Contains(all, "AUTH PLAIN") || len(tt.server.mails) != 0 {
			t.Errorf("%s: the server got:\n%s", name, all)
		}
		tt.server.mu.Unlock()
	}
}

func TestMail_ASilentServerTimesOut(t *testing.T) {
	t.Parallel()
	server := &mailServer{silent: true}
	server.serve(t)
	for _, security := range []notify.Security{notify.StartTLS, notify.TLS, notify.Cleartext} {
		err := send(t.Context(), &notify.Mail{Host: server.addr, From: "a@b", Security: security, Timeout: 50 * time.Millisecond})
		if err == nil || !strings.Contains(err.Error(), "timeout") {
			t.Errorf("%v: got %v", security, err)
		}
	}
}

func TestMail_WithoutEncryptionOnThisMachine(t *testing.T) {
	t.Parallel()
	server := &mailServer{}
	server.serve(t)
	if err := send(t.Context(), &notify.Mail{Host: server.addr, From: "a@b", Security: notify.Cleartext}); err != nil {
		t.Fatal(err)
	}
	if len(server.mails) != 1 {
		t.Errorf("got %d mails", len(server.mails))
	}
}

func TestWays_UnknownTargetsAreErrors(t *testing.T) {
	t.Parallel()
	full := notify.Ways{Mail: &notify.Mail{}}
	for _, tt := range []struct {
		ways   notify.Ways
		target string
	}{{full, "webhook:none"}, {full, "nobody"}, {notify.Ways{}, "a@b.example"}} {
		if s, err := tt.ways.Sender(tt.target); err == nil {
			t.Errorf("%s: got %s", tt.target, fmt.Sprintf("%T", s))
		}
	}
}
