package logging

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"parley/node/secret"
)

const (
	// minSecret is the shortest text that is masked: shorter ones would blot out
	// half of every line, and tell more by that than they hide.
	minSecret = 4
	// minPart is the shortest part of a secret that is masked by itself (a line
	// of a key file, the inner characters of its base64 form).
	minPart = 8
)

// Mask replaces secrets that it knows by secret.Hidden: as they are, and in the
// forms that requests, errors and logs give them (escaped for JSON and URLs,
// hexadecimal, base64 at any offset, as in a basic sign-in). The zero Mask is
// ready and knows none. Its methods may be called from several goroutines.
type Mask struct {
	replacer atomic.Pointer[strings.Replacer]

	mu    sync.Mutex // one Add at a time
	forms map[string]bool
}

// Add teaches the mask secrets. Texts under four bytes are not masked.
func (m *Mask) Add(values ...secret.Value) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.forms == nil {
		m.forms = map[string]bool{}
	}
	for _, v := range values {
		for _, form := range forms(v.Reveal()) {
			m.forms[form] = true
		}
	}
	if len(m.forms) == 0 {
		return
	}
	var longest []string
	for form := range m.forms {
		longest = append(longest, form)
	}
	// Of two forms that begin at one place the longer one is to go.
	slices.SortFunc(longest, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	pairs := make([]string, 0, 2*len(longest))
	for _, form := range longest {
		pairs = append(pairs, form, secret.Hidden)
	}
	m.replacer.Store(strings.NewReplacer(pairs...))
}

// Hide returns text with every known secret replaced.
func (m *Mask) Hide(text string) string {
	if r := m.replacer.Load(); r != nil {
		return r.Replace(text)
	}
	return text
}

// Writer hides secrets in what is written to out. Each Write is masked by
// itself: it must hold whole lines, as a logger's do.
func (m *Mask) Writer(out io.Writer) io.Writer { return maskedWriter{m, out} }

type maskedWriter struct {
	mask *Mask
	out  io.Writer
}

// Write implements io.Writer.
func (w maskedWriter) Write(line []byte) (int, error) {
	r := w.mask.replacer.Load()
	if r == nil {
		return w.out.Write(line)
	}
	if _, err := io.WriteString(w.out, r.Replace(string(line))); err != nil {
		return 0, err
	}
	return len(line), nil // the caller's bytes are done with, however many became of them
}

// forms returns what a secret may look like in a line.
func forms(text string) []string {
	if len(text) < minSecret {
		return nil
	}
	found := []string{text}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); len(line) >= minPart {
			found = append(found, line)
		}
	}
	found = append(found, url.QueryEscape(text), url.PathEscape(text), url.UserPassword("", text).String()[1:],
		hex.EncodeToString([]byte(text)), strings.ToUpper(hex.EncodeToString([]byte(text))))
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		found = append(found, base64Forms(text, encoding)...)
	}
	// A line is JSON, and a field may itself hold JSON.
	for range 2 {
		for _, form := range slices.Clone(found) {
			found = append(found, escaped(form, false), escaped(form, true))
		}
		slices.Sort(found)
		found = slices.Compact(found)
	}
	return found
}

// base64Forms returns what of text's base64 form is the same wherever text
// begins in the bytes encoded, for each of the three ways that it can begin.
func base64Forms(text string, encoding *base64.Encoding) []string {
	found := []string{encoding.EncodeToString([]byte(text))}
	for before := range 3 {
		padded := append(make([]byte, before), text...)
		// Characters that also hold bits of what comes before or after differ.
		first := (before*8 + 5) / 6
		last := len(padded) * 8 / 6
		if form := encoding.WithPadding(base64.NoPadding).EncodeToString(padded)[first:last]; len(form) >= minPart {
			found = append(found, form)
		}
	}
	return found
}

// escaped returns text as it stands between the quotes of a JSON string.
func escaped(text string, html bool) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(html)
	if err := enc.Encode(text); err != nil { // a string always encodes
		return text
	}
	quoted := strings.TrimSuffix(out.String(), "\n")
	return quoted[1 : len(quoted)-1]
}
