package demo

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"parley/sync/event"
)

// printer writes lines for people.
type printer struct {
	out   io.Writer
	color bool
	mu    sync.Mutex // one line at a time
}

// Colours of a terminal.
const (
	bold   = "1"
	dim    = "2"
	green  = "32"
	yellow = "33"
)

func (p *printer) paint(color, text string) string {
	if !p.color {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

func (p *printer) line(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// stamp begins a line that tells of a moment.
func (p *printer) stamp(at time.Time) string { return p.paint(dim, at.Local().Format("15:04:05")) }

func (p *printer) welcome(d *demo) {
	a, b := d.companies[0], d.companies[1]
	p.line("")
	p.line("%s", p.paint(bold, "Two companies, each with a ticket desk and a Parley node of its own."))
	p.line("")
	for _, c := range d.companies {
		p.line("  %-7s %s", c.name, p.paint(bold, c.url))
	}
	p.line("")
	p.line("Make a ticket at one desk and look at the other; comment on it, change its")
	p.line("status, attach a file. An internal note stays where it was written.")
	p.line("")
	p.line("What may leave %s, and what may enter it, one line per field:", a.name)
	p.line("  %s", a.filter("out"))
	p.line("  %s", a.filter("in"))
	p.line("Edit and save them: the node takes them at once. The same for %s is in", b.name)
	p.line("  %s", filepath.Dir(b.filter("out")))
	p.line("")
	p.line("Ask a node in another terminal, with any of its commands:")
	p.line("  parley --config %s status", a.config())
	p.line("")
	p.line("%s", p.paint(dim, "Ctrl-C ends it; a second start goes on with the same tickets."))
	p.line("")
}

func (p *printer) goodbye(d *demo) {
	p.line("")
	p.line("Ending both nodes. The data stays in %s", d.options.Dir)
}

func (p *printer) restarted(c *company, err error) {
	p.line("%s  %s", p.stamp(time.Now()), p.paint(yellow, fmt.Sprintf("%s's node died (%v) and is started again", c.name, err)))
}

// stays tells of what does not cross.
func (p *printer) stays(c *company, h happening) {
	p.line("%s  %s  %s", p.stamp(h.at), ticket(c, h.key), p.paint(dim, fmt.Sprintf("internal note by %s stays at %s", clean(h.who, 30), c.name)))
}

func (p *printer) crossed(from, to *company, c crossing) {
	took := ""
	if c.timed {
		took = p.paint(green, fmt.Sprintf("  %.2f s", c.took.Seconds()))
	}
	p.line("%s  %s → %s  %s%s", p.stamp(c.at), ticket(from, c.from.key), ticket(to, c.key), c.what(), took)
}

func ticket(c *company, key string) string { return strings.TrimSpace(c.name + " " + clean(key, 20)) }

// what says in a few words what happened.
func (h happening) what() string {
	switch h.kind {
	case madeComment:
		return "comment " + quote(h.text)
	case editedComment:
		return "comment reworded " + quote(h.text)
	case madeNote:
		return "internal note"
	case addedFile:
		return "file " + quote(h.name) + " " + amount(h.size)
	case setField:
		return h.change()
	}
	return quote(h.text)
}

func (h happening) change() string {
	name := clean(strings.TrimPrefix(h.name, event.CustomPrefix), 30)
	switch {
	case h.name == event.FieldDescription:
		return "description " + quote(h.text)
	case h.text == "":
		return name + " emptied"
	case h.old == "":
		return name + ": " + clean(h.text, 50)
	}
	return name + ": " + clean(h.old, 40) + " → " + clean(h.text, 40)
}

func quote(text string) string { return "“" + clean(text, 60) + "”" }

// clean makes one short line of text that came from a ticket: without what
// could steer a terminal.
func clean(text string, most int) string {
	if len(text) > 8*most {
		text = text[:8*most]
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == utf8.RuneError:
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most-1]) + "…"
	}
	return text
}

// amount shows a number of bytes.
func amount(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%d kB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

// lines is clean for a text of several lines, indented.
func lines(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if out = append(out, "    "+strings.TrimRight(line, "\n")); len(out) == maxLines {
			break
		}
	}
	return strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, strings.Join(out, "\n"))
}

const maxLines = 20
