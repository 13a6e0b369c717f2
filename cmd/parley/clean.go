package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escapes are the sequences that steer a terminal: CSI, OSC and the like, and
// two-character ones.
var escapes = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b[\\]PX^_][^\x1b\x07]*(\x1b\\\\|\x07)?|\x1b[ -/]*[0-~]")

// clean makes one line of text that came from elsewhere: what could steer a
// terminal is taken out, ends of line become spaces.
func clean(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\r' {
			return ' '
		}
		return r
	}, printable(text)))
}

// printable keeps letters, ends of line and tabs.
func printable(text string) string {
	text = escapes.ReplaceAllString(strings.ToValidUTF8(text, string(utf8.RuneError)), "")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r) || steers(r):
			return -1
		}
		return r
	}, text)
}

// steers tells whether a character changes the order that others are shown in.
func steers(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f || r == 0x061c
}

// cut shortens a text to n characters.
func cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// cleanWriter keeps what steers a terminal from it, however it got into a text.
// Each Write must hold whole characters.
type cleanWriter struct{ to io.Writer }

// Write implements io.Writer.
func (w cleanWriter) Write(text []byte) (int, error) {
	if _, err := io.WriteString(w.to, printable(string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}

// safeJSON writes the same JSON with the characters that steer a terminal as
// escapes. Each Write must hold whole characters.
type safeJSON struct{ to io.Writer }

// Write implements io.Writer.
func (w safeJSON) Write(text []byte) (int, error) {
	var out strings.Builder
	for _, r := range string(text) {
		if r >= 0x7f && unicode.IsControl(r) || steers(r) {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	if _, err := io.WriteString(w.to, out.String()); err != nil {
		return 0, err
	}
	return len(text), nil
}
