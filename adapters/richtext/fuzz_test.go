package richtext_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func FuzzMarkdown(f *testing.F) { fuzzFormat(f, "markdown") }
func FuzzHTML(f *testing.F)     { fuzzFormat(f, "html") }
func FuzzADF(f *testing.F)      { fuzzFormat(f, "adf") }
func FuzzWiki(f *testing.F)     { fuzzFormat(f, "wiki") }
func FuzzTextile(f *testing.F)  { fuzzFormat(f, "textile") }
func FuzzPlain(f *testing.F)    { fuzzFormat(f, "plain") }

// fuzzFormat holds, for any bytes, that one format's reader and writer end in time, build no deep tree, are
// stable after one pass and let nothing dangerous be live.
func fuzzFormat(f *testing.F, name string) {
	f.Helper()
	own := six()[slices.IndexFunc(six(), func(o format) bool { return o.name == name })]
	for _, d := range corpus(f) {
		if d.from.name == name && len(d.source) < maxFuzz {
			f.Add(d.source)
		}
	}
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > maxFuzz {
			return
		}
		began := time.Now()
		doc := own.read(s)
		once := own.write(doc)
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%q took %v", s, took)
		}
		if got := depthOf(doc.Blocks); got > 2*16+2+16+2 {
			t.Errorf("%q is %d deep", s, got)
		}
		if twice := own.write(own.read(once)); twice != once {
			t.Errorf("not stable after one pass\n   in %q\n once %q\ntwice %q", s, once, twice)
		}
		if live := dangerIn(t, own.name, once); live != "" {
			t.Errorf("%q is live in %q, of %q", live, once, s)
		}
		if !utf8.ValidString(once) {
			t.Errorf("%q became %q", s, once)
		}
	})
}

const maxFuzz = 8 << 10

// FuzzAcross_WordsStayAndNothingIsLive takes any bytes from one format to another: its words are still
// there, what is written is stable in its own format, and nothing dangerous is live.
func FuzzAcross_WordsStayAndNothingIsLive(f *testing.F) {
	all := six()
	for i, d := range corpus(f) {
		if len(d.source) < maxFuzz {
			from := slices.IndexFunc(all, func(o format) bool { return o.name == d.from.name })
			f.Add(uint8(from), uint8(i), d.source)
		}
	}
	f.Fuzz(func(t *testing.T, from, to uint8, s string) {
		if len(s) > maxFuzz {
			return
		}
		own, other := all[int(from)%len(all)], all[int(to)%len(all)]
		doc := own.read(s)
		there := other.write(doc)
		read := other.read(there)
		if lost := lacking(wordsOf(doc.Plain()), wordsOf(read.Plain())); len(lost) > 0 && !within(doc.Plain(), read.Plain()) {
			t.Errorf("%s to %s: %q is lost\n   in %q\nthere %q", own.name, other.name, lost, s, there)
		}
		if again := other.write(read); again != there {
			t.Errorf("%s to %s: not stable\n   in %q\nthere %q\nagain %q", own.name, other.name, s, there, again)
		}
		if live := dangerIn(t, other.name, there); live != "" {
			t.Errorf("%s to %s: %q is live in %q, of %q", own.name, other.name, live, there, s)
		}
	})
}

// within tells whether the letters of a text stand in another, in their order: a mark that is left out may
// join two words, or part one.
func within(text, other string) bool {
	rest := []rune(words(other))
	for _, r := range strings.Join(wordsOf(text), "") {
		i := slices.Index(rest, r)
		if i < 0 {
			return false
		}
		rest = rest[i+1:]
	}
	return true
}
