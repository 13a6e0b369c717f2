package secret

// Problem is an error with what to do about it.
type Problem struct {
	// What happened, on what; no secret.
	What string
	// Advice says what to do next.
	Advice string
	// Err is the cause, or nil.
	Err error
}

// Error implements error.
func (p *Problem) Error() string {
	if p.Err == nil {
		return p.What
	}
	return p.What + ": " + p.Err.Error()
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Err }

// Hint says what to do next.
func (p *Problem) Hint() string { return p.Advice }
