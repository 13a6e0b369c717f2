package rest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

const secret = "s3cret-token"

func newClient(t *testing.T, base string, change ...func(*rest.Options)) *rest.Client {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	opt := rest.Options{
		Base:      u,
		Sign:      func(r *http.Request) error { r.Header.Set("X-Key", secret); return nil },
		UserAgent: "parley-test",
		Timeout:   5 * time.Second,
	}
	for _, f := range change {
		f(&opt)
	}
	c, err := rest.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// answer serves one fixed answer.
func answer(t *testing.T, status int, header map[string]string, body string) *httptest.Server {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

var asJSON = map[string]string{"Content-Type": "application/json; charset=utf-8"}

func wantClass(t *testing.T, err, class error) adapters.Error {
	t.Helper()
	var e *adapters.Error
	if !errors.As(err, &e) {
		t.Fatalf("got error %v, want an *adapters.Error of class %v", err, class)
	}
	if !errors.Is(err, class) || !errors.Is(e.Class, class) {
		t.Fatalf("got class %v (%v), want %v", e.Class, err, class)
	}
	return *e
}

func TestDo_SendsAndDecodes(t *testing.T) {
	t.Parallel()
	var seen *http.Request
	var body string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		seen, body = r, string(raw)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "\xef\xbb\xbf"+`{"id": 7}`)
	})
	c := newClient(t, s.URL+"/sub/")
	var out struct{ ID int }
	res, err := c.Do(t.Context(), rest.Request{
		Op: "create", Method: http.MethodPost, Path: "ticket/{id}/notes", Args: []string{"a/b ü?"},
		Query: url.Values{"q": {"x y"}}, JSON: map[string]string{"a": "b"}, Write: true, Out: &out,
	})
	if err != nil {
		t.Fatal(err)
	}
	if res.Status != http.StatusCreated || out.ID != 7 {
		t.Errorf("got status %d, id %d, want 201, 7", res.Status, out.ID)
	}
	got := []string{seen.Method, seen.RequestURI, body, seen.Header.Get("X-Key"), seen.UserAgent(), seen.Header.Get("Content-Type"), seen.Header.Get("Accept")}
	want := []string{"POST", "/sub/ticket/a%2Fb%20%C3%BC%3F/notes?q=x+y", `{"a":"b"}`, secret, "parley-test", "application/json", "application/json"}
	if d := cmp.Diff(got, want); d != "" {
		t.Error(d)
	}
}

func TestDo_PathArgumentReachesNoOtherPath(t *testing.T) {
	t.Parallel()
	c := newClient(t, "http://127.0.0.1:1")
	for _, arg := range []string{"", ".", ".."} {
		_, err := c.Do(t.Context(), rest.Request{Op: "read", Path: "ticket/{id}", Args: []string{arg}})
		wantClass(t, err, adapters.ErrConfiguration)
	}
	_, err := c.Do(t.Context(), rest.Request{Op: "read", Path: "ticket/{id}"})
	wantClass(t, err, adapters.ErrConfiguration)
}

