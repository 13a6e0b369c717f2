package filters

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"parley/sync/event"
)

// Kinds of files that cannot be read, as Egress.Unscanned permits them.
const (
	KindPicture = "picture"
	KindPDF     = "pdf"
	KindArchive = "archive"
	KindMedia   = "media"
	KindOther   = "other"
)

// Kinds of files that can be read.
const (
	KindText   = "text"
	KindOffice = "office" // .docx, .xlsx, .odt and the like
)

// FileKinds are all kinds of files.
func FileKinds() []string { return append([]string{KindText, KindOffice}, UnscannedKinds()...) }

// KindBytes is how much of a file tells its kind.
const KindBytes = 64 << 10

// FileKind tells what a file is by how it begins.
func FileKind(r io.Reader) (string, error) {
	raw, err := io.ReadAll(io.LimitReader(r, KindBytes))
	if err != nil {
		return "", fmt.Errorf("look how a file begins: %w", err)
	}
	text := raw
	for cut := 0; len(raw) == KindBytes && cut < utf8.UTFMax && !utf8.Valid(text); cut++ {
		text = text[:len(text)-1] // the last letter may be cut
	}
	if _, ok := fileText(text); ok || len(raw) == 0 {
		return KindText, nil
	}
	// What an office program writes begins with the member that says so.
	if bytes.HasPrefix(raw, []byte("PK\x03\x04")) && len(raw) > 30 {
		if name := raw[30:]; bytes.HasPrefix(name, []byte("[Content_Types].xml")) || bytes.HasPrefix(name, []byte("mimetypeapplication/vnd.oasis.opendocument")) {
			return KindOffice, nil
		}
	}
	return fileKind(raw), nil
}

// UnscannedKinds are all of them.
func UnscannedKinds() []string {
	return []string{KindPicture, KindPDF, KindArchive, KindMedia, KindOther}
}

// Bounds on what is read of one file, so that a small one cannot become a large
// one.
const (
	// MaxScanFile is the largest file that is read; one that is larger cannot be.
	MaxScanFile = 16 << 20

	maxUnpacked    = 32 << 20
	maxMembers     = 2000
	maxNested      = 3
	maxMemberName  = 4096
	scanWindow     = 512 << 10
	scanOverlap    = 16 << 10
	shortestString = 8
)

// ScanFile tells what of a file may not leave. r gives its first MaxScanFile
// bytes at least, or all of it. Text is searched, also in archives and office
// documents; of what cannot be read the strings are, and it needs a permit.
func (e Egress) ScanFile(file event.Item, r io.Reader) ([]Finding, error) {
	s := fileScanner{search: search{gate: &e}, left: maxUnpacked, members: maxMembers}
	s.at = Finding{Field: collectionAttachments, Item: string(file.ID), File: file.Name}
	s.digest = file.SHA256
	raw, err := io.ReadAll(io.LimitReader(r, MaxScanFile+1))
	if err != nil {
		return nil, fmt.Errorf("read file %s for the gate: %w", file.ID, err)
	}
	if len(raw) > MaxScanFile {
		raw = raw[:MaxScanFile]
		if kind := fileKind(raw); kind != KindPicture && kind != KindMedia {
			s.unread(KindOther, "larger than can be searched")
		}
	}
	s.bytes(raw, 0)
	// The whole file is what a person looks at before letting it leave.
	for i := range s.found {
		s.found[i].Digest = contentDigest(s.found[i], s.digest)
		s.found[i].File = shortName(s.found[i].File, s.gate)
	}
	return s.found, nil
}

// shortName is a file's name as a finding may show it.
func shortName(name string, gate *Egress) string {
	one := search{gate: gate}
	if one.text(name); len(one.found) > 0 {
		return mask(name, 4)
	}
	if r := []rune(name); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return name
}

type fileScanner struct {
	search
	digest  string
	left    int64 // bytes that may still be unpacked
	members int
}

func (s *fileScanner) unread(kind, why string) {
	permitted := s.gate.Unscanned
	if permitted == nil {
		permitted = []string{KindPicture}
	}
	if !slices.Contains(permitted, kind) {
		s.add("", kind+" "+why, "", s.digest)
	}
}

// bytes searches what is a file, or a part of one.
func (s *fileScanner) bytes(raw []byte, depth int) {
	if len(raw) == 0 {
		return
	}
	if t, ok := fileText(raw); ok {
		s.long(t)
		return
	}
	kind := fileKind(raw)
	switch {
	case depth >= maxNested:
		s.unread(KindArchive, "packed too deeply")
	case bytes.HasPrefix(raw, []byte("PK\x03\x04")), bytes.HasPrefix(raw, []byte("PK\x05\x06")):
		s.zip(raw, depth)
		return
	case bytes.HasPrefix(raw, []byte{0x1F, 0x8B}):
		s.gzip(raw, depth)
		return
	case len(raw) > 262 && string(raw[257:262]) == "ustar":
		s.tar(raw, depth)
		return
	case isKeyFile(raw):
		s.add("secret", "", keyInBytes, s.digest)
	default:
		s.unread(kind, "that cannot be searched")
	}
	s.long(stringsIn(raw))
}

// fileText reads a file that is text, in an encoding without a sign of it too.
func fileText(raw []byte) (string, bool) {
	if t, ok := decodeText(raw); ok {
		return t, true
	}
	high := 0
	for _, c := range raw {
		switch {
		case c == 0 || c < 0x20 && !strings.ContainsRune("\t\n\r\f\x1b", rune(c)):
			return "", false
		case c >= 0x80:
			high++
		}
	}
	if high*3 > len(raw) {
		return "", false
	}
	out := make([]rune, len(raw))
	for i, c := range raw {
		out[i] = rune(c) // ISO 8859-1
	}
	return string(out), true
}

