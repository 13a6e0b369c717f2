package logging_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"parley/node/logging"
	"parley/node/secret"
)

// awkward needs escaping everywhere: quotes, HTML, control characters, not ASCII.
const awkward = "p\"ä\\<&>?/+ \t€;:@w0rd"

func TestMask_HidesASecretInEveryForm(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"hunter2-s3cret", awkward, "line one of a key\nline two of a key\n"} {
		mask := &logging.Mask{}
		mask.Add(secret.NewValue(text))
		l, out := logger(t, logging.Options{Mask: mask})
		inJSON, err := json.Marshal(map[string]string{"password": text})
		if err != nil {
			t.Fatal(err)
		}
		fields := map[string]any{
			"plain": text, "inside": "x" + text + "y", "query": url.QueryEscape(text), "path": url.PathEscape(text),
			"url": (&url.URL{Scheme: "https", Host: "h", User: url.UserPassword("bot", text)}).String(),
			"hex": hex.EncodeToString([]byte(text)), "HEX": fmt.Sprintf("%X", text),
			"base64": base64.StdEncoding.EncodeToString([]byte(text)), "raw": base64.RawURLEncoding.EncodeToString([]byte(text)),
			"json": string(inJSON), "bytes": []byte(text),
			"list": []string{text}, "any": map[string]any{"deep": []any{text}}, "quoted": strconv.Quote(text),
		}
		for user := range 3 { // base64 at every offset, as in "Authorization: Basic"
			name := strings.Repeat("u", user)
			fields["basic"+name] = base64.StdEncoding.EncodeToString([]byte(name + ":" + text))
		}
		for key, value := range fields {
			out.Reset()
			l.Info().Interface(key, value).Interface("after", "still here").Msg("x")
			checkHidden(t, key, text, out.String())
		}
		out.Reset()
		l.Info().Str("plain", text).Bytes("bytes", []byte(text)).Err(errors.New(text)).Str("after", "still here").Msg(text)
		checkHidden(t, "typed fields", text, out.String())
	}
}

// checkHidden wants a line that is still JSON, shows that something was hidden,
// and holds none of the secret's words.
func checkHidden(t *testing.T, what, text, line string) {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Errorf("%s: %v in %s", what, err, line)
	}
	if !strings.Contains(line, secret.Hidden) || got["after"] != "still here" {
		t.Errorf("%s of %q: %s", what, text, line)
	}
	for _, word := range []string{"hunter2", "w0rd", "line one", "line two", "aHVudGVyMi", hex.EncodeToString([]byte("hunter"))} {
		if strings.Contains(line, word) {
			t.Errorf("%s of %q shows %q: %s", what, text, word, line)
		}
	}
}

func TestMask_HidesAnySecretAtAnyOffsetOfBase64(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(8, 40, 100).Draw(t, "secret")
		before := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "before")
		after := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "after")
		mask := &logging.Mask{}
		mask.Add(secret.NewValue(text))
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
			encoded := enc.EncodeToString(append(append(before, text...), after...))
			// What is left shows of the secret at most the bits that share a
			// character with what stands around it: two characters at each end.
			left := strings.ReplaceAll(mask.Hide(encoded), secret.Hidden, "")
			around := (len(before)+2)/3*4 + (len(after)+2)/3*4 + 4
			if len(left) > around {
				t.Fatalf("%q: %q shows %q", text, encoded, left)
			}
		}
		if got := mask.Hide("<" + text + ">"); got != "<"+secret.Hidden+">" {
			t.Fatalf("%q: got %q", text, got)
		}
	})
}

func TestMask_LeavesTheRestAlone(t *testing.T) {
	t.Parallel()
	mask := &logging.Mask{}
	mask.Add(secret.NewValue("abc"), secret.Value{}, secret.NewValue(""))
	for _, text := range []string{"", "abc", "abcabc", "aGVsbG8="} {
		if got := mask.Hide(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	mask.Add(secret.NewValue("longer"))
	mask.Add(secret.NewValue("longer still"))
	if got, want := mask.Hide("a longer still b longer c"), "a [hidden] b [hidden] c"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMask_LearnsWhileLinesAreWritten(t *testing.T) {
	t.Parallel()
	mask := &logging.Mask{}
	w := mask.Writer(io.Discard)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for j := range 20 {
				text := fmt.Sprintf("secret-%d-%d", i, j)
				mask.Add(secret.NewValue(text))
				if got := mask.Hide(text); got != secret.Hidden {
					t.Errorf("got %q", got)
				}
				if n, err := io.WriteString(w, text); n != len(text) || err != nil {
					t.Errorf("Write: %d, %v", n, err)
				}
			}
		})
	}
	group.Wait()
}

// broken cannot be written to.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestMask_PassesErrorsOn(t *testing.T) {
	t.Parallel()
	mask := &logging.Mask{}
	mask.Add(secret.NewValue("hunter2"))
	if _, err := mask.Writer(broken{}).Write([]byte("x")); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkMask_LineWithoutASecret(b *testing.B) {
	mask := &logging.Mask{}
	for i := range 20 {
		mask.Add(secret.NewValue(fmt.Sprintf("secret-number-%d-with-some-length", i)))
	}
	line := []byte(`{"level":"info","connection":"globex","seq":12345,"ticket":"SUP-12","time":"2026-01-31T12:00:00.005Z","message":"event applied"}`)
	w := mask.Writer(io.Discard)
	for b.Loop() {
		_, _ = w.Write(line)
	}
}
