package adapters_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// odd is a tracker with a clock and a bound for files.
type odd struct {
	adapters.Tracker
	skew   time.Duration
	schema event.Schema
	err    error
}

func (o odd) Skew() (time.Duration, bool) { return o.skew, true }

func (o odd) Schema(context.Context) (event.Schema, error) { return o.schema, o.err }

func (odd) Probe(context.Context) []adapters.Finding {
	return []adapters.Finding{{Level: adapters.LevelOK, What: "signed in"}}
}

func TestProbe_TellsOfClockAndFilesOfEveryKind(t *testing.T) {
	t.Parallel()
	for want, tracker := range map[string]odd{
		"ok signed in|warning differ by -2h0m0s|ok up to 1.5 MiB": {skew: -2 * time.Hour, schema: event.Schema{Attachments: true, MaxAttachment: 3 << 19}},
		"ok signed in|ok agree|ok does not tell how large":        {skew: 5 * time.Second, schema: event.Schema{Attachments: true}},
		"ok signed in|ok agree|ok attach no files":                {},
		"ok signed in|error fields cannot be read":                {err: &adapters.Error{Class: adapters.ErrDenied, Op: "ask", Err: errors.New("no"), Hint: "sign in"}},
	} {
		got := adapters.Probe(t.Context(), tracker)
		parts := strings.Split(want, "|")
		if len(got) != len(parts) {
			t.Errorf("%s: got %+v", want, got)
			continue
		}
		for i, part := range parts {
			level, what, _ := strings.Cut(part, " ")
			if fmt.Sprint(got[i].Level) != level || !strings.Contains(got[i].What, what) || (got[i].Level != adapters.LevelOK) != (got[i].Hint != "") {
				t.Errorf("%s: got %+v", part, got[i])
			}
		}
	}
}
