// Package logging makes the node's logger and hides secrets in what it writes.
//
// Every part of a node takes a zerolog.Logger from its maker; New makes the one
// they all come from. Messages are constant, keys are fixed (connection, event,
// seq, ticket, attempt, error), and no ticket text stands above debug: that is
// the callers' part. The part done here is a last line of defence: each line
// goes through a Mask that knows the node's secrets and replaces them, however
// they got into a field.
package logging

import (
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"
)

// Options shape a logger. The zero value logs from info, as JSON, masking nothing.
type Options struct {
	// Level is debug, info, warn or error; "" is info.
	Level string
	// Text writes lines for people instead of JSON.
	Text bool
	// Color is for Text on a terminal.
	Color bool
	// Mask hides secrets; nil hides none.
	Mask *Mask
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// timeLayout is RFC 3339 with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// New returns a logger that writes one line per event to out.
func New(out io.Writer, o Options) (zerolog.Logger, error) {
	level := zerolog.InfoLevel
	if o.Level != "" {
		var err error
		if level, err = ParseLevel(o.Level); err != nil {
			return zerolog.Nop(), err
		}
	}
	if o.Text {
		out = zerolog.ConsoleWriter{Out: out, NoColor: !o.Color, TimeFormat: "15:04:05.000", TimeLocation: time.UTC}
	}
	if o.Mask != nil {
		// Before the console's writer, which quotes and colours: there a secret
		// would have too many forms.
		out = o.Mask.Writer(out)
	}
	now := o.Now
	if now == nil {
		now = time.Now
	}
	return zerolog.New(out).Level(level).Hook(stamp{now}), nil
}

// ParseLevel reads a level's name.
func ParseLevel(name string) (zerolog.Level, error) {
	switch name {
	case "debug", "info", "warn", "error":
		return zerolog.ParseLevel(name)
	}
	return zerolog.NoLevel, fmt.Errorf("log level %q: want debug, info, warn or error", name)
}

// stamp puts the time on each event. zerolog's own takes the layout from a
// package-level variable.
type stamp struct{ now func() time.Time }

// Run implements zerolog.Hook.
func (s stamp) Run(e *zerolog.Event, _ zerolog.Level, _ string) {
	e.Str(zerolog.TimestampFieldName, s.now().UTC().Format(timeLayout))
}
