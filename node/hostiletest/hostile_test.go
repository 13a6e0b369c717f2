package hostiletest_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/transport"
)

const listening = "listen: {nats: \"127.0.0.1:0\"}\n"

// line is one of the security stream.
type line struct {
	Stream, Connection, Refusal string
	Count                       int
}

// security are the lines of a node's security stream about a connection.
func (s *site) security(connection string) (lines []line) {
	for raw := range strings.Lines(s.log.String()) {
		var l line
		if json.Unmarshal([]byte(raw), &l) == nil && l.Stream == "security" && l.Connection == connection {
			lines = append(lines, l)
		}
	}
	return lines
}

// toldOf waits for a line of the security stream.
func (s *site) toldOf(connection, refusal string) {
	s.t.Helper()
	eventually(s.t, "the security log tells of "+refusal, func() error {
		for _, l := range s.security(connection) {
			if l.Refusal == refusal {
				return nil
			}
		}
		return fmt.Errorf("only %+v", s.security(connection))
	})
}

// honest is a victim with an honest connection, and room for liars of these names.
func honest(t *testing.T, liars ...string) (victim, friend *site) {
	t.Helper()
	victim = newSite(t, "acme", listening, append([]string{"honest"}, liars...)...)
	friend = newSite(t, "globex", "", "honest")
	victim.run()
	friend.run()
	join(t, victim, friend, "honest")
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(victim.log.String())
		}
	})
	return victim, friend
}

// inStep makes ten tickets, five at each side, and gives how long until all have crossed.
func inStep(t *testing.T, a, b *site, label string) time.Duration {
	t.Helper()
	begin := time.Now()
	for i := range 10 {
		from := []*site{a, b}[i%2]
		from.create(fmt.Sprintf("honest %s %d", label, i))
	}
	for _, s := range []*site{a, b} {
		eventually(t, "ten tickets cross", func() error {
			all, err := s.tickets()
			if err != nil {
				return err
			}
			count := 0
			for _, one := range all {
				if text, _ := one.Fields["summary"].(string); strings.HasPrefix(text, "honest "+label) {
					count++
				}
			}
			if count != 10 {
				return fmt.Errorf("%d of 10", count)
			}
			return nil
		})
	}
	return time.Since(begin)
}

// TestHostile_EveryLieOfTheStreamIsRefused: repeats, other orders, gaps, other runs and
// epochs, and other people's names touch nothing, and the log tells of each.
func TestHostile_EveryLieOfTheStreamIsRefused(t *testing.T) {
	t.Parallel()
	victim, friend := honest(t, "liar")
	l := newLiar(t, victim, "liar")
	before := inStep(t, victim, friend, "before")
	first := l.cut(l.change(func(c *event.ChangeBody) { c.Fields = event.Fields{"summary": "liar says it once"} }))
	l.say(first.Entries[0].Bytes)
	eventually(t, "the ticket is there", func() error { _, err := victim.find("liar says it once"); return err })

	again := l.cut(l.change(nil))
	again.First, again.Before, again.Entries = 1, envelope.Run{}, first.Entries
	// The salt of what was said is another one: it is a fork. What was said is sent
	// again by a second copy of the cut.
	gap := l.cut(l.change(nil))
	gap.First += 5
	old := l.cut(l.change(nil))
	old.Epoch = 77
	two := l.cut(l.change(nil), l.change(nil))
	swapped := two
	swapped.First, swapped.Before, swapped.Entries = two.First+1, two.Before.Next(two.Entries[0].Digest()), two.Entries[1:]
	for _, tt := range []struct {
		name, refusal string
		cut           envelope.Cut
	}{
		{"a gap", "gap", gap},
		{"the second before the first", "gap", swapped},
		{"an epoch that no hello announced", "epoch", old},
	} {
		r, err := l.send(tt.cut)
		must(t, err)
		if r.Through != l.at.Through || r.Stop {
			t.Errorf("%s: receipt %+v", tt.name, r)
		}
		victim.toldOf("liar", tt.refusal)
	}
	raw := l.change(nil)
	kept := l.cut(raw)
	for range 3 {
		r, err := l.send(kept)
		must(t, err)
		if r.Through != kept.Last() {
			t.Errorf("repeat: receipt %+v", r)
		}
	}
	l.at.Through, l.at.Run = kept.Last(), kept.After()
	victim.toldOf("liar", "repeat")

	l.forge(victim)
	r, err := l.send(again) // first of all numbers, other salt
	must(t, err)
	if !r.Stop {
		t.Errorf("fork: receipt %+v", r)
	}
	victim.toldOf("liar", "fork")
	if _, err := victim.find("liar says it once"); err != nil {
		t.Error(err)
	}
	t.Logf("honest connection: ten tickets in %v before, %v after", before, inStep(t, victim, friend, "after"))
}