// long searches a text of any length in windows that overlap.
func (s *fileScanner) long(t string) {
	for len(t) > scanWindow {
		s.text(strings.ToValidUTF8(t[:scanWindow], ""))
		t = t[scanWindow-scanOverlap:]
	}
	s.text(strings.ToValidUTF8(t, ""))
}

// take reads a member within the bounds.
func (s *fileScanner) take(r io.Reader) ([]byte, bool) {
	most := min(s.left, MaxScanFile)
	raw, err := io.ReadAll(io.LimitReader(r, most+1))
	s.left -= int64(len(raw))
	return raw[:min(int64(len(raw)), most)], err == nil && int64(len(raw)) <= most
}

func (s *fileScanner) member(name string, raw []byte, whole bool, depth int) {
	part := s.at.Part
	s.at.Part = strings.TrimPrefix(part+" / "+shortName(name, s.gate), " / ")
	if len(name) > maxMemberName {
		name = name[:maxMemberName]
	}
	s.text(name)
	s.bytes(raw, depth+1)
	if !whole {
		s.unread(KindArchive, "of which not all can be unpacked")
	}
	s.at.Part = part
}

func (s *fileScanner) zip(raw []byte, depth int) {
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		s.unread(KindArchive, "that is damaged")
		s.long(stringsIn(raw))
		return
	}
	s.text(z.Comment)
	office := slices.ContainsFunc(z.File, func(f *zip.File) bool { return f.Name == "[Content_Types].xml" || f.Name == "META-INF/manifest.xml" })
	for _, f := range z.File {
		if s.members--; s.members < 0 || s.left <= 0 {
			s.unread(KindArchive, "of which not all can be unpacked")
			return
		}
		s.text(f.Comment)
		if f.Flags&1 != 0 {
			s.text(f.Name)
			s.unread(KindArchive, "with a password")
			continue
		}
		r, err := f.Open()
		if err != nil {
			s.unread(KindArchive, "packed in a way that is not known")
			continue
		}
		content, whole := s.take(r)
		if err := r.Close(); err != nil {
			whole = false
		}
		if office && isHarmless(f.Name) {
			s.long(stringsIn(content))
			continue
		}
		s.member(f.Name, content, whole, depth)
	}
}

// isHarmless tells the parts of office documents that are no text and that
// nobody writes: how a printer was set, and fonts.
func isHarmless(name string) bool {
	base := strings.ToLower(name[strings.LastIndexByte(name, '/')+1:])
	return strings.HasPrefix(base, "printersettings") || strings.HasSuffix(base, ".odttf") || strings.HasSuffix(base, ".fntdata")
}

func (s *fileScanner) gzip(raw []byte, depth int) {
	r, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		s.unread(KindArchive, "that is damaged")
		return
	}
	content, whole := s.take(r)
	s.member(r.Name+" "+r.Comment, content, whole, depth)
}

func (s *fileScanner) tar(raw []byte, depth int) {
	for r := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if s.members--; err != nil || s.members < 0 || s.left <= 0 {
			s.unread(KindArchive, "of which not all can be unpacked")
			return
		}
		content, whole := s.take(r)
		s.member(h.Name+" "+h.Linkname, content, whole, depth)
	}
}

// stringsIn are the runs of text in other bytes, a line each.
func stringsIn(raw []byte) string {
	var b strings.Builder
	start := 0
	for i := 0; i <= len(raw); i++ {
		if i < len(raw) && (raw[i] >= 0x20 && raw[i] < 0x7F || raw[i] == '\n' || raw[i] == '\r' || raw[i] == '\t') {
			continue
		}
		if i-start >= shortestString {
			b.Write(raw[start:i])
			b.WriteByte('\n')
		}
		start = i + 1
	}
	return b.String()
}

// fileKind tells what a file is by how it begins; its name may say anything.
func fileKind(raw []byte) string {
	begins := func(heads ...string) bool {
		return slices.ContainsFunc(heads, func(h string) bool { return bytes.HasPrefix(raw, []byte(h)) })
	}
	inside := ""
	if len(raw) >= 12 {
		inside = string(raw[4:12])
	}
	switch {
	case begins("\x89PNG\r\n", "\xFF\xD8\xFF", "GIF87a", "GIF89a", "BM", "II*\x00", "MM\x00*", "\x00\x00\x01\x00", "\x01\x00\x00\x00\x6C\x00", "\xD7\xCD\xC6\x9A"):
		return KindPicture
	case begins("RIFF") && len(raw) >= 12 && string(raw[8:12]) == "WEBP":
		return KindPicture
	case strings.HasPrefix(inside, "ftyp") && slices.Contains([]string{"heic", "heix", "mif1", "avif", "msf1"}, inside[4:]):
		return KindPicture
	case strings.HasPrefix(inside, "ftyp"), begins("ID3", "OggS", "RIFF", "fLaC", "\x1A\x45\xDF\xA3", "\xFF\xFB", "\x00\x00\x01\xBA"):
		return KindMedia
	case begins("%PDF-"):
		return KindPDF
	case begins("PK", "7z\xBC\xAF", "Rar!", "BZh", "\xFD7zXZ", "\x1F\x8B", "\x28\xB5\x2F\xFD"):
		return KindArchive
	}
	return KindOther
}
