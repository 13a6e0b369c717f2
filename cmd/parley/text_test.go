package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode"

	"parley/node/admin"
	"parley/node/admin/client"
)

func TestClean_TakesOutWhatSteersATerminal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"plain", "Grüße, 世界 👩‍👩‍👧", "Grüße, 世界 👩‍👩‍👧"},
		{"colour", "a\x1b[31mred\x1b[0m", "ared"},
		{"title", "a\x1b]0;owned\x07b", "ab"},
		{"title ended by ST", "a\x1b]0;owned\x1b\\b", "ab"},
		{"device control", "a\x1bPq#0\x1b\\b", "ab"},
		{"reset", "a\x1bcb", "ab"},
		{"charset", "a\x1b(0b", "ab"},
		{"lone escape at the end", "a\x1b", "a"},
		{"C1 control", "a\u009b31mb", "a31mb"},
		{"C1 byte", "a\x9b31mb", "a\ufffd31mb"},
		{"back and bell", "a\b\a\x00\x7fb", "ab"},
		{"lines", "one\ntwo\r\nthree\tfour", "one two three four"},
		{"right to left", "exe.\u202egnp\u2066x\u200e", "exe.gnpx"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := clean(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// FuzzClean holds that nothing which steers a terminal is left, and that
// cleaning again changes nothing.
func FuzzClean(f *testing.F) {
	for _, seed := range []string{"", "a\x1b[31m", "\x1b\x1b[[0m", "\x9b", "\u202e", "\x1b]0;x\x07"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := clean(text)
		for _, r := range got {
			if unicode.IsControl(r) || steers(r) {
				t.Fatalf("clean(%q) = %q holds %U", text, got, r)
			}
		}
		if again := clean(got); again != got {
			t.Fatalf("clean(%q) = %q, and of that %q", text, got, again)
		}
	})
}

func TestSafeJSON_SaysTheSameWithoutControlCharacters(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := json.NewEncoder(safeJSON{&out}).Encode(hostile + "ä世\x7f"); err != nil {
		t.Fatal(err)
	}
	for _, r := range strings.TrimSuffix(out.String(), "\n") {
		if unicode.IsControl(r) || steers(r) {
			t.Errorf("%q holds %U", out.String(), r)
		}
	}
	var got string
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got != hostile+"ä世\x7f" {
		t.Errorf("got %q, %v; want %q", got, err, hostile+"ä世\x7f")
	}
}

func TestRate_IsReadAsPeopleWriteIt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]rate{"5/s": 5, "5": 5, "0.5/s": 0.5, "90/m": 1.5, "3600/h": 1} {
		var got rate
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: got %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "x", "0/s", "-1/s", "5/d", "NaN", "Inf/s", "5/s/s", "1e99"} {
		var got rate
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}

func TestNumbers_AreWrittenForPeople(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 412: "412", 3980: "3,980", 1234567: "1,234,567", -1000: "-1,000"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		-time.Second: "0.0s", 1200 * time.Millisecond: "1.2s", 42 * time.Second: "42s",
		75 * time.Second: "1m15s", 3*time.Hour + 5*time.Minute: "3h05m", 50 * time.Hour: "2d02h",
	} {
		if got := span(d); got != want {
			t.Errorf("%s: got %s, want %s", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{740 * time.Second: "12m", 9 * time.Second: "9s", 3 * time.Hour: "3h"} {
		if got := eta(d); got != want {
			t.Errorf("eta %s: got %s, want %s", d, got, want)
		}
	}
}

func TestExitCodes_AreOnePerKindAndStay(t *testing.T) {
	t.Parallel()
	want := map[string]int{
		"": 0, "internal": 1, "usage": 2, "invalid": 3, "not-found": 4, "no-node": 5,
		"conflict": 6, "tracker": 7, "peer": 8, "drift": 9, "denied": 10, "interrupted": 130,
	}
	if got := len(exitCodes()); got != len(want) {
		t.Errorf("got %d codes, want %d", got, len(want))
	}
	for _, e := range exitCodes() {
		if code, ok := want[e.kind]; !ok || code != e.code {
			t.Errorf("%s: got %d, want %d", e.kind, e.code, code)
		}
	}
	for _, tt := range []struct {
		err  error
		code int
	}{
		{errors.New("x"), exitInternal},
		{fmt.Errorf("x: %w", &client.NoNode{Dir: "d"}), exitNoNode},
		{fmt.Errorf("x: %w", &admin.Error{Kind: admin.KindPeer}), exitPeer},
		{fmt.Errorf("x: %w", &admin.Error{Kind: "of a later version"}), exitInternal},
	} {
		if got := asFailure(tt.err).code(); got != tt.code {
			t.Errorf("%v: got %d, want %d", tt.err, got, tt.code)
		}
	}
}

func TestShow_NothingThatSteersATerminalGetsThrough(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a := &app{process: process{out: &out}}
	if err := a.show(nil, func(w io.Writer) { fmt.Fprintf(w, "%s\tx\n", hostile) }); err != nil {
		t.Fatal(err)
	}
	for _, r := range out.String() {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || steers(r) {
			t.Errorf("%q holds %U", out.String(), r)
		}
	}
}

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestShow_OutputThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	for _, asJSON := range []bool{true, false} {
		a := &app{process: process{out: fullDisk{}}, json: asJSON}
		err := a.show([]string{"x"}, func(w io.Writer) { table(w, "A|B", [][]string{{"1", "2"}}) })
		if err == nil {
			t.Errorf("json %v: got no error", asJSON)
		}
	}
}

func TestMoment_IsReadAsPeopleWriteIt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 30, 0, 0, time.FixedZone("here", 3600))
	for _, tt := range []struct{ text, want string }{
		{"90m", "2026-03-01T14:00:00+01:00"},
		{"18:00", "2026-03-01T18:00:00+01:00"},
		{"12:30", "2026-03-02T12:30:00+01:00"},
		{"2026-12-24", "2026-12-24T00:00:00+01:00"},
		{"2026-12-24 18:05", "2026-12-24T18:05:00+01:00"},
		{"2026-12-24T18:05", "2026-12-24T18:05:00+01:00"},
		{"2026-12-24T18:05:01Z", "2026-12-24T18:05:01Z"},
		{"soon", ""},
		{"25:00", ""},
		{"", ""},
	} {
		at, err := momentOf(tt.text, now)
		got := at.Format(time.RFC3339)
		if err != nil {
			got = ""
		}
		if got != tt.want {
			t.Errorf("%q is %s (%v), want %s", tt.text, got, err, tt.want)
		}
	}
}
