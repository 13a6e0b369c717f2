package logging_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"parley/node/logging"
	"parley/node/secret"
)

// noon is the time in every test.
func noon() time.Time { return time.Date(2026, 1, 31, 12, 0, 0, 5_000_000, time.UTC) }

// logger makes a logger and the buffer that it writes to.
func logger(t *testing.T, o logging.Options) (zerolog.Logger, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	o.Now = noon
	l, err := logging.New(&out, o)
	if err != nil {
		t.Fatal(err)
	}
	return l, &out
}

func TestNew_WritesOneJSONObjectAnEvent(t *testing.T) {
	t.Parallel()
	l, out := logger(t, logging.Options{})
	l.Debug().Msg("not shown")
	l.Info().Str("connection", "globex").Msg("peer connected")
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"level": "info", "time": "2026-01-31T12:00:00.005Z", "connection": "globex", "message": "peer connected",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Error(diff)
	}
}

func TestNew_TextIsForPeople(t *testing.T) {
	t.Parallel()
	mask := &logging.Mask{}
	mask.Add(secret.NewValue("hunter2-s3cret"))
	l, out := logger(t, logging.Options{Text: true, Level: "debug", Mask: mask})
	l.Debug().Str("ticket", "SUP-1").Str("header", "hunter2-s3cret").Str("peer", "\x1b[31mred").Msg("ticket read")
	got := out.String()
	for _, want := range []string{"12:00:00.005", "DBG", "ticket read", "ticket=SUP-1", secret.Hidden} {
		if !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
	if strings.Contains(got, "\x1b") || strings.Contains(got, "hunter2") {
		t.Errorf("%q holds a terminal escape or the secret", got)
	}
}

func TestNew_RefusesAnUnknownLevel(t *testing.T) {
	t.Parallel()
	for _, level := range []string{"loud", "INFO", "trace", "-1"} {
		if _, err := logging.New(&bytes.Buffer{}, logging.Options{Level: level}); err == nil {
			t.Errorf("level %q was taken", level)
		}
	}
}
