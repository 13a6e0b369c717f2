package filters_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/ascii85"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"unicode/utf16"

	"parley/filters"
	"parley/sync/event"
)

// permissive lets every file leave that cannot be read, so that only detectors hold one.
func permissive() filters.Egress { return filters.Egress{Unscanned: filters.UnscannedKinds()} }

func utf16be(s string) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		out = binary.BigEndian.AppendUint16(out, unit)
	}
	return out
}

func rot13(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return 'a' + (r-'a'+13)%26
		case r >= 'A' && r <= 'Z':
			return 'A' + (r-'A'+13)%26
		}
		return r
	}, s)
}

func deflated(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, err := io.WriteString(z, s)
	if err := firstOf(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// pngWith is a PNG picture with a chunk.
func pngWith(kind, content string) string {
	chunk := func(kind, content string) string {
		out := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
		out = append(out, kind+content...)
		return string(binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE([]byte(kind+content))))
	}
	return "\x89PNG\r\n\x1a\n" + chunk("IHDR", "\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00") + chunk(kind, content) + chunk("IEND", "")
}

// unseenTexts are what the document says that the gate does not see in a text: the words
// of the document, and such a text.
func unseenTexts(t *testing.T) map[string]string {
	t.Helper()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err := io.WriteString(z, "the card is "+aCard)
	if err := firstOf(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	var base85 bytes.Buffer
	e := ascii85.NewEncoder(&base85)
	_, err = io.WriteString(e, "the card is "+aCard)
	if err := firstOf(err, e.Close()); err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"UTF-7":                    "+" + base64.RawStdEncoding.EncodeToString(utf16be("the card is "+aCard)) + "-",
		"base32":                   base32.StdEncoding.EncodeToString([]byte("the card is " + aCard)),
		"base85":                   base85.String(),
		"numbers written as words": "four one one one, then twelve times one",
		"`а` for `a`":              "see pаyroll.prod.internal",
		"ROT13":                    rot13("AKIAIOSFODNN7EXAMPLE"),
		"compressed data pasted as text in base64":          base64.StdEncoding.EncodeToString(zipped.Bytes()),
		"A word that is shorter than 16 letters":            base64.StdEncoding.EncodeToString([]byte("a1.corp")),
		"signs in between that are neither":                 "4111/1111/1111/1111",
		"Secrets without a known form":                      "you get in with correct horse 7 battery",
		"half of a number in one comment, half in the next": "4111 1111",
	}
}

// TestGate_WhatItDoesNotSeeStandsInItsDocument: each of them is indeed not seen, so that
// the list is neither shorter nor longer than it should be. What is found is found as it
// is where nothing hides it.
func TestGate_WhatItDoesNotSeeStandsInItsDocument(t *testing.T) {
	t.Parallel()
	_, list, ok := strings.Cut(doc(t, "gates.md"), "## What the gate cannot see")
	list, _, ok2 := strings.Cut(list, "\n## ")
	if !ok || !ok2 {
		t.Fatal("the document has no such list")
	}
	list = strings.Join(strings.Fields(list), " ")
	said := func(words string) {
		if !strings.Contains(list, words) {
			t.Errorf("the document does not say %q", words)
		}
	}
	for words, text := range unseenTexts(t) {
		said(words)
		if got := (filters.Egress{}).Scan(&event.ChangeBody{Fields: event.Fields{"summary": text}}); len(got) > 0 {
			t.Errorf("%s: it is seen by now: %v", words, got)
		}
	}
	for words, content := range map[string]string{
		"pages of a PDF":                  "%PDF-1.7\n\x00\x01 stream\n" + deflated(t, "BT ("+aCard+") Tj ET") + "\nendstream",
		"old office documents":            "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\x00\x01" + strings.Repeat("\x00\xff", 20) + string(utf16be(aCard)),
		"encrypted files":                 "Salted__\x01\x8e\xf0\xaa\x03\xd1\x00\x17\xcd\x02\x99\x9e\x1f\x00",
		"Text of UTF-16 within a file":    "\x01\x02\x03\xff\xfe\x80\x00\x91" + string(utf16be("the card is "+aCard)) + "\x00\x01\xff",
		"RTF and PostScript":              `{\rtf1 ` + strings.NewReplacer("4", `\'34`, "1", `\'31`, " ", `\'20`).Replace(aCard) + `}`,
		"a picture other than JPEG":       pngWith("zTXt", "Comment\x00\x00"+deflated(t, "the card is "+aCard)),
		"unless it is a string that a de": pngWith("tEXt", "Author\x00Ann of Berlin"),
	} {
		said(words)
		if got := scanned(t, permissive(), "x", content); len(got) > 0 {
			t.Errorf("%s: it is seen by now: %v", words, got)
		}
	}
	said("A second picture inside a JPEG keeps its own")
	if got := stripped(t, photo(t)+photo(t, "\xFEtaken by Ann")); !strings.Contains(got, "taken by Ann") {
		t.Error("what a second picture says is stripped by now")
	}
}

// TestScan_ReadsQuotedPrintable: a text in it, not every text with an equals sign.
func TestScan_ReadsQuotedPrintable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i, r := range []byte("card " + aCard) {
		b.WriteString("=" + strings.ToUpper(string("0123456789abcdef"[r>>4])+string("0123456789abcdef"[r&15])))
		if i == 10 {
			b.WriteString("=\r\n")
		}
	}
	if got := (filters.Egress{}).Scan(&event.ChangeBody{Fields: event.Fields{"summary": b.String()}}); len(got) != 1 || got[0].Form != "quoted-printable" {
		t.Errorf("found %v", got)
	}
	if got := (filters.Egress{}).Scan(&event.ChangeBody{Fields: event.Fields{"summary": "4=3111 1111 1111 1111 with a=10 and b=20"}}); len(got) != 0 {
		t.Errorf("what is no such text is read as one: %v", got)
	}
}