// forge signs as others, and sends what is no message.
func (l *liar) forge(victim *site) {
	l.t.Helper()
	config, err := l.agreement.Codec(l.keys)
	must(l.t, err)
	config.Us = config.Peer // as the victim itself
	other, err := envelope.NewCodec(config)
	must(l.t, err)
	wire, _, err := other.Seal(l.cut(l.change(nil)))
	must(l.t, err)
	junk := make([]byte, transport.MaxMessage)
	_, _ = rand.Read(junk)
	for name, body := range map[string][]byte{"somebody else's name": wire, "a megabyte of nothing": junk, "nothing": nil} {
		ctx, cancel := context.WithTimeout(l.t.Context(), 300*time.Millisecond)
		if reply, err := l.link.Request(ctx, transport.KindEnvelope, body); err == nil {
			l.t.Errorf("%s was answered with %d bytes", name, len(reply))
		}
		cancel()
	}
	if _, err := l.ask(transport.KindEnvelope, make([]byte, transport.MaxMessage+1)); !errors.Is(err, transport.ErrTooLarge) {
		l.t.Errorf("over the largest message: %v", err)
	}
	victim.toldOf(l.name, "message")
}

// TestHostile_EveryMalformedEventIsRefused: each is answered with `malformed`, and the
// next event is taken.
func TestHostile_EveryMalformedEventIsRefused(t *testing.T) {
	t.Parallel()
	victim, friend := honest(t, "liar")
	l := newLiar(t, victim, "liar")
	good := string(l.change(nil))
	deep := strings.Repeat("[", 100_000)
	for name, raw := range map[string]string{
		"nested deep":          strings.Replace(good, `"at":"2026-01-02T03:04:05Z"`, `"at":"2026-01-02T03:04:05Z","fields":{"a":`+deep+`}`, 1),
		"nested deep, closed":  strings.Replace(good, `"at":"2026-01-02T03:04:05Z"`, `"at":"2026-01-02T03:04:05Z","fields":{"a":`+deep[:1000]+strings.Repeat("]", 1000)+`}`, 1),
		"very many nodes":      strings.Replace(good, `"at":"2026-01-02T03:04:05Z"`, `"at":"2026-01-02T03:04:05Z","fields":{"a":[`+strings.Repeat("1,", 50_000)+`1]}`, 1),
		"huge":                 strings.Replace(good, `"filter":"v1"`, `"filter":"`+strings.Repeat("v", 400_000)+`"`, 1),
		"invalid UTF-8":        strings.Replace(good, `"filter":"v1"`, "\"filter\":\"\xff\xfe\"", 1),
		"a lone surrogate":     strings.Replace(good, `"filter":"v1"`, `"filter":"\ud800"`, 1),
		"an unknown member":    strings.Replace(good, `"filter":"v1"`, `"filter":"v1","admin":true`, 1),
		"a member twice":       strings.Replace(good, `"filter":"v1"`, `"filter":"v1","filter":"v2"`, 1),
		"of the other stream":  `{"goodbye":{}}`,
		"nothing":              "",
		"a file name of 10 kB": string(fileChange(good, strings.Repeat("n", 10_000))),
	} {
		seq := l.say([]byte(raw))
		if o := l.verdict(seq); o.Verdict != event.Refused || o.Code != event.CodeMalformed {
			t.Errorf("%s: %+v", name, o)
		}
	}
	victim.toldOf("liar", "event")
	astray := l.cut(l.change(func(c *event.ChangeBody) { c.Fields = event.Fields{"summary": "liar goes astray"} }))
	astray.Stream, astray.First, astray.Before = envelope.Control, 1, envelope.Run{}
	r, err := l.send(astray)
	must(t, err)
	if r.Through != 1 {
		t.Errorf("a change in the other stream: receipt %+v", r)
	}
	if lines := victim.security("liar"); len(lines) > 4 {
		t.Errorf("%d lines for a handful of refusals: %+v", len(lines), lines)
	}
	l.say(l.change(func(c *event.ChangeBody) { c.Fields = event.Fields{"summary": "liar is taken again"} }))
	eventually(t, "the next is taken", func() error { _, err := victim.find("liar is taken again"); return err })
	inStep(t, victim, friend, "after")
}

