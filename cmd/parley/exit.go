package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/alecthomas/kong"

	"parley/adapters"
	"parley/filters"
	"parley/node/admin"
	"parley/node/admin/client"
	"parley/node/config"
	"parley/node/secret"
)

// Exit codes. They stay what they are: scripts depend on them.
const (
	exitOK          = 0
	exitInternal    = 1
	exitUsage       = 2
	exitInvalid     = 3
	exitNotFound    = 4
	exitNoNode      = 5
	exitConflict    = 6
	exitTracker     = 7
	exitPeer        = 8
	exitDrift       = 9
	exitDenied      = 10
	exitInterrupted = 130
)

// Kinds of error that only the command line has.
const (
	kindUsage       = "usage"
	kindNoNode      = "no-node"
	kindDrift       = "drift"
	kindInterrupted = "interrupted"
)

// exitCode is one line of the table that people read.
type exitCode struct {
	code          int
	kind, meaning string
}

func exitCodes() []exitCode {
	return []exitCode{
		{exitOK, "", "it was done"},
		{exitInternal, admin.KindInternal, "something went wrong that should not"},
		{exitUsage, kindUsage, "the command line is wrong"},
		{exitInvalid, admin.KindInvalid, "the configuration, a filter, a code or a value is wrong"},
		{exitNotFound, admin.KindNotFound, "there is no such ticket, connection, entry or secret"},
		{exitNoNode, kindNoNode, "no node is running"},
		{exitConflict, admin.KindConflict, "it cannot be done in the present state"},
		{exitTracker, admin.KindTracker, "the tracker did not do it"},
		{exitPeer, admin.KindPeer, "the other node did not do it"},
		{exitDrift, kindDrift, "the node does not do what a directory says"},
		{exitDenied, admin.KindDenied, "you may not do that"},
		{exitInterrupted, kindInterrupted, "stopped by Ctrl-C"},
	}
}

// exitTable is for --help.
func exitTable() string {
	var out strings.Builder
	out.WriteString("Exit codes:\n")
	for _, e := range exitCodes() {
		fmt.Fprintf(&out, "  %3d  %s\n", e.code, e.meaning)
	}
	return out.String()
}

// failure is an error as a person or a program gets it.
type failure struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	// Problems are what is wrong in a file, one by one.
	Problems any `json:"problems,omitempty"`
}

// Error implements error.
func (f *failure) Error() string { return f.Message }

func (f *failure) code() int {
	for _, e := range exitCodes() {
		if e.kind == f.Kind {
			return e.code
		}
	}
	return exitInternal
}

func invalid(hint, format string, args ...any) error {
	return &failure{Kind: admin.KindInvalid, Message: fmt.Sprintf(format, args...), Hint: hint}
}

func usageError(hint, format string, args ...any) error {
	return &failure{Kind: kindUsage, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// usage makes a failure of what kong says about a command line.
func usage(err error) error {
	hint := "parley --help"
	if parse := (*kong.ParseError)(nil); errors.As(err, &parse) && parse.Context != nil {
		if command := parse.Context.Selected(); command != nil {
			hint = command.FullPath() + " --help"
		}
	}
	return &failure{Kind: kindUsage, Message: err.Error(), Hint: hint}
}

// asFailure finds out what kind of error it is.
func asFailure(err error) *failure {
	var (
		own      *failure
		none     *client.NoNode
		service  *admin.Error
		problems *config.Problems
		mistakes filters.Problems
		tracker  *adapters.Error
	)
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &none):
		return &failure{Kind: kindNoNode, Message: none.Error(), Hint: none.Hint()}
	case errors.As(err, &service):
		return &failure{Kind: service.Kind, Message: service.Error(), Hint: service.Hint}
	case errors.As(err, &problems):
		return &failure{Kind: admin.KindInvalid, Message: err.Error(), Hint: "mend the file, then `parley config check`", Problems: problems.List}
	case errors.As(err, &mistakes):
		return &failure{Kind: admin.KindInvalid, Message: err.Error(), Hint: "mend the filter, then `parley filter check`", Problems: mistakes}
	case errors.As(err, &tracker):
		return &failure{Kind: admin.KindTracker, Message: err.Error(), Hint: tracker.Hint}
	case errors.Is(err, context.Canceled):
		return &failure{Kind: kindInterrupted, Message: "interrupted"}
	}
	return ofFiles(err)
}

// ofFiles is asFailure for what a node's own files and the system say.
func ofFiles(err error) *failure {
	f := &failure{Kind: admin.KindInternal, Message: err.Error()}
	var advised interface{ Hint() string }
	if errors.As(err, &advised) {
		f.Hint = advised.Hint()
	}
	switch {
	case errors.Is(err, secret.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		f.Kind = admin.KindNotFound
	case errors.Is(err, secret.ErrWrongKey), errors.Is(err, secret.ErrDamaged), errors.Is(err, fs.ErrPermission):
		f.Kind = admin.KindInvalid
	}
	return f
}

// fail prints an error and returns its exit code.
func (a *app) fail(err error) int {
	f := asFailure(err)
	if a.json {
		out := json.NewEncoder(safeJSON{a.err})
		out.SetIndent("", "  ")
		if err := out.Encode(map[string]*failure{"error": f}); err != nil {
			return exitInternal // nobody is left to tell
		}
		return f.code()
	}
	w := cleanWriter{a.err}
	fmt.Fprintf(w, "error: %s\n", f.Message)
	if f.Hint != "" {
		fmt.Fprintf(w, "hint: %s\n", f.Hint)
	}
	return f.code()
}
