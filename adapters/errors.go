package adapters

import (
	"errors"
	"fmt"
	"time"
)

// The classes of what can go wrong at a tracker. Every error of a Tracker is
// one of them (errors.Is); what is none of them counts as ErrTransient for a
// read and as ErrDoubt for a write.
var (
	// ErrTransient: nothing happened, try again later (refused connection, 503).
	ErrTransient = errors.New("tracker not available")
	// ErrLimited: nothing happened, wait as told (429); see Error.After.
	ErrLimited = errors.New("tracker limits requests")
	// ErrDoubt: the write may have happened (time-out, cut connection, 5xx).
	ErrDoubt = errors.New("outcome of the write unknown")
	// ErrRejected: the tracker does not take these values (422).
	ErrRejected = errors.New("tracker refused the values")
	// ErrDenied: the sign-in is wrong or the account may not.
	ErrDenied = errors.New("tracker denied access")
	// ErrGone: the ticket, comment or file is not there any more.
	ErrGone = errors.New("not there any more")
	// ErrMerged: the ticket has become a part of another one. It is an ErrGone too.
	ErrMerged = fmt.Errorf("merged into another ticket: %w", ErrGone)
	// ErrConfiguration: something is set up wrongly (unknown project, not an API).
	ErrConfiguration = errors.New("set up wrongly")
	// ErrChanged: the ticket is newer than Step.Lock; nothing was written.
	ErrChanged = errors.New("ticket changed meanwhile")
)

// Error is an error of a class with what a person needs to act on it.
type Error struct {
	// Class is one of the sentinels above.
	Class error
	// Op says what was being done ("read ticket 12"); no secret, no ticket text.
	Op string
	// Detail is the tracker's own words, cut to 300 characters, or "". It may
	// hold ticket text: it is shown to this side's admin and never logged above
	// debug or sent to a peer.
	Detail string
	// Hint says what to do next, or "".
	Hint string
	// After is how long to wait, for ErrLimited and ErrTransient; 0 is unsaid.
	After time.Duration
	// Err is the cause, if there is one.
	Err error
}

// Error implements error: what was done, the class, the tracker's words.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %v", e.Op, e.Class)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap makes errors.Is find both the class and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Class}
	}
	return []error{e.Class, e.Err}
}
