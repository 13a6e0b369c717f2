package adapters

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// clockBound is by how much two clocks may differ without a word.
const clockBound = time.Minute

// Probe tells what an admin must know of a tracker before the first sync: what its
// adapter finds, and what can be told of every kind, of its clock and of files.
func Probe(ctx context.Context, t Tracker) []Finding {
	var out []Finding
	if p, ok := t.(Prober); ok {
		out = p.Probe(ctx)
	}
	schema, err := t.Schema(ctx)
	if err != nil {
		f := Finding{Level: LevelError, What: "the tracker's fields cannot be read: " + err.Error()}
		if known := (*Error)(nil); errors.As(err, &known) {
			f.Hint = known.Hint
		}
		return append(out, f)
	}
	clock := Finding{Level: LevelOK, What: "the clocks of this machine and of the tracker agree to a minute"}
	if c, ok := t.(Clocked); !ok {
		clock.What = "the tracker does not tell its time"
	} else if skew, _ := c.Skew(); skew.Abs() > clockBound {
		clock = Finding{
			Level: LevelWarning, What: "the clocks of this machine and of the tracker differ by " + skew.Round(time.Second).String(),
			Hint: "set both by a time server",
		}
	}
	files := Finding{Level: LevelOK, What: "the tracker does not tell how large files may be"}
	switch {
	case !schema.Attachments:
		files.What = "the account may attach no files: those of the other side do not come"
	case schema.MaxAttachment > 0:
		files.What = fmt.Sprintf("files may have up to %.4g MiB", float64(schema.MaxAttachment)/(1<<20))
	}
	return append(out, clock, files)
}
