package redmine

import (
	"regexp"
	"slices"
	"strings"

	"parley/adapters/internal/defuse"
	"parley/adapters/internal/marker"
	"parley/adapters/richtext"
	"parley/sync/event"
)

// Redmine keeps Markdown as it is, so that nothing is converted there. But it tells
// everybody whose login stands behind an @, outside of blocks of code
// (acts_as_mentionable of Redmine 5), and runs macros. What comes from elsewhere means
// neither.

var (
	mention = regexp.MustCompile(`(^|[^\pL\pN_])@([A-Za-z0-9_.-])`)
	called  = regexp.MustCompile(`(^|[^\pL\pN_])@` + richtext.Disarmed + `([A-Za-z0-9_.-])`)
	macro   = defuse.NewSign(`\{`, `\{\w`)
	address = regexp.MustCompile(`[a-z]{2,10}://\S*$`)
	fence   = regexp.MustCompile("(?s)```.*?```|~~~.*?~~~|<pre>.*?</pre>")
)

// defused keeps a text from calling people and running macros. Redmine looks into code
// within a line too: a name there is parted as well.
func (s *settings) defused(raw string) string {
	var b strings.Builder
	at := 0
	for _, code := range append(fence.FindAllStringIndex(raw, -1), []int{len(raw), len(raw)}) {
		prose := raw[at:code[0]]
		if s.format != formatTextile {
			prose = macro.Text(prose)
		}
		b.WriteString(uncalled(prose) + raw[code[0]:code[1]])
		at = code[1]
	}
	return b.String()
}

// uncalled parts each @ from the name behind it; in an address it is escaped, which
// leads to the same place.
func uncalled(s string) string {
	for _, at := range slices.Backward(mention.FindAllStringSubmatchIndex(s, -1)) {
		sign := at[3]
		if address.MatchString(s[:sign]) {
			s = s[:sign] + "%40" + s[sign+1:]
		} else {
			s = s[:sign+1] + richtext.Disarmed + s[sign+1:]
		}
	}
	return s
}

func (s *settings) meant(raw string) string {
	return called.ReplaceAllString(macro.Meant(raw), "$1@$2")
}

func (s *settings) toMarkdown(raw string) string {
	raw = s.meant(lines(raw))
	switch s.format {
	case formatTextile:
		return richtext.TextileToMarkdown(raw)
	case formatPlain:
		return richtext.PlainToMarkdown(raw)
	}
	return richtext.ReferAttachments(strings.TrimRight(defuse.MeantFormula(raw), " \n"), func(address string) (string, bool) {
		if !fileByName.MatchString(address) {
			return "", false
		}
		return richtext.AttachmentName("attachment:" + address)
	})
}

// fileByName is an address that Redmine takes for the name of a file of the issue, where
// it shows a picture (parse_inline_attachments of its ApplicationHelper).
var fileByName = regexp.MustCompile(`(?i)^[^/:?#&\s]+\.(?:bmp|gif|jpg|jpe|jpeg|png)$`)

func (s *settings) fromMarkdown(md string) string { return s.defused(s.converted(md)) }

func (s *settings) converted(md string) string {
	md = lines(md)
	switch s.format {
	case formatTextile:
		return richtext.MarkdownToTextile(md)
	case formatPlain:
		return richtext.MarkdownToPlain(md)
	}
	md = richtext.PointAttachments(strings.TrimRight(md, " \n"), func(name string, picture bool) (string, bool) {
		address := strings.TrimPrefix(richtext.AttachmentURL(name), "attachment:")
		return address, picture && fileByName.MatchString(address)
	})
	return defuse.Formula(richtext.AttachmentsAsWords(md))
}

// lines makes newlines \n: descriptions come with CRLF, notes as sent.
func lines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// markerFile is a marker behind the name of a file.
var (
	markerFile = regexp.MustCompile(`^(?:(.*) )?\[parley:([a-z2-7]{16})\]$`)
	markerText = regexp.MustCompile(`^[a-z2-7]{16}$`)
)

// withMarker converts md and puts the marker behind it: in Textile as an HTML
// comment, in Markdown as a definition that nothing refers to, neither of which
// Redmine shows; in plain text as a short word.
func (s *settings) withMarker(md string, m event.Marker) string {
	form := marker.Definition
	switch s.format {
	case formatTextile:
		form = marker.Comment
	case formatPlain:
		form = marker.Word
	}
	return marker.Append(s.fromMarkdown(md), m, form)
}

// cutMarker takes the marker out of a text.
func cutMarker(raw string) (string, event.Marker) { return marker.Cut(raw) }

// spoiled matches what Redmine replaces in the name of a file.
var spoiled = regexp.MustCompile(`[/?%*:|"'<>\n\r\\]`)

// fileDescription holds the marker, and the name where Redmine changes it.
func fileDescription(name string, m event.Marker) string {
	mark := "[parley:" + string(m) + "]"
	if spoiled.MatchString(name) && len([]rune(name))+len(mark) < 250 {
		return strings.Map(noControl, name) + " " + mark
	}
	return mark
}

func noControl(r rune) rune {
	if r < ' ' {
		return -1
	}
	return r
}

// cutFileMarker reads what fileDescription wrote.
func cutFileMarker(name, description string) (string, event.Marker) {
	m := markerFile.FindStringSubmatch(description)
	if m == nil {
		return name, ""
	}
	if m[1] != "" {
		name = m[1]
	}
	return name, event.Marker(m[2])
}
