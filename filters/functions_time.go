package filters

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // zones must not depend on what the machine has installed
)

func timeFunctions() []*function {
	duration := []any{func(float64) time.Duration { return 0 }}
	zone := map[int]literalCheck{1: zoneLiteral}
	return []*function{
		{name: "now", types: []any{func() time.Time { return time.Time{} }}, call: func(r *run, _ []any) (any, error) {
			return timeOrNil(r.info.Event.At), nil
		}},
		{
			name: "date", types: []any{func(any) time.Time { return time.Time{} }, func(any, string) time.Time { return time.Time{} }},
			literals: map[int]literalCheck{1: layoutLiteral}, call: readDate,
		},
		{
			name: "format", types: []any{func(time.Time, string) string { return "" }, func(time.Time, string, string) string { return "" }},
			literals: map[int]literalCheck{1: layoutLiteral, 2: zoneLiteral}, call: formatTime,
		},
		{name: "days", types: duration, call: durationOf("days", 24*time.Hour)},
		{name: "hours", types: duration, call: durationOf("hours", time.Hour)},
		{name: "minutes", types: duration, call: durationOf("minutes", time.Minute)},
		{name: "inZone", types: []any{func(time.Time, string) time.Time { return time.Time{} }}, literals: zone, call: inZone},
		{name: "startOfDay", types: []any{func(time.Time) time.Time { return time.Time{} }}, call: startOfDay},
	}
}

func zoneLiteral(_ *resolver, name string) (any, *Problem) {
	at, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, &Problem{Code: CodeUnknownName, Message: fmt.Sprintf("there is no time zone %q; one is written like \"Europe/Berlin\"", name)}
	}
	return at, nil
}

// timeToken is a piece of a layout: a token, or text as it stands.
type timeToken struct {
	layout string // Go's, "" for text
	text   string
}

var timeTokens = []timeToken{
	{"2006", "YYYY"},
	{"January", "MMMM"},
	{"Jan", "MMM"},
	{"01", "MM"},
	{"02", "DD"},
	{"Monday", "dddd"},
	{"Mon", "ddd"},
	{"15", "HH"},
	{"03", "hh"},
	{"04", "mm"},
	{"05", "ss"},
	{"06", "YY"},
	{"1", "M"},
	{"2", "D"},
	{"PM", "A"},
	{"-07:00", "Z"},
}

func layoutLiteral(_ *resolver, s string) (any, *Problem) {
	var out []timeToken
	for s != "" {
		token := timeToken{text: s[:1]}
		for _, t := range timeTokens {
			if strings.HasPrefix(s, t.text) {
				token = t
				break
			}
		}
		if token.layout == "" && strings.ContainsAny(token.text, "0123456789") {
			return nil, &Problem{Code: CodeSyntax, Message: `a layout is written like "YYYY-MM-DD HH:mm"`}
		}
		out = append(out, token)
		s = s[len(token.text):]
	}
	return out, nil
}

// readDate reads a time out of a text; nil if it is none.
func readDate(_ *run, a []any) (any, error) {
	switch v := a[0].(type) {
	case nil:
		return nil, nil
	case time.Time:
		return v, nil
	case string:
		if len(a) < 2 || a[1] == nil {
			t, none := parseTime(strings.TrimSpace(v))
			if none != nil {
				return nil, nil //nolint:nilerr // what is no date gives nothing
			}
			return t, nil
		}
		layout, clock := "", false
		for _, token := range a[1].([]timeToken) {
			if token.layout == "" {
				layout += token.text
				continue
			}
			layout += token.layout
			clock = clock || strings.ContainsAny(token.text, "Hhms")
		}
		zone := dateZone
		if clock {
			zone = time.UTC
		}
		t, none := time.ParseInLocation(layout, v, zone)
		if none != nil {
			return nil, nil //nolint:nilerr // what is no date gives nothing
		}
		return t, nil
	}
	return nil, wrongArgument("date", a[0], "a text")
}

func timeAt(name string, a []any) (time.Time, error) {
	t, ok := a[0].(time.Time)
	if !ok {
		return t, wrongArgument(name, a[0], "a time")
	}
	return t, nil
}

func formatTime(r *run, a []any) (any, error) {
	if a[0] == nil {
		return nil, nil
	}
	t, err := timeAt("format", a)
	if err != nil {
		return nil, err
	}
	if len(a) > 2 && t.Location() != dateZone {
		t = t.In(a[2].(*time.Location))
	}
	var b strings.Builder
	for _, token := range a[1].([]timeToken) {
		if token.layout == "" {
			b.WriteString(token.text)
			continue
		}
		b.WriteString(t.Format(token.layout))
	}
	return b.String(), r.text(b.Len())
}

func durationOf(name string, unit time.Duration) func(*run, []any) (any, error) {
	return func(_ *run, a []any) (any, error) {
		if a[0] == nil {
			return nil, nil
		}
		n, ok := toFloat(a[0])
		if !ok {
			return nil, wrongArgument(name, a[0], "a number")
		}
		if n > 1e6 || n < -1e6 {
			return nil, errors.New("the duration is too long")
		}
		return time.Duration(n * float64(unit)), nil
	}
}

func inZone(_ *run, a []any) (any, error) {
	if a[0] == nil {
		return nil, nil
	}
	t, err := timeAt("inZone", a)
	if err != nil {
		return nil, err
	}
	return t.In(a[1].(*time.Location)), nil
}

func startOfDay(_ *run, a []any) (any, error) {
	if a[0] == nil {
		return nil, nil
	}
	t, err := timeAt("startOfDay", a)
	if err != nil {
		return nil, err
	}
	year, month, day := t.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, t.Location()), nil
}
