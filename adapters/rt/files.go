package rt

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"parley/adapters"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// Open implements adapters.Files. RT sends a file as base64 inside of JSON; it
// is decoded as it comes, and its length compared with what RT said of it.
func (t *Tracker) Open(ctx context.Context, ref event.Ref, id string) (io.ReadCloser, error) {
	op := "open a file of ticket " + ref.ID
	if _, _, err := t.same(ctx, op, ref); err != nil {
		return nil, err
	}
	found, err := t.partsWhere(ctx, op, ref.ID, "id", []string{id}, "ContentLength,ContentType")
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, failed(adapters.ErrGone, op, "the ticket has no such file", "")
	}
	var anything any
	stream, err := t.client.Stream(ctx, rest.Request{Op: op, Path: "attachment/{id}", Args: []string{id}, Header: english(), Out: &anything})
	if err != nil {
		return nil, err
	}
	return &file{op: op, stream: stream, in: bufio.NewReader(stream), size: sizeOf(found[0])}, nil
}

// file decodes the Content of an attachment.
type file struct {
	op     string
	stream *rest.Stream
	in     *bufio.Reader
	bytes  io.Reader
	size   int64
	got    int64
}

// Read implements io.Reader.
func (f *file) Read(p []byte) (int, error) {
	if f.bytes == nil {
		if err := seekContent(f.in); err != nil {
			return 0, f.wrong(err)
		}
		f.bytes = base64.NewDecoder(base64.StdEncoding, &jsonString{in: f.in})
	}
	n, err := f.bytes.Read(p)
	f.got += int64(n)
	switch {
	case errors.Is(err, io.EOF) && f.size >= 0 && f.got != f.size:
		return n, f.wrong(fmt.Errorf("the file has %d bytes where RT announced %d: %w", f.got, f.size, io.ErrUnexpectedEOF))
	case err != nil && !errors.Is(err, io.EOF):
		return n, f.wrong(err)
	}
	return n, err
}

func (f *file) wrong(err error) error {
	var known *adapters.Error
	if errors.As(err, &known) {
		return err
	}
	return &adapters.Error{Class: adapters.ErrTransient, Op: f.op, Err: err}
}

// Close implements io.Closer.
func (f *file) Close() error { return f.stream.Close() }

var errNotAttachment = errors.New("the answer is not an attachment")

// seekContent reads up to the first byte of the value of the top level's
// "Content".
func seekContent(in *bufio.Reader) error {
	if c, err := nextByte(in); err != nil || c != '{' {
		return either(err, errNotAttachment)
	}
	for {
		c, err := nextByte(in)
		if err != nil || c != '"' {
			return either(err, errNotAttachment) // also at }: there is no Content
		}
		key, err := shortString(in)
		if err != nil {
			return err
		}
		if c, err = nextByte(in); err != nil || c != ':' {
			return either(err, errNotAttachment)
		}
		if c, err = nextByte(in); err != nil {
			return err
		}
		if key == "Content" && c == '"' {
			return nil
		}
		if c, err = skipValue(in, c); err != nil || c != ',' {
			return either(err, errNotAttachment)
		}
	}
}

func either(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// nextByte is the next that is not white space.
func nextByte(in *bufio.Reader) (byte, error) {
	for {
		c, err := in.ReadByte()
		if errors.Is(err, io.EOF) {
			return 0, io.ErrUnexpectedEOF
		}
		if err != nil || (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
			return c, err
		}
	}
}

// shortString reads a key to its end.
func shortString(in *bufio.Reader) (string, error) {
	var key []byte
	for len(key) < 1000 {
		c, err := in.ReadByte()
		if err != nil {
			return "", either(nil, io.ErrUnexpectedEOF)
		}
		if c == '"' {
			return string(key), nil
		}
		key = append(key, c)
	}
	return "", errNotAttachment
}

// skipValue skips the value that begins with c, and returns what follows it.
func skipValue(in *bufio.Reader, c byte) (byte, error) {
	for depth, quoted := 0, false; ; {
		switch {
		case quoted && c == '\\':
			if _, err := in.ReadByte(); err != nil {
				return 0, io.ErrUnexpectedEOF
			}
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case depth == 0 && (c == ',' || c == '}'):
			return c, nil
		case c == '}' || c == ']':
			depth--
		}
		var err error
		if c, err = in.ReadByte(); err != nil {
			return 0, either(ignoreEOF(err), io.ErrUnexpectedEOF)
		}
	}
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// jsonString reads a string of base64 to its closing quote.
type jsonString struct {
	in   *bufio.Reader
	done bool
}

// Read implements io.Reader.
func (s *jsonString) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && !s.done {
		c, err := s.in.ReadByte()
		if errors.Is(err, io.EOF) {
			return n, io.ErrUnexpectedEOF
		}
		if err != nil {
			return n, err
		}
		switch c {
		case '"':
			s.done = true
			continue
		case '\\':
			if c, err = s.in.ReadByte(); err != nil {
				return n, io.ErrUnexpectedEOF
			}
			switch c {
			case 'n', 'r':
				continue
			case '/':
			default:
				return n, errNotAttachment
			}
		}
		p[n] = c
		n++
	}
	if n == 0 && s.done {
		return 0, io.EOF
	}
	return n, nil
}