func TestDo_StatusClasses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status      int
		header      map[string]string
		read, write error
	}{
		{http.StatusUnauthorized, nil, adapters.ErrDenied, adapters.ErrDenied},
		{http.StatusForbidden, nil, adapters.ErrDenied, adapters.ErrDenied},
		{http.StatusForbidden, map[string]string{"Retry-After": "3"}, adapters.ErrLimited, adapters.ErrLimited},
		{http.StatusForbidden, map[string]string{"X-RateLimit-Remaining": "0"}, adapters.ErrLimited, adapters.ErrLimited},
		{http.StatusNotFound, nil, adapters.ErrGone, adapters.ErrGone},
		{http.StatusGone, nil, adapters.ErrGone, adapters.ErrGone},
		{http.StatusBadRequest, nil, adapters.ErrRejected, adapters.ErrRejected},
		{http.StatusConflict, nil, adapters.ErrRejected, adapters.ErrRejected},
		{http.StatusUnprocessableEntity, nil, adapters.ErrRejected, adapters.ErrRejected},
		{http.StatusRequestEntityTooLarge, nil, adapters.ErrRejected, adapters.ErrRejected},
		{http.StatusPreconditionFailed, nil, adapters.ErrChanged, adapters.ErrChanged},
		{http.StatusTooManyRequests, nil, adapters.ErrLimited, adapters.ErrLimited},
		{http.StatusLocked, nil, adapters.ErrTransient, adapters.ErrTransient},
		{http.StatusMethodNotAllowed, nil, adapters.ErrConfiguration, adapters.ErrConfiguration},
		{http.StatusRequestTimeout, nil, adapters.ErrTransient, adapters.ErrDoubt},
		{http.StatusInternalServerError, nil, adapters.ErrTransient, adapters.ErrDoubt},
		{http.StatusBadGateway, nil, adapters.ErrTransient, adapters.ErrDoubt},
		{http.StatusServiceUnavailable, nil, adapters.ErrTransient, adapters.ErrDoubt},
		{http.StatusNonAuthoritativeInfo, nil, adapters.ErrConfiguration, adapters.ErrDoubt},
		{http.StatusAccepted, nil, adapters.ErrConfiguration, adapters.ErrDoubt},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status, tt.header), func(t *testing.T) {
			t.Parallel()
			s := answer(t, tt.status, tt.header, "")
			c := newClient(t, s.URL)
			_, err := c.Do(t.Context(), rest.Request{Op: "read", Path: "x"})
			wantClass(t, err, tt.read)
			_, err = c.Do(t.Context(), rest.Request{Op: "write", Method: http.MethodPut, Path: "x", JSON: 1, Write: true})
			wantClass(t, err, tt.write)
			if !rest.HasStatus(err, tt.status) || rest.HasStatus(err, 599) {
				t.Errorf("got %v, want status %d in it", err, tt.status)
			}
		})
	}
}

func TestDo_ExpectMakesAStatusSuccess(t *testing.T) {
	t.Parallel()
	s := answer(t, http.StatusConflict, nil, "there")
	res, err := newClient(t, s.URL).Do(t.Context(), rest.Request{Op: "read", Path: "x", Expect: []int{200, 409}})
	if err != nil {
		t.Fatal(err)
	}
	if string(res.Body) != "there" {
		t.Errorf("got body %q, want %q", res.Body, "there")
	}
}

func TestDo_DetailIsTheTrackersWordsAndNeverAPage(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 400)
	tests := []struct{ name, kind, body, want string }{
		{"message", "application/json", `{"message":"no such queue"}`, "no such queue"},
		{"list", "application/json", `{"errors":["Subject is blank","Status\n is odd"]}`, "Subject is blank; Status is odd"},
		{"strings", "application/json", `["a","b"]`, "a; b"},
		{"fields", "application/json", `{"error":"RecordInvalid","details":{"status":[{"description":"closed"}],"base":["odd"]}}`, "RecordInvalid; odd; closed"},
		{"objects", "application/json", `{"errors":[{"message":"m","code":3}]}`, "m"},
		{"long", "application/json", `{"message":"` + long + `"}`, strings.Repeat("ä", 299) + "…"},
		{"page", "text/html", `<p>secret page</p>`, ""},
		{"cut", "application/json", `{"message":"no such`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := answer(t, 422, map[string]string{"Content-Type": tt.kind}, tt.body)
			_, err := newClient(t, s.URL).Do(t.Context(), rest.Request{Op: "write", Path: "x", Write: true})
			if got := wantClass(t, err, adapters.ErrRejected).Detail; got != tt.want {
				t.Errorf("got detail %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDo_RefusedConnectionIsTransientAlsoForWrites(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = newClient(t, "http://"+addr).Do(t.Context(), rest.Request{Op: "write", Method: "POST", Path: "x", JSON: 1, Write: true})
	wantClass(t, err, adapters.ErrTransient)
}

func TestDo_UnknownHostIsTransientAlsoForWrites(t *testing.T) {
	t.Parallel()
	c := newClient(t, "http://tracker.invalid", func(o *rest.Options) {
		o.Transport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "tracker.invalid", IsNotFound: true}
		}}
	})
	_, err := c.Do(t.Context(), rest.Request{Op: "write", Method: "POST", Path: "x", JSON: 1, Write: true})
	if e := wantClass(t, err, adapters.ErrTransient); !strings.Contains(e.Hint, "host name") {
		t.Errorf("got hint %q, want one about the host name", e.Hint)
	}
}

func TestDo_UntrustedCertificateIsTransientAlsoForWrites(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	_, err := newClient(t, s.URL).Do(t.Context(), rest.Request{Op: "write", Method: "POST", Path: "x", JSON: 1, Write: true})
	if e := wantClass(t, err, adapters.ErrTransient); !strings.Contains(e.Hint, "certificate") {
		t.Errorf("got hint %q, want one about the certificate", e.Hint)
	}
}

