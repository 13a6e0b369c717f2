package filters

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// textForm is one way to read a text: as it is, or as a person or a program
// would see it.
type textForm struct {
	// how it was made, for people; "" is the text itself.
	how   string
	text  string
	depth int
}

// Bounds on what is made of one text: a form inside a form, and all of them.
const (
	maxFormDepth = 6
	maxForms     = 256
	formBudget   = 12 // times the text, and 64 KiB
)

// forms calls fn with each reading of t: as it is, with signs that look or count
// alike made one, without markup, and what base64, hexadecimal digits and percent
// signs stand for, in each other too. It ends when the bounds are reached; whole
// tells whether they were not.
func forms(t string, fn func(textForm)) (whole bool) {
	queue, seen := []textForm{{text: t}}, map[string]bool{t: true}
	budget := formBudget*len(t) + 64<<10
	for n := 0; n < len(queue); n++ {
		f := queue[n]
		fn(f)
		if !mayHide(f.text) {
			continue
		}
		for _, made := range f.readings() {
			if made.text == "" || seen[made.text] {
				continue
			}
			if budget -= len(made.text); budget < 0 || made.depth > maxFormDepth || len(queue) >= maxForms {
				return false
			}
			seen[made.text] = true
			queue = append(queue, made)
		}
	}
	return true
}

// mayHide tells whether a text has a sign of markup or of an encoding, or a word
// that is long enough to be one. Most texts have not.
func mayHide(t string) bool {
	run := 0
	for i := range len(t) {
		switch c := t[i]; {
		case c >= 0x80 || strings.IndexByte("<>&*_~`[]%\\", c) >= 0:
			return true
		case c == '=' && quoted(t, i) > 0:
			if _, signs := quotedRun(t, i); signs >= fewestQuoted {
				return true
			}
		case letterByte(c) || digitByte(c) || c == '+' || c == '/' || c == '-' || c == '=':
			if run++; run >= minEncoded {
				return true
			}
		default:
			run = 0
		}
	}
	return false
}

// minEncoded is how long a word must be to be read as base64 or hexadecimal.
const minEncoded = 16

func (f textForm) readings() []textForm {
	var out []textForm
	add := func(how, text string) {
		if text != f.text {
			out = append(out, textForm{how: joined(f.how, how), text: text, depth: f.depth + 1})
		}
	}
	folded := fold(f.text)
	add("", folded)
	if strings.IndexByte(folded, '&') >= 0 {
		add("entities", fold(html.UnescapeString(folded)))
	}
	add("rendered", withoutTags(folded))
	add("rendered", rendered(folded))
	if strings.IndexByte(f.text, '%') >= 0 {
		add("percent-encoded", unpercent(f.text))
	}
	if strings.IndexByte(f.text, '\\') >= 0 {
		add("escaped", unescape(f.text))
	}
	if strings.IndexByte(f.text, '=') >= 0 {
		add("quoted-printable", unquoted(f.text))
	}
	for _, one := range decoded(f.text) {
		add(one.how, one.text)
	}
	return out
}

func joined(a, b string) string {
	if a == "" || b == "" || a == b {
		return a + strings.TrimPrefix(b, a)
	}
	return a + ", " + b
}

// fold makes signs that look or count alike one: compatibility forms, digits of
// all scripts, and signs that are not seen at all, which go.
func fold(t string) string {
	if isASCII(t) {
		return t
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r < 0x80:
			return r
		case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Mn, r) && r >= 0xFE00 || unicode.Is(unicode.Variation_Selector, r) || r == 0x034F || r == 0x115F || r == 0x1160 || r == 0x3164 || r == 0x2800:
			return -1
		case unicode.Is(unicode.Nd, r):
			return '0' + digitValue(r)
		case unicode.Is(unicode.Zs, r):
			return ' '
		case unicode.Is(unicode.Pd, r) || r == 0x2212:
			return '-'
		}
		return r
	}, norm.NFKC.String(t))
}

func isASCII(t string) bool {
	for i := range len(t) {
		if t[i] >= 0x80 {
			return false
		}
	}
	return true
}

// digitValue counts from the zero of a digit's script: the ten stand together.
func digitValue(r rune) rune {
	n := rune(0)
	for n < 9 && unicode.Is(unicode.Nd, r-n-1) {
		n++
	}
	return n % 10
}