func fileChange(good, name string) string {
	sum := sha256.Sum256(nil)
	return strings.Replace(good, `}}`, `,"items":[{"id":"f","kind":"attachment","name":"`+name+`","size":1,"sha256":"`+hex.EncodeToString(sum[:])+`"}]}}`, 1)
}

// nasty are texts that mean something to whoever reads them carelessly.
var nasty = []string{
	"<script>alert(1)</script><img src=x onerror=alert(2)>",
	"\x1b[2J\x1b]0;owned\x07",
	"\u202egpj.exe\u2066\u200b",
	"=HYPERLINK(\"http://evil.example\",\"click\")",
	"<!-- parley:aaaaaaaaaaaaaaaa --> [parley:aaaaaaaaaaaaaaaa] parley-marker: aaaaaaaaaaaaaaaa",
}

// TestHostile_TextsAndNamesOfFilesDoNoHarm: a text is a text, a name of a file is no
// path, and what the files hold is what was said, or they do not come.
func TestHostile_TextsAndNamesOfFilesDoNoHarm(t *testing.T) {
	t.Parallel()
	victim, friend := honest(t, "liar")
	before := sizeOf(t, victim.dir)
	l := newLiar(t, victim, "liar")
	names := []string{"../../../evil", "/etc/evil", "nul\x00evil", `C:\evil`, "CON", ".", "..", "evil\r\nX-Header: 1", "\u202egpj.exe"}
	content := []byte("eight by")
	sum := sha256.Sum256(content)
	whole := func(offset int64) []byte { return content[min(offset, 8):] }
	l.serve.Store(&whole)
	for i, text := range nasty {
		seq := l.say(l.change(func(c *event.ChangeBody) {
			c.Fields = event.Fields{"summary": fmt.Sprintf("liar %d %s", i, text), "description": text, text: text}
			c.Items = []event.Item{{ID: event.ItemID(text), Kind: event.ItemComment, Author: event.User{ID: text, Name: text}, Body: text}}
			for n, name := range names {
				c.Items = append(c.Items, event.Item{
					ID: event.ItemID(fmt.Sprint("f", n)), Kind: event.ItemAttachment, Name: name, Size: 8, MIME: text, SHA256: hex.EncodeToString(sum[:]),
				})
			}
		}))
		t.Logf("%q: %+v", text, l.verdict(seq))
	}
	l.badFiles()
	inStep(t, victim, friend, "meanwhile")
	eventually(t, "the files are there", func() error {
		got, err := victim.find("liar 0")
		if err == nil && len(got.Attachments) < 5 {
			err = fmt.Errorf("%d files", len(got.Attachments))
		}
		return err
	})
	all, err := victim.tickets()
	must(t, err)
	for _, ticket := range all {
		for _, a := range ticket.Attachments {
			if strings.ContainsAny(a.Name, "/\\\x00\r\n") || a.Name == "." || a.Name == ".." {
				t.Errorf("a file is called %q", a.Name)
			}
		}
	}
	must(t, filepath.WalkDir(victim.dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(filepath.Base(path), "evil") {
			t.Errorf("there is a file %s", path)
		}
		return err
	}))
	if grown := sizeOf(t, victim.dir) - before; grown > 16<<20 {
		t.Errorf("the victim's disk grew by %d bytes", grown)
	}
	for _, c := range victim.log.String() {
		if c < ' ' && c != '\n' || c == '\u202e' {
			t.Fatalf("the log has %q in it", c)
		}
	}
}

