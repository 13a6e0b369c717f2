package audit

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// Syslog sends what is put on record to a syslog server, a line of RFC 5424 each: over
// UDP (RFC 5426), over TCP or TLS with counted octets (RFC 6587, RFC 5425), or to a
// socket of this machine. A line names a record's head, so that a log which is kept on
// another machine tells when records were rewritten.
//
// It never holds a node up: what cannot be sent waits, the oldest of too much is left
// out, and the head of the newest tells of them all.
type Syslog struct {
	network, address, host string
	log                    zerolog.Logger
	lines                  chan string
}

const (
	// waiting is how many lines wait for a server that is away.
	waiting = 256
	// priority is facility 13, log audit, with severity 5, notice (RFC 5424, section 6.2.1).
	priority    = 13*8 + 5
	sendTimeout = 5 * time.Second
	leastPause  = time.Second
	mostPause   = time.Minute
)

// ParseSyslog reads where a syslog server is: udp://HOST:PORT, tcp://, tls:// or
// unix:///dev/log.
func ParseSyslog(text string) (network, address string, err error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", "", fmt.Errorf("read the address of the syslog server: %w", err)
	}
	port := u.Port()
	switch u.Scheme {
	case "unix":
		if u.Path == "" || u.Host != "" {
			return "", "", fmt.Errorf("want unix:///PATH, not %.80q", text)
		}
		return "unixgram", u.Path, nil
	case "udp", "tcp":
		if port == "" {
			port = "514"
		}
	case "tls":
		if port == "" {
			port = "6514"
		}
	default:
		return "", "", fmt.Errorf("want udp://HOST, tcp://HOST, tls://HOST or unix:///PATH, not %.80q", text)
	}
	if u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return "", "", fmt.Errorf("want %s://HOST or %[1]s://HOST:PORT, not %.80q", u.Scheme, text)
	}
	return u.Scheme, net.JoinHostPort(u.Hostname(), port), nil
}

// NewSyslog makes a sender; Run sends.
func NewSyslog(address string, log zerolog.Logger) (*Syslog, error) {
	network, address, err := ParseSyslog(address)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "-"
	}
	return &Syslog{network: network, address: address, host: word(host, 255), log: log, lines: make(chan string, waiting)}, nil
}

// Tell hands a record over.
func (s *Syslog) Tell(r Record, h Head) {
	line := s.line(r, h)
	for {
		select {
		case s.lines <- line:
			return
		default:
		}
		select {
		case <-s.lines: // the oldest
		default:
		}
	}
}

// line is a record as RFC 5424, section 6, has it. Names of people and tickets stay here.
func (s *Syslog) line(r Record, h Head) string {
	return fmt.Sprintf("<%d>1 %s %s parley %d %s - head=%s outcome=%s", priority, r.At.UTC().Format("2006-01-02T15:04:05.000Z"),
		s.host, os.Getpid(), word(r.Action, 32), h, word(r.Outcome, 60))
}

// word is a text of printable ASCII without spaces, as a header's field is.
func word(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '_'
		case r < '!' || r > '~':
			return '?'
		}
		return r
	}, text)
	if text == "" {
		return "-"
	}
	return text[:min(len(text), most)]
}

// Run sends until ctx ends, then what still waits, if the server takes it at once.
func (s *Syslog) Run(ctx context.Context) {
	var c net.Conn
	defer func() {
		if c != nil {
			_ = c.Close()
		}
	}()
	pause := leastPause
	for {
		var line string
		select {
		case line = <-s.lines:
		default:
			select {
			case line = <-s.lines:
			case <-ctx.Done():
				return
			}
		}
		for {
			err := s.send(&c, line)
			if err == nil {
				if pause > leastPause {
					s.log.Info().Msg("the syslog server takes records again")
				}
				pause = leastPause
				break
			}
			if pause == leastPause {
				s.log.Warn().Err(err).Msg("the syslog server takes no records: they wait")
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			pause = min(2*pause, mostPause)
		}
	}
}

// send writes a line, over a new connection if the one before broke.
func (s *Syslog) send(c *net.Conn, line string) (err error) {
	if *c == nil {
		if *c, err = s.dial(); err != nil {
			*c = nil
			return err
		}
	}
	if s.network == "tcp" || s.network == "tls" {
		line = strconv.Itoa(len(line)) + " " + line
	}
	if err = (*c).SetWriteDeadline(time.Now().Add(sendTimeout)); err == nil {
		_, err = (*c).Write([]byte(line))
	}
	if err != nil {
		_ = (*c).Close()
		*c = nil
		return fmt.Errorf("write to the syslog server: %w", err)
	}
	return nil
}

func (s *Syslog) dial() (net.Conn, error) {
	d := net.Dialer{Timeout: sendTimeout}
	if s.network == "tls" {
		return (&tls.Dialer{NetDialer: &d, Config: &tls.Config{MinVersion: tls.VersionTLS12}}).DialContext(context.Background(), "tcp", s.address)
	}
	return d.DialContext(context.Background(), s.network, s.address)
}
