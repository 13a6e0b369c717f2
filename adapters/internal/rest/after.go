package rest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxAfter bounds what a tracker can make us wait.
const maxAfter = 24 * time.Hour

// After is how long an answer asks to wait; 0 if it does not say. It reads
// Retry-After (seconds or HTTP date) and the reset headers in use: seconds
// left, seconds or milliseconds since 1970, ISO 8601. Dates count from the
// answer's own Date, so that the tracker's clock may be wrong. A reset is not what to
// wait for where the limit that it belongs to is not used up (GitHub, whose other
// limits have no headers).
func After(h http.Header) time.Duration {
	origin, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		origin = time.Now()
	}
	names := []string{"Retry-After", "X-RateLimit-Reset", "RateLimit-Reset", "X-Rate-Limit-Reset"}
	for _, name := range names {
		left, _ := strconv.ParseInt(strings.TrimSpace(h.Get(strings.Replace(name, "Reset", "Remaining", 1))), 10, 64)
		if left > 0 && name != "Retry-After" {
			continue
		}
		if d := parseAfter(strings.TrimSpace(h.Get(name)), origin); d > 0 {
			return min(d, maxAfter)
		}
	}
	return 0
}

func parseAfter(s string, origin time.Time) time.Duration {
	if s == "" {
		return 0
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		return numberAfter(n, origin)
	}
	if t, err := http.ParseTime(s); err == nil {
		return t.Sub(origin)
	}
	// Jira's reset has minutes only; others have fractions and offsets.
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999-0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Sub(origin)
		}
	}
	return 0
}

// numberAfter tells a span from a time by its size.
func numberAfter(n float64, origin time.Time) time.Duration {
	const epochSeconds, epochMillis = 1e9, 1e12
	switch {
	case !(n > 0) || n > 1e15:
		return 0
	case n >= epochMillis:
		return time.UnixMilli(int64(n)).Sub(origin)
	case n >= epochSeconds:
		return time.Unix(int64(n), 0).Sub(origin)
	}
	return time.Duration(n * float64(time.Second))
}
