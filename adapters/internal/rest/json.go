package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"parley/adapters"
)

// maxDepth is how deep JSON from a tracker may be nested.
const maxDepth = 64

// maxDetail is how many characters of a tracker's words are kept.
const maxDetail = 300

// decode fills Request.Out.
func (f *flight) decode(r *Response) error {
	if f.r.Out == nil {
		return nil
	}
	if err := mustBeJSON(r.Header); err != nil {
		return f.hint(f.class(adapters.ErrConfiguration, adapters.ErrDoubt), err,
			"what answered is not the tracker's API: check the address, and what stands in front of it")
	}
	err := Decode(r.Body, f.r.Out)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return f.fail(f.class(adapters.ErrTransient, adapters.ErrDoubt), err)
	}
	return f.fail(f.class(adapters.ErrConfiguration, adapters.ErrDoubt), err)
}

func mustBeJSON(h http.Header) error {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return errors.New("the answer does not say that it is JSON")
	}
	if kind == "application/json" || strings.HasSuffix(kind, "+json") || kind == "text/json" {
		return nil
	}
	return fmt.Errorf("the answer is %s, not JSON", kind)
}

// Decode decodes JSON of bounded depth. A text that ends too early is
// io.ErrUnexpectedEOF. A byte order mark is skipped.
func Decode(raw []byte, out any) error {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
		return errors.New("the answer is null")
	}
	if err := checkDepth(raw); err != nil {
		return err
	}
	// A decoder, unlike Unmarshal, tells a text that ends early from a wrong one.
	d := json.NewDecoder(bytes.NewReader(raw))
	switch err := d.Decode(out); {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the JSON of the answer is cut: %w", io.ErrUnexpectedEOF)
	case err != nil:
		return fmt.Errorf("read the JSON of the answer: %w", redact(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the answer goes on after its JSON")
	}
	return nil
}

// redact keeps what kind of mistake it is; encoding/json quotes values.
func redact(err error) error {
	var (
		kind   *json.UnmarshalTypeError
		syntax *json.SyntaxError
	)
	switch {
	case errors.As(err, &kind):
		what, _, _ := strings.Cut(kind.Value, " ")
		return fmt.Errorf("%s in place of %s at %s", what, kind.Type, kind.Field)
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON at byte %d", syntax.Offset)
	}
	return errors.New("a value is not of its type")
}

func checkDepth(raw []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return fmt.Errorf("the JSON of the answer is nested deeper than %d", maxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// Detail is what a JSON answer says went wrong, in the shapes trackers use.
// Anything but JSON says nothing: an HTML page is no message.
func Detail(r *Response) string {
	if mustBeJSON(r.Header) != nil {
		return ""
	}
	var body any
	if Decode(r.Body, &body) != nil {
		return ""
	}
	return Cut(strings.Join(words(body, 0), "; "))
}

// words collects messages: strings in lists, those under a known key, and below one
// those of each field.
func words(v any, depth int) []string {
	if depth > 5 {
		return nil
	}
	switch v := v.(type) {
	case string:
		if v = strings.TrimSpace(v); v != "" {
			return []string{v}
		}
	case []any:
		var all []string
		for _, e := range v {
			all = append(all, words(e, depth+1)...)
		}
		return all
	case map[string]any:
		var all []string
		for _, key := range []string{"message", "error", "errors", "errorMessages", "error_description", "description", "detail", "details"} {
			all = append(all, words(v[key], depth+1)...)
		}
		if len(all) == 0 && depth > 0 {
			for _, field := range slices.Sorted(maps.Keys(v)) {
				all = append(all, words(v[field], depth+1)...)
			}
		}
		return all
	}
	return nil
}

// Cut shortens a tracker's words to what adapters.Error.Detail may hold.
func Cut(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	if utf8.RuneCountInString(s) <= maxDetail {
		return s
	}
	return string([]rune(s)[:maxDetail-1]) + "…"
}