// rendered is a text as it is shown: without tags and comments, with entities
// as what they stand for, and without the marks of Markdown and wiki text.
func rendered(t string) string {
	t = withoutTags(t)
	if strings.IndexByte(t, '&') >= 0 {
		t = fold(html.UnescapeString(t))
	}
	if !strings.ContainsAny(t, "*_~`[]\\") {
		return t
	}
	var b strings.Builder
	b.Grow(len(t))
	for i := 0; i < len(t); i++ {
		switch c := t[i]; {
		case c == '\\' && i+1 < len(t) && (t[i+1] < '0' || t[i+1] > 'z' || t[i+1] == '_' || t[i+1] == '[' || t[i+1] == ']' || t[i+1] == '^'):
		case c == '*' || c == '~' || c == '`' || c == '[':
		case c == '_' && (i == 0 || i+1 == len(t) || !wordByte(t[i-1]) || !wordByte(t[i+1])):
		case c == ']' && i+1 < len(t) && t[i+1] == '(':
			// What a link leads to is read as raw text; here it would split what is shown.
			if end := strings.IndexByte(t[i:min(len(t), i+2048)], ')'); end > 0 {
				i += end
			}
		case c == ']':
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// withoutTags leaves out HTML comments and tags.
func withoutTags(t string) string {
	if strings.IndexByte(t, '<') < 0 {
		return t
	}
	var b strings.Builder
	last := strings.LastIndexByte(t, '>') - len(t) // from the end: behind it nothing is closed
	for {
		at := strings.IndexByte(t, '<')
		if at < 0 || at+1 == len(t) {
			b.WriteString(t)
			return b.String()
		}
		b.WriteString(t[:at])
		t = t[at:]
		end := 0
		switch next := t[1]; {
		case strings.HasPrefix(t, "<!--"):
			if end = strings.Index(t, "-->") + 3; end < 3 {
				end = len(t)
			}
		case len(t)+last > 0 && (letterByte(next) || next == '/' || next == '!' || next == '?'):
			end = strings.IndexByte(t, '>') + 1
		}
		if end == 0 {
			b.WriteByte('<')
			end = 1
		}
		t = t[end:]
	}
}

// unpercent decodes %XX where it can.
func unpercent(t string) string {
	var b strings.Builder
	for i := 0; i < len(t); i++ {
		if t[i] == '%' && i+2 < len(t) {
			if one, err := hex.DecodeString(t[i+1 : i+3]); err == nil {
				b.Write(one)
				i += 2
				continue
			}
		}
		b.WriteByte(t[i])
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

// quoted is how long the sign of quoted-printable at i is, an octet or a line's end that
// does not count; 0 if it is none.
func quoted(t string, i int) int {
	rest := t[i+1:]
	switch {
	case len(rest) >= 2 && hexByte(rest[0]) && hexByte(rest[1]):
		return 3
	case strings.HasPrefix(rest, "\r\n"):
		return 3
	case strings.HasPrefix(rest, "\n"):
		return 2
	}
	return 0
}

func hexByte(c byte) bool { return digitByte(c) || c >= 'A' && c <= 'F' || c >= 'a' && c <= 'f' }

// fewestQuoted is how many signs of quoted-printable stand in a row at least: a=10 is no
// such text.
const fewestQuoted = 4

// quotedRun is the row of such signs that begins at i: where it ends, and how many.
func quotedRun(t string, i int) (end, signs int) {
	for i < len(t) && t[i] == '=' {
		n := quoted(t, i)
		if n == 0 {
			break
		}
		i, signs = i+n, signs+1
	}
	return i, signs
}

// unquoted decodes quoted-printable where it is.
func unquoted(t string) string {
	var b strings.Builder
	for i := 0; i < len(t); {
		end, signs := quotedRun(t, i)
		if signs < fewestQuoted {
			end = max(end, i+1)
			b.WriteString(t[i:end])
			i = end
			continue
		}
		for i < end {
			n := quoted(t, i)
			if one, err := hex.DecodeString(t[i+1 : i+n]); err == nil && n == 3 {
				b.Write(one)
			}
			i += n
		}
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

// unescape decodes the escapes of JSON and of programs: \n, \u0041, \x41.
func unescape(t string) string {
	var b strings.Builder
	for i := 0; i < len(t); i++ {
		if t[i] != '\\' || i+1 == len(t) {
			b.WriteByte(t[i])
			continue
		}
		i++
		size := map[byte]int{'u': 4, 'x': 2}[t[i]]
		switch c := t[i]; {
		case c == 'n' || c == 'r':
			b.WriteByte('\n')
		case c == 't':
			b.WriteByte('\t')
		case size > 0 && i+size < len(t):
			one, err := hex.DecodeString(t[i+1 : i+1+size])
			if err != nil {
				b.WriteByte(c)
				continue
			}
			r := rune(0)
			for _, part := range one {
				r = r<<8 | rune(part)
			}
			b.WriteRune(r)
			i += size
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// decoded are the texts, or keys, that words of t encode in base64 or
// hexadecimal; lines of equal length are one word.
func decoded(t string) []textForm {
	var out []textForm
	for i := 0; i < len(t); {
		var run []span
		if run, i = encodedRun(t, i); len(run) == 0 {
			return out
		}
		var word strings.Builder
		for _, line := range run {
			word.WriteString(t[line.start:line.end])
		}
		whole := word.String()
		one, ok := decodeWord(whole)
		if last := run[len(run)-1]; !ok && len(run) > 1 { // the last line may be no part of it
			one, ok = decodeWord(whole[:len(whole)-(last.end-last.start)])
		}
		if ok {
			out = append(out, one)
		}
	}
	return out
}

func decodeWord(word string) (textForm, bool) {
	if plain, ok := textIn(fromHex(word)); ok {
		return textForm{how: "hexadecimal", text: plain}, true
	}
	plain, ok := textIn(fromBase64(word))
	return textForm{how: "base64", text: plain}, ok
}

func encodedByte(c byte) bool {
	return letterByte(c) || digitByte(c) || strings.IndexByte("+/-_=", c) >= 0
}

// encodedRun finds the next word from i on, with the lines of its length that
// follow and the one after these, and where to go on.
func encodedRun(t string, i int) (run []span, next int) {
	for i < len(t) {
		one := nextWord(t, i)
		if i = one.end; one.end-one.start < minEncoded {
			continue
		}
		run = append(run, one)
		for i < len(t) && t[i] != ' ' {
			after := nextWord(t, i)
			if after.end == after.start || strings.Trim(t[i:after.start], "\r\n> \t") != "" || strings.IndexByte(t[i:after.start], '\n') < 0 {
				break
			}
			run, i = append(run, after), after.end
			if after.end-after.start != one.end-one.start {
				break
			}
		}
		return run, i
	}
	return nil, i
}

// nextWord is the next run of bytes that an encoding may have.
func nextWord(t string, i int) span {
	for i < len(t) && !encodedByte(t[i]) {
		i++
	}
	start := i
	for i < len(t) && encodedByte(t[i]) {
		i++
	}
	return span{start, i}
}

func fromHex(word string) []byte {
	raw, err := hex.DecodeString(word)
	if err != nil {
		return nil
	}
	return raw
}

func fromBase64(word string) []byte {
	word = strings.NewReplacer("-", "+", "_", "/").Replace(strings.Trim(word, "="))
	if at := strings.LastIndexByte(word, '='); at >= 0 {
		word = word[at+1:] // name=value
	}
	if len(word)%4 == 1 {
		word = word[:len(word)-1]
	}
	raw, err := base64.RawStdEncoding.DecodeString(word)
	if err != nil {
		return nil
	}
	return raw
}

// keyInBytes stands for a private key that was found as bytes.
const keyInBytes = "-----BEGIN PRIVATE KEY-----"

// textIn is the text in bytes, if it is one.
func textIn(raw []byte) (string, bool) {
	if len(raw) < 8 {
		return "", false
	}
	if isKeyFile(raw) {
		return keyInBytes, true
	}
	return decodeText(raw)
}

// decodeText reads bytes as UTF-8 or UTF-16 text.
func decodeText(raw []byte) (string, bool) {
	if utf8.Valid(raw) && looksLikeText(string(raw)) {
		return strings.TrimPrefix(string(raw), "\uFEFF"), true
	}
	if len(raw)%2 == 1 || len(raw) < 4 {
		return "", false
	}
	big := raw[0] == 0xFE && raw[1] == 0xFF || raw[0] == 0 && raw[1] != 0
	if !big && raw[1] != 0 && (raw[0] != 0xFF || raw[1] != 0xFE) {
		return "", false
	}
	if !looksLikeText(fromUTF16(raw[:min(len(raw), 512)], big)) {
		return "", false // most bytes are no text, and need not be copied
	}
	t := fromUTF16(raw, big)
	return t, looksLikeText(t)
}

func fromUTF16(raw []byte, big bool) string {
	units := make([]uint16, len(raw)/2)
	for i := range units {
		low, high := raw[2*i], raw[2*i+1]
		if big {
			low, high = high, low
		}
		units[i] = uint16(high)<<8 | uint16(low)
	}
	return strings.TrimPrefix(string(utf16.Decode(units)), "\uFEFF")
}

// looksLikeText tells text from other bytes: hardly any control characters.
func looksLikeText(t string) bool {
	bad := 0
	for _, r := range t {
		if r < 0x20 && r != '\n' && r != '\r' && r != '\t' && r != '\f' && r != 0x1B || r == 0x7F {
			if r == 0 {
				return false
			}
			bad++
		}
	}
	return bad <= len(t)/200
}
