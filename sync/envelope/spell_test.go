package envelope

import (
	"bytes"
	"encoding/json"
	"testing"

	"parley/sync/event"
)

// TestSpell_IsWhatEncodingJSONWrites: the canonical spelling is no dialect of ours.
func TestSpell_IsWhatEncodingJSONWrites(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "plain", "line\nline\ttab\r\x00\x1f\x7f\b\f", `"quoted" \ back`, "<b>&</b>", "\u2028 \u2029 \u2027 \u202a", "é ü ✓ \U0001F600",
		"\n", "\\", `"`,
	} {
		same(t, event.Message{Goodbye: &event.Goodbye{Code: event.Code(text)}})
		same(t, event.Message{Change: &event.ChangeBody{Fields: event.Fields{text: text, "list": []any{text, nil, true}}}})
	}
	for _, f := range []float64{0, 1, -1, 0.5, 1e15, 1e16, 1 << 53, 1<<53 + 2, -1e20, 1e21, 1e-7, 123456.789, 5e-324} {
		same(t, event.Message{Change: &event.ChangeBody{Fields: event.Fields{"f": f, "m": map[string]any{"b": f, "a": []any{}}}}})
	}
}

// FuzzSpell_IsWhatEncodingJSONWrites makes messages of JSON.
func FuzzSpell_IsWhatEncodingJSONWrites(f *testing.F) {
	f.Add([]byte(`{"change":{"twin":"aaaaaaaaaaaaaaaaaaaaaaaaaa","seen":{"seq":3},"fields":{"a":[1,{"b":null}]},"items":[{"id":"x","author":{"id":"1"},"size":-4}]}}`))
	f.Add([]byte(`{"change":{"connect":{"key":"INC-1","prefer":"sender","old":true}}}`))
	f.Add([]byte(`{"outcome":{"seq":1,"items":["a","b"],"lost":["x"]},"ask":{"seqs":[1,2]},"note":{"code":"c","after":{"epoch":1,"seq":2}},"items":{"done":["a"]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m event.Message
		if json.Unmarshal(raw, &m) != nil || m.Ask != nil && m.Ask.Seqs == nil {
			return
		}
		same(t, m)
	})
}

func same(t *testing.T, m event.Message) {
	t.Helper()
	var want bytes.Buffer
	enc := json.NewEncoder(&want)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		t.Fatal(err)
	}
	s, err := spell(m)
	defer s.release()
	if err != nil {
		t.Fatal(err)
	}
	if want := bytes.TrimSuffix(want.Bytes(), []byte("\n")); !bytes.Equal(s.b, want) {
		t.Errorf("got  %s\nwant %s", s.b, want)
	}
}

// TestStringEnd_IsTheFirstQuoteWithoutEscape: in each text of up to nine quotes,
// backslashes and letters, one after the other.
func TestStringEnd_IsTheFirstQuoteWithoutEscape(t *testing.T) {
	t.Parallel()
	var try func(raw []byte)
	try = func(raw []byte) {
		want := len(raw)
		for i := 1; i < len(raw); i++ {
			if raw[i] == '"' {
				want = i
				break
			}
			if raw[i] == '\\' {
				i++
			}
		}
		if got := stringEnd(raw, 0); got != want {
			t.Errorf("%s ends at %d, want %d", raw, got, want)
		}
		if len(raw) < 10 {
			for _, c := range []byte(`"\a`) {
				try(append(raw[:len(raw):len(raw)], c))
			}
		}
	}
	try([]byte{'"'})
}
