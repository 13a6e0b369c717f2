package node

import (
	"cmp"
	"fmt"
	"slices"

	"parley/filters"
)

// widerGate names what the detectors of a gate stop no more, or less.
func widerGate(before, next *filters.Egress) []string {
	var out []string
	strict := filters.Actions() // from the mildest on
	for _, name := range filters.Detectors() {
		was, is := cmp.Or(before.Detect[name], filters.DefaultAction(name)), cmp.Or(next.Detect[name], filters.DefaultAction(name))
		if slices.Index(strict, string(is)) < slices.Index(strict, string(was)) {
			out = append(out, "what looks like "+name+" gets "+string(is)+" instead of "+string(was))
		}
	}
	for _, host := range added(next.Hosts, before.Hosts) {
		out = append(out, "host names under "+host+" leave")
	}
	for _, kind := range added(unscanned(before), unscanned(next)) {
		out = append(out, "files that cannot be read leave: "+kind)
	}
	if next.Hold < before.Hold {
		out = append(out, fmt.Sprintf("comments and files leave when they have stood for %s instead of %s", next.Hold, before.Hold))
	}
	return out
}

func unscanned(e *filters.Egress) []string {
	if e.Unscanned == nil {
		return []string{filters.KindPicture}
	}
	return e.Unscanned
}