func TestDo_CutConnectionIsDoubtForWrites(t *testing.T) {
	t.Parallel()
	s := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	c := newClient(t, s.URL)
	_, err := c.Do(t.Context(), rest.Request{Op: "write", Method: "POST", Path: "x", JSON: 1, Write: true})
	wantClass(t, err, adapters.ErrDoubt)
	_, err = c.Do(t.Context(), rest.Request{Op: "read", Path: "x"})
	wantClass(t, err, adapters.ErrTransient)
}

func TestDo_TimeoutIsDoubtForWrites(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	s := serve(t, func(http.ResponseWriter, *http.Request) { <-over })
	t.Cleanup(func() { close(over) })
	c := newClient(t, s.URL, func(o *rest.Options) { o.Timeout = 50 * time.Millisecond })
	_, err := c.Do(t.Context(), rest.Request{Op: "write", Method: "POST", Path: "x", JSON: 1, Write: true})
	wantClass(t, err, adapters.ErrDoubt)
	_, err = c.Do(t.Context(), rest.Request{Op: "read", Path: "x"})
	wantClass(t, err, adapters.ErrTransient)
}

func TestDo_EndedContextBeforeSendingIsTransient(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newClient(t, "http://127.0.0.1:1").Do(ctx, rest.Request{Op: "write", Path: "x", Write: true})
	wantClass(t, err, adapters.ErrTransient)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error inside", err)
	}
}

func TestDo_SilentTransportIsNotTakenForUnsent(t *testing.T) {
	t.Parallel()
	c := newClient(t, "http://127.0.0.1:1", func(o *rest.Options) {
		o.Transport = roundTrip(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })
	})
	_, err := c.Do(t.Context(), rest.Request{Op: "write", Path: "x", Write: true})
	wantClass(t, err, adapters.ErrDoubt)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestDo_BodyThatIsNotJSON(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 80) + strings.Repeat("]", 80)
	tests := []struct {
		name, kind, body string
		read             error
	}{
		{"page", "text/html", "<html>sign in</html>", adapters.ErrConfiguration},
		{"page said to be JSON", "application/json", "<html>sign in</html>", adapters.ErrConfiguration},
		{"no type", "", "{}", adapters.ErrConfiguration},
		{"cut", "application/json", `{"a":[1,2`, adapters.ErrTransient},
		{"empty", "application/json", ``, adapters.ErrTransient},
		{"null", "application/json", `null`, adapters.ErrConfiguration},
		{"deep", "application/json", deep, adapters.ErrConfiguration},
		{"more", "application/json", `{}{}`, adapters.ErrConfiguration},
		{"type", "application/json", `{"a":"ticket text"}`, adapters.ErrConfiguration},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := answer(t, 200, map[string]string{"Content-Type": tt.kind}, tt.body)
			c := newClient(t, s.URL)
			var out struct{ A []int }
			into := any(&out)
			if tt.name == "deep" {
				into = new(any)
			}
			_, err := c.Do(t.Context(), rest.Request{Op: "read", Path: "x", Out: into})
			wantClass(t, err, tt.read)
			if strings.Contains(err.Error(), "ticket text") {
				t.Errorf("got %q, want no text of the answer in it", err)
			}
			_, err = c.Do(t.Context(), rest.Request{Op: "write", Path: "x", Out: into, Write: true})
			wantClass(t, err, adapters.ErrDoubt)
		})
	}
}

func TestDo_CutBodyIsNoAnswer(t *testing.T) {
	t.Parallel()
	s := answer(t, 200, map[string]string{"Content-Length": "100", "Content-Type": "application/json"}, `{"a":1}`)
	c := newClient(t, s.URL)
	_, err := c.Do(t.Context(), rest.Request{Op: "read", Path: "x"})
	wantClass(t, err, adapters.ErrTransient)
	_, err = c.Do(t.Context(), rest.Request{Op: "write", Path: "x", Write: true})
	wantClass(t, err, adapters.ErrDoubt)
}

func TestDo_BoundsTheAnswer(t *testing.T) {
	t.Parallel()
	s := answer(t, 200, nil, strings.Repeat("x", 2000))
	c := newClient(t, s.URL, func(o *rest.Options) { o.MaxBody = 1000 })
	_, err := c.Do(t.Context(), rest.Request{Op: "read", Path: "x"})
	wantClass(t, err, adapters.ErrConfiguration)
	_, err = c.Do(t.Context(), rest.Request{Op: "write", Path: "x", Write: true})
	wantClass(t, err, adapters.ErrDoubt)
}

