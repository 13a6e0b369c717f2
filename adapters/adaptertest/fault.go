package adaptertest

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

type forwarder = func() *httptest.ResponseRecorder

const htmlPage = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form>Please sign in</form></body></html>\n"

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// status answers in the tracker's place; the request has no effect.
func status(code int, header http.Header, kind, body string) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ forwarder) {
		maps.Copy(w.Header(), header)
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// afterwards lets the request have its effect and then does act.
func afterwards(act fault) fault {
	return func(w http.ResponseWriter, r *http.Request, forward forwarder) {
		answer := forward()
		act(w, r, func() *httptest.ResponseRecorder { return answer })
	}
}

// dayAhead answers with a Date of a day later, where the tracker tells one.
func dayAhead(w http.ResponseWriter, _ *http.Request, forward forwarder) {
	answer := forward()
	maps.Copy(w.Header(), answer.Header())
	if at, err := http.ParseTime(w.Header().Get("Date")); err == nil {
		w.Header().Set("Date", at.Add(24*time.Hour).UTC().Format(http.TimeFormat))
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// isList tells whether a request may ask for a list: some trackers take the question as a body.
func isList(r *http.Request) bool {
	return r.Method == http.MethodGet || slices.ContainsFunc([]string{"/search", "/search/jql", "/list", "/wiql", "/workitemsbatch"}, func(end string) bool {
		return strings.HasSuffix(r.URL.Path, end)
	})
}

// rowsTwice gives every row of a list once more, as pages do that rows move across.
// What is no list passes.
func rowsTwice(w http.ResponseWriter, _ *http.Request, forward forwarder) {
	answer := forward()
	maps.Copy(w.Header(), answer.Header())
	body := answer.Body.Bytes()
	if kind, _, _ := mime.ParseMediaType(w.Header().Get("Content-Type")); strings.HasSuffix(kind, "json") && answer.Code == http.StatusOK {
		body = doubled(body)
		w.Header().Del("Content-Length")
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body)
}

// doubled appends the rows of a list to themselves: a list of objects, or one that is
// a member of an object. What has an id is one thing, and what it holds is no page.
func doubled(body []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return body
	}
	twice := func(v any) any {
		rows, _ := v.([]any)
		// More would be more than was asked for, which no tracker gives.
		if len(rows) == 0 || len(rows) > 10 {
			return v
		}
		if _, ok := rows[0].(map[string]any); !ok {
			return v
		}
		return append(slices.Clone(rows), rows...)
	}
	if members, ok := v.(map[string]any); ok && members["id"] == nil {
		for name, member := range members {
			members[name] = twice(member)
		}
	}
	out, err := json.Marshal(twice(v))
	if err != nil {
		return body
	}
	return out
}

// cut ends the connection without an answer.
func cut(http.ResponseWriter, *http.Request, forwarder) { panic(http.ErrAbortHandler) }

// hang answers nothing for as long as the client waits.
func hang(_ http.ResponseWriter, r *http.Request, _ forwarder) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// cutBody sends half of the body as if it were whole: JSON that stops in the
// middle. An answer without a body has nothing to cut and passes.
func cutBody(w http.ResponseWriter, _ *http.Request, forward forwarder) {
	answer := forward()
	body := answer.Body.Bytes()
	maps.Copy(w.Header(), answer.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(body)/2))
	if len(body) == 0 {
		w.Header().Del("Content-Length")
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body[:len(body)/2])
}

// cutConnection announces the whole body, sends half of it and hangs up. An
// answer without a body is hung up on at once.
func cutConnection(w http.ResponseWriter, _ *http.Request, forward forwarder) {
	answer := forward()
	body := answer.Body.Bytes()
	if len(body) == 0 {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), answer.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// slow sends the answer's beginning and then a space now and then, without end.
func slow(w http.ResponseWriter, r *http.Request, forward forwarder) {
	answer := forward()
	maps.Copy(w.Header(), answer.Header())
	w.Header().Del("Content-Length")
	w.WriteHeader(answer.Code)
	out := http.NewResponseController(w)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := io.WriteString(w, " "); err != nil || out.Flush() != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

const hugeLimit = 256 << 20

// huge sends JSON that does not end, and counts what was taken.
func huge(taken *atomic.Int64) fault {
	return func(w http.ResponseWriter, _ *http.Request, forward forwarder) {
		code := forward().Code
		if code == http.StatusNoContent {
			code = http.StatusOK
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, `{"padding":"`)
		chunk := bytes.Repeat([]byte("x"), 256<<10)
		for n := 0; n < hugeLimit; n += len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				return
			}
			taken.Add(int64(len(chunk)))
		}
	}
}

// anonymous takes the credential away and passes the request on: what the
// tracker says to nobody.
func anonymous(headers []string) fault {
	return func(w http.ResponseWriter, r *http.Request, forward forwarder) {
		for _, h := range headers {
			r.Header.Del(h)
		}
		answer := forward()
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}
}