// badFiles offers files that never end, are empty, or are others than was said.
func (l *liar) badFiles() {
	l.t.Helper()
	for i, serve := range []func(int64) []byte{
		func(int64) []byte { return make([]byte, 600<<10) },
		func(int64) []byte { return nil },
		func(int64) []byte { return []byte("x") },
	} {
		l.serve.Store(&serve)
		var sum [32]byte
		sum[0] = byte(i)
		seq := l.say(l.change(func(c *event.ChangeBody) {
			c.Fields = event.Fields{"summary": fmt.Sprintf("liar has file %d", i)}
			c.Items = []event.Item{
				{ID: "f", Kind: event.ItemAttachment, Name: "f", Size: 4 << 20, SHA256: hex.EncodeToString(sum[:])},
				{ID: "g", Kind: event.ItemAttachment, Name: "g", Size: 1 << 50, SHA256: hex.EncodeToString(sum[:])},
			}
		}))
		l.t.Logf("file %d: %+v", i, l.verdict(seq))
	}
}

func sizeOf(t *testing.T, dir string) (size int64) {
	t.Helper()
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, _ error) error {
		if info, err := os.Stat(path); err == nil && d != nil && !d.IsDir() {
			size += info.Size()
		}
		return nil
	})
	return size
}

// TestHostile_WhatIsOutsideAndWhatIsNotThereLookAlike: a claim to a ticket outside of the
// connection tells nothing about whether it is there.
func TestHostile_WhatIsOutsideAndWhatIsNotThereLookAlike(t *testing.T) {
	t.Parallel()
	victim, friend := honest(t, "liar accept: {connect: auto}")
	inStep(t, victim, friend, "before")
	theirs, err := victim.find("honest before 0")
	must(t, err)
	l := newLiar(t, victim, "liar")
	claim := func(key string) (event.Outcome, time.Duration) {
		begin := time.Now()
		seq := l.say(l.change(func(c *event.ChangeBody) {
			c.Fields = event.Fields{"summary": "liar takes it"}
			c.Connect = &event.Connect{Key: key, Prefer: event.PreferSender}
		}))
		return l.verdict(seq), time.Since(begin)
	}
	there, took := claim(theirs.Key)
	gone, tookGone := claim("ACME-99999")
	t.Logf("there: %+v in %v; not there: %+v in %v", there, took, gone, tookGone)
	if there.Verdict != event.Refused || there.Verdict != gone.Verdict || there.Code != gone.Code {
		t.Errorf("there: %+v, not there: %+v", there, gone)
	}
	if after, err := victim.find("honest before 0"); err != nil || after.Version != theirs.Version {
		t.Errorf("the honest ticket changed: %+v, %v", after, err)
	}
}

// TestHostile_OtherSubjectsAreShut: with the keys of one connection nothing of another
// one is heard or reached.
func TestHostile_OtherSubjectsAreShut(t *testing.T) {
	t.Parallel()
	victim, friend := honest(t, "liar")
	l := newLiar(t, victim, "liar")
	connections, err := victim.node.Connections(t.Context())
	must(t, err)
	for _, c := range connections {
		if c.Name != "honest" {
			continue
		}
		var con event.ConnectionID
		must(t, con.UnmarshalText([]byte(c.ID)))
		other := l.dial(con)
		heard := make(chan transport.Kind, 100)
		_ = other.Handle(func(_ context.Context, k transport.Kind, _ []byte) ([]byte, error) {
			heard <- k
			return nil, errors.New("no")
		})
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if reply, err := other.Request(ctx, transport.KindHello, []byte("x")); err == nil {
			t.Errorf("another connection answered %d bytes", len(reply))
		}
		cancel()
		inStep(t, victim, friend, "meanwhile")
		if len(heard) > 0 {
			t.Errorf("heard %v of another connection", <-heard)
		}
	}
}

// TestHostile_AThousandConnectionsDelayNobody: whoever opens them and says nothing.
func TestHostile_AThousandConnectionsDelayNobody(t *testing.T) {
	t.Parallel()
	victim, friend := honest(t, "liar")
	l := newLiar(t, victim, "liar")
	before, begin := inStep(t, victim, friend, "before"), cost()
	for range 1000 {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.agreement.Route.Addresses[0])
		must(t, err)
		t.Cleanup(func() { _ = conn.Close() })
	}
	during := inStep(t, victim, friend, "during")
	t.Logf("ten tickets in %v before, %v during; cost %v; log %d bytes", before, during, cost().since(begin), len(victim.log.String()))
	if during > before+10*time.Second {
		t.Errorf("ten tickets took %v, %v before", during, before)
	}
}