func TestDo_BoundsTheHeader(t *testing.T) {
	t.Parallel()
	s := answer(t, 200, map[string]string{"X-Big": strings.Repeat("x", 100<<10)}, "")
	_, err := newClient(t, s.URL).Do(t.Context(), rest.Request{Op: "read", Path: "x"})
	wantClass(t, err, adapters.ErrTransient)
}

func TestDo_RedirectedReadKeepsTheCredentialAtHome(t *testing.T) {
	t.Parallel()
	var leaked atomic.Bool
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		leaked.Store(leaked.Load() || r.Header.Get("X-Key") != "")
		_, _ = io.WriteString(w, "file")
	})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/out":
			http.Redirect(w, r, other.URL+"/media", http.StatusSeeOther)
		case "/in":
			http.Redirect(w, r, "/here", http.StatusFound)
		case "/here":
			_, _ = io.WriteString(w, r.Header.Get("X-Key"))
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		}
	})
	c := newClient(t, s.URL)

	res, err := c.Do(t.Context(), rest.Request{Op: "read", Path: "in"})
	if err != nil || string(res.Body) != secret {
		t.Errorf("got %v, %v, want the same origin to get the credential", res, err)
	}
	_, err = c.Do(t.Context(), rest.Request{Op: "read", Path: "loop"})
	wantClass(t, err, adapters.ErrConfiguration)
	_, err = c.Do(t.Context(), rest.Request{Op: "read", Path: "out"})
	wantClass(t, err, adapters.ErrConfiguration)

	stream, err := c.Stream(t.Context(), rest.Request{Op: "open file", Path: "out"})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(stream)
	if err != nil || string(raw) != "file" {
		t.Errorf("got %q, %v, want the file from the other origin", raw, err)
	}
	if err := stream.Close(); err != nil {
		t.Error(err)
	}
	if leaked.Load() {
		t.Error("the credential went to another origin")
	}
}

func TestDo_RedirectedWriteIsNotFollowed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status int
		want   error
	}{
		{301, adapters.ErrConfiguration},
		{302, adapters.ErrDoubt},
		{303, adapters.ErrDoubt},
		{307, adapters.ErrConfiguration},
		{308, adapters.ErrConfiguration},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status), func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				http.Redirect(w, r, "/other", tt.status)
			})
			_, err := newClient(t, s.URL).Do(t.Context(), rest.Request{Op: "write", Method: "POST", Path: "x", JSON: 1, Write: true})
			wantClass(t, err, tt.want)
			if got := calls.Load(); got != 1 {
				t.Errorf("got %d requests, want 1", got)
			}
		})
	}
}

