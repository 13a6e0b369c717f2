package audit_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"parley/node/audit"
)

// rfc5424 is a line as its section 6 has it, without structured data.
var rfc5424 = regexp.MustCompile(`^<109>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [!-~]{1,255} parley \d+ [!-~]{1,32} - head=\d+:[0-9a-f]{64} outcome=[!-~]+$`)

// run sends until the returned function is called.
func run(t *testing.T, s *audit.Syslog) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	return func() { cancel(); <-done }
}

func TestSyslog_ADatagramIsALineOfRFC5424(t *testing.T) {
	t.Parallel()
	server, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	s, err := audit.NewSyslog("udp://"+server.LocalAddr().String(), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	b.log = audit.New(audit.Options{Store: b.store, Now: func() time.Time { return b.now }, Key: b.key, Told: s.Tell})
	defer run(t, s)()
	for _, action := range []string{"pause", "a b\x1b[2J\nü", ""} {
		if _, err := b.log.Append(audit.Record{Who: "alice", Ticket: "SECRET-1", Action: action, Outcome: audit.Refused + ": denied"}); err != nil {
			t.Fatal(err)
		}
		raw := make([]byte, 4096)
		if err := server.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, _, err := server.ReadFrom(raw)
		if err != nil {
			t.Fatal(err)
		}
		head, err := b.log.Head()
		if err != nil || !rfc5424.Match(raw[:n]) || !strings.Contains(string(raw[:n]), head.String()) || strings.Contains(string(raw[:n]), "alice") || strings.Contains(string(raw[:n]), "SECRET") {
			t.Errorf("got %q for %s, %v", raw[:n], head, err)
		}
	}
}

func TestSyslog_AServerThatIsAwayHoldsNobodyUpAndGetsTheNewest(t *testing.T) {
	t.Parallel()
	first, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := first.Addr().String()
	_ = first.Close()
	s, err := audit.NewSyslog("tcp://"+address, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer run(t, s)()
	b := newBench(t)
	b.log = audit.New(audit.Options{Store: b.store, Now: func() time.Time { return b.now }, Key: b.key, Told: s.Tell})
	for range 1000 { // nobody reads them
		if _, err := b.log.Append(audit.Record{Action: "pause", Outcome: audit.Done}); err != nil {
			t.Fatal(err)
		}
	}
	head, err := b.log.Head()
	if err != nil {
		t.Fatal(err)
	}
	server, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	c, err := server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	for lines := 0; ; lines++ {
		count, err := in.ReadString(' ')
		if err != nil {
			t.Fatalf("after %d lines: %v", lines, err)
		}
		n, err := strconv.Atoi(strings.TrimSpace(count))
		if err != nil {
			t.Fatal(err)
		}
		line := make([]byte, n)
		if _, err := io.ReadFull(in, line); err != nil || !rfc5424.Match(line) {
			t.Fatalf("got %q, %v", line, err)
		}
		if strings.Contains(string(line), head.String()) {
			return
		}
	}
}

func TestParseSyslog_TakesAddressesAndNothingElse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"udp://log.example": "udp log.example:514", "tcp://log.example:601": "tcp log.example:601", "tls://[::1]": "tls [::1]:6514", "unix:///dev/log": "unixgram /dev/log",
		"http://log.example": "", "log.example": "", "udp://": "", "tcp://u:p@log.example": "", "tls://log.example/path": "", "unix://dev/log": "", "": "",
	} {
		network, address, err := audit.ParseSyslog(text)
		if got := strings.TrimSpace(network + " " + address); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}
