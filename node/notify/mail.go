package notify

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/smtp"
	"strings"
	"time"

	"parley/node/secret"
)

// Security says how a connection to a mail server is encrypted.
type Security int

// The securities.
const (
	StartTLS  Security = iota // after the greeting; a server that does not offer it is refused
	TLS                       // from the first byte
	Cleartext                 // not at all; only for this machine
)

// Mail hands messages to a mail server.
type Mail struct {
	// Host is host:port, From the sender's address.
	Host, From string
	Security   Security
	// User and Password sign in; no User, no sign-in.
	User     string
	Password secret.Value
	// Roots are the authorities that may vouch for the server; nil is the system's.
	Roots *x509.CertPool
	// Timeout bounds the whole exchange; 0 is 30 seconds.
	Timeout time.Duration
}

// mailbox is the Sender for one address.
type mailbox struct {
	mail *Mail
	to   string
}

// Send implements Sender.
func (b mailbox) Send(ctx context.Context, m Message) (err error) {
	text, err := b.text(m)
	if err != nil {
		return fmt.Errorf("write mail to %s: %w", b.to, err)
	}
	client, err := b.mail.dial(ctx)
	if err != nil {
		return fmt.Errorf("reach mail server %s: %w", b.mail.Host, err)
	}
	defer func() {
		if err != nil { // after a Quit it is closed already
			_ = client.Close()
		}
	}()
	if err := b.mail.signIn(client); err != nil {
		return fmt.Errorf("sign in at mail server %s: %w", b.mail.Host, err)
	}
	if err := hand(client, b.mail.From, b.to, text); err != nil {
		return fmt.Errorf("hand mail to %s to mail server %s: %w", b.to, b.mail.Host, err)
	}
	return client.Quit()
}

// hand does the commands for one mail.
func hand(client *smtp.Client, from, to, text string) error {
	if err := client.Mail(from); err != nil {
		return err
	}
	if err := client.Rcpt(to); err != nil {
		return err
	}
	body, err := client.Data()
	if err != nil {
		return err
	}
	_, err = io.WriteString(body, text)
	return errors.Join(err, body.Close())
}

// dial connects, encrypts and greets. The connection has a deadline for all of it.
func (s *Mail) dial(ctx context.Context) (*smtp.Client, error) {
	host, _, err := net.SplitHostPort(s.Host)
	if err != nil {
		return nil, err
	}
	timeout := s.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Host)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	config := &tls.Config{ServerName: host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
	if s.Security == TLS {
		conn = tls.Client(conn, config)
	}
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if s.Security == StartTLS {
		// No mail without it: who is in between could have taken the offer away.
		if ok, _ := client.Extension("STARTTLS"); !ok {
			return nil, errors.Join(errors.New("it does not offer STARTTLS"), client.Close())
		}
		if err := client.StartTLS(config); err != nil {
			return nil, errors.Join(err, client.Close())
		}
	}
	return client, nil
}

// signIn gives user and password; smtp gives them to an encrypted or local
// server only.
func (s *Mail) signIn(client *smtp.Client) error {
	if s.User == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(s.Host)
	if err != nil {
		return err
	}
	return client.Auth(smtp.PlainAuth("", s.User, s.Password.Reveal(), host))
}

// text is the mail with its headers.
func (b mailbox) text(m Message) (string, error) {
	if strings.ContainsAny(b.mail.From+b.to, "\r\n") {
		return "", errors.New("an address holds a line end")
	}
	var out strings.Builder
	for _, header := range [][2]string{
		{"From", "Parley <" + b.mail.From + ">"},
		{"To", b.to},
		{"Subject", mime.QEncoding.Encode("utf-8", m.Subject())},
		{"Date", m.At.Format(time.RFC1123Z)},
		{"Message-ID", "<" + rand.Text() + "@parley>"},
		{"Auto-Submitted", "auto-generated"}, // no out-of-office answers
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&out, "%s: %s\r\n", header[0], header[1])
	}
	out.WriteString("\r\n")
	body := quotedprintable.NewWriter(&out)
	_, err := io.WriteString(body, m.Text())
	return out.String(), errors.Join(err, body.Close())
}