func TestAfter_AllForms(t *testing.T) {
	t.Parallel()
	date := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name, header, value string
		want                time.Duration
	}{
		{"seconds", "Retry-After", "7", 7 * time.Second},
		{"fraction", "Retry-After", "0.5", 500 * time.Millisecond},
		{"date", "Retry-After", date.Add(time.Minute).Format(http.TimeFormat), time.Minute},
		{"past date", "Retry-After", date.Add(-time.Minute).Format(http.TimeFormat), 0},
		{"iso", "X-RateLimit-Reset", "2026-01-31T12:00:30Z", 30 * time.Second},
		{"iso minutes", "X-RateLimit-Reset", "2026-01-31T12:01Z", time.Minute},
		{"iso offset", "X-RateLimit-Reset", "2026-01-31T13:00:30.000+0100", 30 * time.Second},
		{"epoch seconds", "X-RateLimit-Reset", fmt.Sprint(date.Add(time.Minute).Unix()), time.Minute},
		{"epoch milliseconds", "X-RateLimit-Reset", fmt.Sprint(date.Add(time.Minute).UnixMilli()), time.Minute},
		{"left", "RateLimit-Reset", "12", 12 * time.Second},
		{"huge", "Retry-After", "99999999", 24 * time.Hour},
		{"odd", "Retry-After", "soon", 0},
		{"NaN", "Retry-After", "NaN", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			h.Set("Date", date.Format(http.TimeFormat))
			h.Set(tt.header, tt.value)
			if got := rest.After(h); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestDo_LimitedSaysHowLong(t *testing.T) {
	t.Parallel()
	s := answer(t, 429, map[string]string{"Retry-After": "9"}, "")
	_, err := newClient(t, s.URL).Do(t.Context(), rest.Request{Op: "write", Path: "x", Write: true})
	if got := wantClass(t, err, adapters.ErrLimited).After; got != 9*time.Second {
		t.Errorf("got After %v, want 9s", got)
	}
	s = answer(t, 503, map[string]string{"Retry-After": "9"}, "")
	_, err = newClient(t, s.URL).Do(t.Context(), rest.Request{Op: "read", Path: "x"})
	if got := wantClass(t, err, adapters.ErrTransient).After; got != 9*time.Second {
		t.Errorf("got After %v, want 9s", got)
	}
}

func TestDo_BoundsRequestsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var under atomic.Int32
		leave := make(chan struct{})
		c := newClient(t, "http://tracker.invalid", func(o *rest.Options) {
			o.Parallel = 2
			o.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
				under.Add(1)
				<-leave
				under.Add(-1)
				return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
			})
		})
		errs := make(chan error, 6)
		for range 6 {
			go func() {
				_, err := c.Do(t.Context(), rest.Request{Op: "read", Path: "x"})
				errs <- err
			}()
		}
		for left := int32(6); left > 0; left-- {
			synctest.Wait()
			if got, want := under.Load(), min(2, left); got != want {
				t.Errorf("got %d requests at once with %d to do, want %d", got, left, want)
			}
			leave <- struct{}{}
		}
		for range 6 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestTrace_HoldsNoSecretAndNoText(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	ctx := zerolog.New(&log).Level(zerolog.DebugLevel).WithContext(t.Context())
	s := answer(t, 200, asJSON, `{"text":"answer-text"}`)
	c := newClient(t, s.URL)
	_, err := c.Do(ctx, rest.Request{Op: "read", Path: "ticket/{id}", Args: []string{"arg-text"}, Query: url.Values{"q": {"query-text"}}, JSON: "body-text"})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), `"path":"ticket/{id}"`) || !strings.Contains(log.String(), `"status":200`) {
		t.Errorf("got %s, want path template and status", log.String())
	}
	for _, word := range []string{secret, "arg-text", "query-text", "body-text", "answer-text"} {
		if strings.Contains(log.String(), word) {
			t.Errorf("got %s, want no %q", log.String(), word)
		}
	}
}

func TestDo_ErrorHoldsNoQuery(t *testing.T) {
	t.Parallel()
	_, err := newClient(t, "http://127.0.0.1:1").Do(t.Context(), rest.Request{Op: "read", Path: "x", Query: url.Values{"q": {"query-text"}}})
	wantClass(t, err, adapters.ErrTransient)
	if strings.Contains(err.Error(), "query-text") || strings.Contains(err.Error(), secret) {
		t.Errorf("got %q, want no query value in it", err)
	}
}

func TestSkew_ComesFromTheDateHeader(t *testing.T) {
	t.Parallel()
	ahead := 90 * time.Minute
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	})
	c := newClient(t, s.URL)
	if _, known := c.Skew(); known {
		t.Error("got a skew before any answer")
	}
	if _, err := c.Do(t.Context(), rest.Request{Op: "read", Path: "x"}); err != nil {
		t.Fatal(err)
	}
	got, known := c.Skew()
	if !known || (got-ahead).Abs() > 2*time.Second {
		t.Errorf("got skew %v, %v, want about %v", got, known, ahead)
	}
	if d := time.Until(c.Now()) - ahead; d.Abs() > 2*time.Second {
		t.Errorf("got the tracker's time off by %v", d)
	}
}

func TestNew_RefusesOddAddresses(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "tracker", "ftp://x", "http://", "http://u:p@x", "http://x?a=b", "http://x#f"} {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rest.New(rest.Options{Base: u}); err == nil {
			t.Errorf("%q: got no error", base)
		}
	}
}

func TestDo_SignMayRefuse(t *testing.T) {
	t.Parallel()
	c := newClient(t, "http://127.0.0.1:1", func(o *rest.Options) {
		o.Sign = func(*http.Request) error {
			return &adapters.Error{Class: adapters.ErrLimited, Op: "fetch a token", After: time.Minute}
		}
	})
	_, err := c.Do(t.Context(), rest.Request{Op: "write", Path: "x", Write: true})
	if e := wantClass(t, err, adapters.ErrLimited); e.After != time.Minute || e.Op != "write" {
		t.Errorf("got %+v, want the token's wait under this operation", e)
	}
}
