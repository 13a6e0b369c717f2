package rest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"parley/adapters"
)

// StatusError is the status of an answer that was no success. It stands in
// adapters.Error.Err where the class alone does not tell enough.
type StatusError int

// Error implements error.
func (s StatusError) Error() string { return fmt.Sprintf("status %d", int(s)) }

// HasStatus tells whether err comes from an answer of that status.
func HasStatus(err error, status int) bool {
	var s StatusError
	return errors.As(err, &s) && int(s) == status
}

// class picks by what the request is.
func (f *flight) class(read, write error) error {
	if f.r.Write {
		return write
	}
	return read
}

func (f *flight) fail(class, err error) error {
	return &adapters.Error{Class: class, Op: f.r.Op, Err: err}
}

func (f *flight) hint(class, err error, hint string) error {
	return &adapters.Error{Class: class, Op: f.r.Op, Err: err, Hint: hint}
}

// unsent is for what goes wrong before the request exists. A Sign that has to
// fetch a token may fail with a class of its own.
func (f *flight) unsent(err error) error {
	var known *adapters.Error
	if !errors.As(err, &known) {
		return f.fail(adapters.ErrConfiguration, err)
	}
	if errors.Is(known.Class, adapters.ErrDoubt) {
		return f.fail(adapters.ErrTransient, err)
	}
	return &adapters.Error{Class: known.Class, Op: f.r.Op, Detail: known.Detail, Hint: known.Hint, After: known.After, Err: known.Err}
}

// tokenless is for a request that was not sent, or not let in, because there is no
// token for it.
func (f *flight) tokenless(err error) error {
	var known *adapters.Error
	if !errors.As(err, &known) {
		return f.fail(adapters.ErrTransient, err)
	}
	cause := fmt.Errorf("%s", known.Op)
	if known.Err != nil {
		cause = fmt.Errorf("%s: %w", known.Op, known.Err)
	}
	return &adapters.Error{Class: known.Class, Op: f.r.Op, Detail: known.Detail, Hint: known.Hint, After: known.After, Err: cause}
}

// transportError classes a request that got no answer.
func (f *flight) transportError(err error) error {
	if errors.Is(err, errInside) {
		return f.hint(adapters.ErrConfiguration, errInside, addressHint)
	}
	class := f.class(adapters.ErrTransient, adapters.ErrDoubt)
	if f.dialed.Load() && !f.connected.Load() {
		class = adapters.ErrTransient
	}
	cause := f.cause(err)
	return f.hint(class, cause, connectHint(cause))
}

// cause is the reason that the context ended, if it did. A round trip's error
// does not name the address, whose query may hold ticket text.
func (f *flight) cause(err error) error {
	if why := context.Cause(f.ctx); why != nil {
		return why
	}
	return err
}

func connectHint(err error) string {
	var (
		dns      *net.DNSError
		unknown  x509.UnknownAuthorityError
		name     x509.HostnameError
		invalid  x509.CertificateInvalidError
		notTLS   tls.RecordHeaderError
		verified *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &dns):
		return "check the host name in the tracker's address"
	case errors.As(err, &notTLS):
		return "the tracker does not speak https there: check the address"
	case errors.As(err, &unknown), errors.As(err, &name), errors.As(err, &invalid), errors.As(err, &verified):
		return "the tracker's certificate is not trusted here: add its authority to this machine"
	}
	return ""
}

// statusError classes an answer whose status is not an expected one.
func (f *flight) statusError(r *Response) error {
	e := &adapters.Error{
		Class:  f.statusClass(r),
		Op:     f.r.Op,
		Detail: Detail(r),
		After:  After(r.Header),
		Err:    StatusError(r.Status),
	}
	switch {
	case errors.Is(e.Class, adapters.ErrDenied):
		e.Hint = "check the credential and what its account may do"
	case errors.Is(e.Class, adapters.ErrConfiguration):
		e.Hint = "check that the address is the tracker's API"
	case errors.Is(e.Class, adapters.ErrLimited), errors.Is(e.Class, adapters.ErrTransient), errors.Is(e.Class, adapters.ErrDoubt):
	default:
		// Waiting changes nothing about the rest.
		e.After = 0
	}
	if f.r.Judge != nil {
		f.r.Judge(r, e)
	}
	return e
}

func (f *flight) statusClass(r *Response) error {
	switch r.Status {
	case http.StatusTooManyRequests:
		return adapters.ErrLimited
	case http.StatusForbidden:
		if saysLimit(r.Header) {
			return adapters.ErrLimited
		}
		return adapters.ErrDenied
	case http.StatusUnauthorized:
		return adapters.ErrDenied
	case http.StatusNotFound, http.StatusGone:
		return adapters.ErrGone
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return adapters.ErrRejected
	case http.StatusPreconditionFailed:
		return adapters.ErrChanged
	case http.StatusLocked, http.StatusTooEarly:
		return adapters.ErrTransient
	case http.StatusRequestTimeout:
		return f.class(adapters.ErrTransient, adapters.ErrDoubt)
	}
	switch {
	case r.Status >= 500:
		return f.class(adapters.ErrTransient, adapters.ErrDoubt)
	case r.Status >= 400:
		return adapters.ErrConfiguration
	}
	return f.class(adapters.ErrConfiguration, adapters.ErrDoubt)
}

// saysLimit tells a refusal that is a rate limit (GitHub) from one of rights.
func saysLimit(h http.Header) bool {
	return h.Get("Retry-After") != "" || strings.TrimSpace(h.Get("X-RateLimit-Remaining")) == "0"
}
