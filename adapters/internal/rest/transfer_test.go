package rest_test

import (
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

func TestMultipart_KeepsNamesAndLength(t *testing.T) {
	t.Parallel()
	type part struct{ Name, File, Type, Body string }
	var got []part
	var length int64
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		length = r.ContentLength
		_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		mr := multipart.NewReader(r.Body, params["boundary"])
		for {
			p, err := mr.NextPart()
			if err != nil {
				return
			}
			raw, _ := io.ReadAll(p)
			got = append(got, part{p.FormName(), p.FileName(), p.Header.Get("Content-Type"), string(raw)})
		}
	})
	body, err := rest.Multipart(
		rest.Part{Name: "JSON", Type: "application/json", Size: 2, Reader: strings.NewReader("{}")},
		rest.Part{Name: "Attachments", FileName: `Prüf "bericht".txt`, Type: "text/plain\r\nX-Evil: 1", Size: 5, Reader: strings.NewReader("hello")},
	)
	if err != nil {
		t.Fatal(err)
	}
	size := body.Size
	_, err = newClient(t, s.URL).Do(t.Context(), rest.Request{Op: "upload", Method: "POST", Path: "x", Body: body, Write: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []part{{"JSON", "", "application/json", "{}"}, {"Attachments", `Prüf "bericht".txt`, "application/octet-stream", "hello"}}
	if d := cmp.Diff(got, want); d != "" {
		t.Error(d)
	}
	if length != size || length < 50 {
		t.Errorf("got Content-Length %d, want %d", length, size)
	}
}

func TestUpload_WrongLengthIsNotSentWhole(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"short", "much too long"} {
		var whole bool
		s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body)
			whole = err == nil
		})
		body, err := rest.Multipart(rest.Part{Name: "f", FileName: "f", Size: 8, Reader: strings.NewReader(content)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = newClient(t, s.URL).Do(t.Context(), rest.Request{Op: "upload", Method: "POST", Path: "x", Body: body, Write: true})
		wantClass(t, err, adapters.ErrDoubt)
		s.Close()
		if whole {
			t.Errorf("%q: the tracker got a whole request", content)
		}
	}
}

func TestUpload_RawReader(t *testing.T) {
	t.Parallel()
	var got, kind string
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got, kind = string(raw), r.Header.Get("Content-Type")
	})
	body := &rest.Body{Reader: strings.NewReader("bytes"), Type: "application/octet-stream", Size: 5}
	_, err := newClient(t, s.URL).Do(t.Context(), rest.Request{Op: "upload", Method: "POST", Path: "x", Body: body, Write: true})
	if err != nil {
		t.Fatal(err)
	}
	if got != "bytes" || kind != "application/octet-stream" {
		t.Errorf("got %q as %q, want bytes as application/octet-stream", got, kind)
	}
}

// After Do has returned, the caller's reader is the caller's again, though the
// tracker answered before it had read everything.
func TestUpload_ReaderIsLeftAloneAfterDo(t *testing.T) {
	t.Parallel()
	s := answer(t, http.StatusRequestEntityTooLarge, nil, "")
	for range 20 {
		r := &counting{left: 8 << 20}
		_, err := newClient(t, s.URL).Do(t.Context(), rest.Request{
			Op: "upload", Method: "POST", Path: "x", Write: true, Body: &rest.Body{Reader: r, Size: 8 << 20},
		})
		if err == nil {
			t.Fatal("got no error")
		}
		r.left = -1 // the race detector tells if the transport still reads
	}
}

type counting struct{ left int }

func (c *counting) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, io.EOF
	}
	n := min(len(p), c.left)
	c.left -= n
	return n, nil
}

func TestStream_CutFileIsAnError(t *testing.T) {
	t.Parallel()
	s := answer(t, 200, map[string]string{"Content-Length": "100"}, "only this")
	stream, err := newClient(t, s.URL).Stream(t.Context(), rest.Request{Op: "open file", Path: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close() }()
	if stream.Size != 100 {
		t.Errorf("got size %d, want 100", stream.Size)
	}
	_, err = io.ReadAll(stream)
	wantClass(t, err, adapters.ErrTransient)
}

func TestStream_BoundsTheFile(t *testing.T) {
	t.Parallel()
	small := func(o *rest.Options) { o.MaxFile = 10 }
	s := answer(t, 200, nil, "more than ten bytes")
	_, err := newClient(t, s.URL, small).Stream(t.Context(), rest.Request{Op: "open file", Path: "x"})
	wantClass(t, err, adapters.ErrRejected)

	s = serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "more than")
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, " ten bytes")
	})
	stream, err := newClient(t, s.URL, small).Stream(t.Context(), rest.Request{Op: "open file", Path: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close() }()
	_, err = io.ReadAll(stream)
	wantClass(t, err, adapters.ErrRejected)
}

func TestStream_StatusIsClassed(t *testing.T) {
	t.Parallel()
	s := answer(t, 404, asJSON, `{"message":"no file"}`)
	_, err := newClient(t, s.URL).Stream(t.Context(), rest.Request{Op: "open file", Path: "x"})
	if e := wantClass(t, err, adapters.ErrGone); e.Detail != "no file" {
		t.Errorf("got detail %q, want %q", e.Detail, "no file")
	}
}

func TestStream_StalledFileEnds(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "20")
		_, _ = io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		<-over
	})
	t.Cleanup(func() { close(over) })
	c := newClient(t, s.URL, func(o *rest.Options) { o.Timeout = 50 * time.Millisecond; o.Parallel = 1 })
	stream, err := c.Stream(t.Context(), rest.Request{Op: "open file", Path: "x"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(stream)
	wantClass(t, err, adapters.ErrTransient)
	// The slot is free although nobody closed the stream.
	_, err = c.Do(t.Context(), rest.Request{Op: "read", Path: "x"})
	wantClass(t, err, adapters.ErrTransient)
	if err := stream.Close(); err != nil {
		t.Error(err)
	}
}

// TestDo_AnAnswerThatIsFasterThanTheEndOfTheBodyIsNoDoubt: when all bytes are out, the
// transport looks once more whether there are none left, and the answer may be there
// before it does. An error would end the connection in the midst of the answer.
func TestDo_AnAnswerThatIsFasterThanTheEndOfTheBodyIsNoDoubt(t *testing.T) {
	t.Parallel()
	c := newClient(t, "http://127.0.0.1:1", func(o *rest.Options) {
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if _, err := io.CopyN(io.Discard, r.Body, r.ContentLength); err != nil {
				return nil, err
			}
			answer := okAnswer()
			answer.Body = io.NopCloser(readerFunc(func([]byte) (int, error) {
				return r.Body.Read(make([]byte, 1))
			}))
			return answer, nil
		})
	})
	_, err := c.Do(t.Context(), rest.Request{
		Op: "write", Method: http.MethodPost, Path: "x", Write: true, Body: &rest.Body{Reader: strings.NewReader("hello"), Size: 5},
	})
	if err != nil {
		t.Errorf("got %v, want the answer", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
