package rt

import (
	"regexp"
	"strings"

	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

func markerLine(m event.Marker) string { return "[sync:" + string(m) + "]" }

// withMarker puts the marker behind a text.
func withMarker(body string, m event.Marker) string {
	body = defuse.Formula(body)
	switch {
	case m == "":
		return body
	case body == "":
		return markerLine(m)
	}
	return body + "\n\n" + markerLine(m)
}

// cutMarker takes the marker off a text of our own account. Only the last line
// counts: what a person or a peer wrote above it stays text.
func cutMarker(body string) (string, event.Marker) {
	trimmed := strings.TrimRight(body, " \n")
	start := strings.LastIndexByte(trimmed, '\n') + 1
	found := markerPattern().FindStringSubmatch(trimmed[start:])
	if found == nil {
		return body, ""
	}
	return strings.TrimSuffix(strings.TrimSuffix(trimmed[:start], "\n"), "\n"), event.Marker(found[1])
}

func markerPattern() *regexp.Regexp { return regexp.MustCompile(`^\[sync:([a-z2-7]{16})\]$`) }
