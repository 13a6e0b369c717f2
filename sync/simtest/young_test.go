package simtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/sync/event"
)

// holding is a world of A and B in which A keeps comments and files back until they have
// stood, and people take back what they just wrote. No node's clock jumps: how long
// something has stood, only the clock can tell.
const (
	holding shape = "holding"
	hold          = 20 * time.Second
)

// TestSimulation_NothingYoungLeaves: no comment and no file gets to the peer before it has
// stood, and no word of what was changed or made internal before that. What was made
// internal later does not stand at the peer in the end.
func TestSimulation_NothingYoungLeaves(t *testing.T) {
	t.Parallel()
	runSeeds(t, holding, 60)
}

// writing is what a person of A wrote: since when it stands so, and whether it was taken
// back before it had stood long enough.
type writing struct {
	since time.Time
	taken bool
}

// wrote notes what a person wrote.
func (w *world) wrote(t *tracker, text string) {
	if w.shape == holding && t.name == "A" {
		w.writings[text] = &writing{since: w.clock.now()}
	}
}

// reconsider is a person who makes the last comment of a ticket internal, or words it anew.
func (w *world) reconsider(t *tracker, k *ticket, who event.User) bool {
	at := len(k.Comments) - 1
	if w.shape != holding || t.name != "A" || at < 0 || w.rng.IntN(3) > 0 {
		return false
	}
	c := &k.Comments[at]
	had := w.writings[c.Body]
	if c.Marker != "" || c.Internal || had == nil {
		return false
	}
	had.taken = w.clock.now().Sub(had.since) < hold
	if c.Edited = t.moment(); w.rng.IntN(2) == 0 {
		c.Internal = true
	} else {
		c.Body = fmt.Sprintf("public %s %d", t.name, w.rng.IntN(1_000_000))
		if had.taken {
			w.wrote(t, c.Body) // else the peer may have it, and is told at once
		}
	}
	w.trace("%s: %s changes comment %s to %q, internal %v", t.name, who.Name, c.ID, c.Body, c.Internal)
	t.touch(k)
	return true
}

// arrives holds a text that a node writes, of a comment or a file's name, to when a person wrote it.
func (w *world) arrives(t *tracker, text string) {
	had := w.writings[strings.TrimPrefix(text, "from peer: ")]
	switch {
	case had == nil || t.name != "B":
	case had.taken:
		w.early = append(w.early, fmt.Sprintf("%q left, which was taken back in time", text))
	case w.clock.now().Sub(had.since) < hold:
		w.early = append(w.early, fmt.Sprintf("%q left after %v", text, w.clock.now().Sub(had.since)))
	}
}
