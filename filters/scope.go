package filters

import (
	"context"
	"fmt"
)

// Scope is a compiled scope: which of our tickets belong on a connection.
type Scope struct{ script *script }

// CompileScope compiles one expression that is true or false.
func CompileScope(src string, env Env) (*Scope, error) {
	s, err := compile(scope, src, env)
	if err != nil {
		return nil, err
	}
	return &Scope{script: s}, nil
}

// Version names the expression with its tables and variables.
func (f *Scope) Version() string { return f.script.version }

// Match tells whether a ticket belongs. The error is a *RunError, or ctx's.
func (f *Scope) Match(ctx context.Context, issue Ours, info Context) (bool, error) {
	m := f.script.machine()
	defer f.script.release(m)
	r := f.script.begin(ctx, info, m)
	r.ours = issue
	r.issue, r.replica = &r.ours, &r.theirs
	c := &f.script.statements[0]
	yes, err := r.truth(c.value, m)
	if err != nil {
		return false, fmt.Errorf("match the scope: %w", r.failed(c, err))
	}
	return yes, nil
}
