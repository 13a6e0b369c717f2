package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that is written like "90s" or "1h30m".
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%.40q is no duration, write it like 90s, 10m or 1h30m", text)
	}
	*d = Duration(parsed)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Interval is how often something is done: a Duration, or "off".
type Interval time.Duration

// Off is the Interval of what is not done.
const Off Interval = -1

// UnmarshalText implements encoding.TextUnmarshaler.
func (i *Interval) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*i = Off
		return nil
	}
	var d Duration
	if err := d.UnmarshalText(text); err != nil {
		return fmt.Errorf("%w, or off", err)
	}
	*i = Interval(d)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (i Interval) MarshalText() ([]byte, error) {
	if i == Off {
		return []byte("off"), nil
	}
	return Duration(i).MarshalText()
}

// Every is the time between two, 0 for never.
func (i Interval) Every() time.Duration { return max(0, time.Duration(i)) }

// Size is a number of bytes that is written like "384MiB".
type Size int64

var units = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1}}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Size) UnmarshalText(text []byte) error {
	for _, unit := range units {
		number, ok := strings.CutSuffix(string(text), unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err == nil && n >= 0 && n <= math.MaxInt64/unit.bytes {
			*s = Size(n * unit.bytes)
			return nil
		}
		break
	}
	return fmt.Errorf("%.40q is no size, write it like 512KiB, 384MiB or 1GiB", text)
}

// MarshalText implements encoding.TextMarshaler: in the largest unit that fits.
func (s Size) MarshalText() ([]byte, error) {
	for _, unit := range units {
		if int64(s)%unit.bytes == 0 && int64(s) >= unit.bytes {
			return fmt.Appendf(nil, "%d%s", int64(s)/unit.bytes, unit.name), nil
		}
	}
	return []byte("0B"), nil
}

// Since says from when on tickets move by themselves: the zero Since is from the
// connection's approval, else what was changed at or after a time.
type Since struct{ At time.Time }

// FromApproval tells whether the connection's approval is the beginning.
func (s Since) FromApproval() bool { return s.At.IsZero() }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Since) UnmarshalText(text []byte) error {
	if string(text) == "approval" {
		*s = Since{}
		return nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, string(text)); err == nil && !at.IsZero() {
			*s = Since{at.UTC()}
			return nil
		}
	}
	return fmt.Errorf("%.40q is neither approval nor a date like 2026-01-31 or 2026-01-31T08:00:00Z", text)
}

// MarshalText implements encoding.TextMarshaler.
func (s Since) MarshalText() ([]byte, error) {
	if s.FromApproval() {
		return []byte("approval"), nil
	}
	return []byte(s.At.Format(time.RFC3339)), nil
}

// Start says what makes a ticket in scope move for the first time: the zero
// Start is that it is in scope; Manual, that a person says so; Label, that it
// carries the label.
type Start struct {
	Manual bool
	Label  string
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Start) UnmarshalText(text []byte) error {
	label, byLabel := strings.CutPrefix(string(text), "label:")
	switch {
	case string(text) == "auto":
		*s = Start{}
	case string(text) == "manual":
		*s = Start{Manual: true}
	case byLabel && strings.TrimSpace(label) != "":
		*s = Start{Label: label}
	case byLabel:
		return errors.New("label: names no label")
	default:
		return fmt.Errorf("%.40q is not auto, manual or label:NAME", text)
	}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (s Start) MarshalText() ([]byte, error) {
	switch {
	case s.Manual:
		return []byte("manual"), nil
	case s.Label != "":
		return []byte("label:" + s.Label), nil
	}
	return []byte("auto"), nil
}
