package rest

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
)

// Part is one part of a multipart body.
type Part struct {
	// Name of the form field, and FileName for a file; both may be any UTF-8.
	Name     string
	FileName string
	Type     string
	// Size is the exact length of Reader.
	Size   int64
	Reader io.Reader
}

// Multipart makes a form body that is streamed, with its length known: not
// every tracker takes chunks.
func Multipart(parts ...Part) (*Body, error) {
	var frame bytes.Buffer
	w := multipart.NewWriter(&frame)
	var readers []io.Reader
	var size int64
	cut := func() {
		head := bytes.Clone(frame.Bytes())
		frame.Reset()
		readers = append(readers, bytes.NewReader(head))
		size += int64(len(head))
	}
	for _, p := range parts {
		if _, err := w.CreatePart(partHeader(p)); err != nil {
			return nil, fmt.Errorf("frame the upload: %w", err)
		}
		cut()
		readers = append(readers, &exact{r: p.Reader, left: p.Size})
		size += p.Size
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("frame the upload: %w", err)
	}
	cut()
	return &Body{Reader: io.MultiReader(readers...), Type: w.FormDataContentType(), Size: size}, nil
}

func partHeader(p Part) textproto.MIMEHeader {
	h := textproto.MIMEHeader{}
	// Field names are ours, file names are not: the library escapes those.
	disposition := fmt.Sprintf("form-data; name=%q", p.Name)
	if p.FileName != "" {
		disposition = multipart.FileContentDisposition(p.Name, p.FileName)
	}
	h.Set("Content-Disposition", disposition)
	// A type from a peer must not add header lines.
	kind := "application/octet-stream"
	if base, params, err := mime.ParseMediaType(p.Type); err == nil {
		if clean := mime.FormatMediaType(base, params); clean != "" {
			kind = clean
		}
	}
	h.Set("Content-Type", kind)
	return h
}

// exact fails if its reader is shorter or longer than announced: parts of two
// wrong lengths could still add up.
type exact struct {
	r    io.Reader
	left int64
}

// Read implements io.Reader.
func (e *exact) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.left -= int64(n)
	if e.left < 0 || (err == io.EOF && e.left > 0) {
		return 0, fmt.Errorf("the file is not as long as announced: %w", io.ErrUnexpectedEOF)
	}
	return n, err
}
