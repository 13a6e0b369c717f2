package demo

// Error says what went wrong, and what to do about it.
type Error struct {
	Message string
	Err     error
	// Advice is the next step for a person.
	Advice string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint says what to do next.
func (e *Error) Hint() string { return e.Advice }
