package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"parley/adapters"
)

// Stream is an answer that is read as it comes. Errors of Read are
// *adapters.Error. Close it: it holds one of the client's requests.
type Stream struct {
	Header http.Header
	// Size is the length announced, -1 if there is none.
	Size int64

	f    *flight
	body io.ReadCloser
	left int64
	err  error
}

// Stream sends a read and returns as soon as the answer begins. The bytes may
// come from another origin, without the credential then. A body that ends
// before its announced length or goes beyond Options.MaxFile is an error.
func (c *Client) Stream(ctx context.Context, r Request) (*Stream, error) {
	f, err := c.start(ctx, &r)
	if err != nil {
		return nil, err
	}
	f.stream = true
	res, err := f.travel()
	if err != nil {
		f.finish()
		return nil, err
	}
	if err := f.streamable(res); err != nil {
		_ = res.Body.Close()
		f.finish()
		return nil, err
	}
	size := res.ContentLength
	if size < 0 {
		f.timer.Reset(c.opt.Timeout + transferTime(c.opt.MaxFile))
	} else {
		f.timer.Reset(c.opt.Timeout + transferTime(size))
	}
	// Whoever forgets to close it must not hold the slot for good.
	context.AfterFunc(f.ctx, f.finish)
	return &Stream{Header: res.Header, Size: size, f: f, body: res.Body, left: c.opt.MaxFile}, nil
}

func (f *flight) streamable(res *http.Response) error {
	if !f.r.expects(res.StatusCode) {
		body, _ := f.readAll(res.Body)
		return f.statusError(&Response{Status: res.StatusCode, Header: res.Header, Body: body})
	}
	if res.ContentLength > f.c.opt.MaxFile {
		return f.fail(adapters.ErrRejected, fmt.Errorf("the file is larger than %d bytes", f.c.opt.MaxFile))
	}
	if f.r.Out == nil {
		return nil
	}
	if err := mustBeJSON(res.Header); err != nil {
		return f.hint(adapters.ErrConfiguration, err, "what answered is not the tracker's API: check the address")
	}
	return nil
}

// Read implements io.Reader.
func (s *Stream) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.body.Read(p)
	if s.left -= int64(n); s.left < 0 {
		err = s.f.fail(adapters.ErrRejected, fmt.Errorf("the file is larger than %d bytes", s.f.c.opt.MaxFile))
		n = 0
	} else if err != nil && !errors.Is(err, io.EOF) {
		err = s.f.fail(adapters.ErrTransient, s.f.cause(err))
	}
	s.err = err
	return n, err
}

// Close implements io.Closer.
func (s *Stream) Close() error {
	defer s.f.finish()
	if s.err == nil {
		s.err = errors.New("read from a closed stream")
	}
	return s.body.Close()
}
