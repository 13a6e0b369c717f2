package filters

import (
	"fmt"
	"regexp"
	"strings"
)

func markdownFunctions() []*function {
	one := []any{func(string) string { return "" }}
	return []*function{
		{
			name: "truncate", types: []any{func(string, float64) string { return "" }, func(string, float64, string) string { return "" }},
			call: forText("truncate", 0, truncate),
		},
		{name: "plain", types: one, call: forText("plain", 0, plain)},
		{name: "rich", types: one, call: forText("rich", 0, func(r *run, t string, _ []any) (any, error) {
			return escapeMarkdown(t), r.text(2 * len(t))
		})},
		{name: "quote", types: one, call: forText("quote", 0, quote)},
	}
}

// truncate cuts a text to n characters, its ending included. Markdown that was
// open at the cut is closed.
func truncate(r *run, t string, a []any) (any, error) {
	n, err := intAt("truncate", a, 1, 0)
	if err != nil {
		return nil, err
	}
	if err := r.text(5 * len(t)); err != nil {
		return nil, err
	}
	ending := "…"
	if len(a) > 2 {
		if ending, err = textAt("truncate", a, 2); err != nil {
			return nil, err
		}
	}
	n = max(0, n)
	cut := truncateRunes(t, n, ending)
	if cut == t {
		return t, nil
	}
	// Closing takes room, and cutting more may open less: a few rounds settle it.
	for room := n; room > 0; room-- {
		body := strings.TrimSuffix(truncateRunes(t, room, ending), ending)
		closing := openMarks(body)
		if whole := body + ending + closing; len([]rune(whole)) <= n {
			return whole, nil
		}
		if n-room > 16 {
			break
		}
	}
	return string([]rune(ending)[:min(n, len([]rune(ending)))]), nil
}

// openMarks is what closes the Markdown that t leaves open.
func openMarks(t string) string {
	if strings.Count("\n"+t, "\n```")%2 == 1 {
		return "\n```"
	}
	last := t[strings.LastIndex(t, "\n\n")+1:]
	last = strings.ReplaceAll(last, "```", "")
	switch {
	case strings.Count(last, "`")%2 == 1:
		return "`"
	case strings.Count(last, "**")%2 == 1:
		return "**"
	case strings.Count(last, "~~")%2 == 1:
		return "~~"
	}
	return ""
}

var (
	markdownFence   = regexp.MustCompile("(?m)^ {0,3}(```|~~~).*$\n?")
	markdownHeading = regexp.MustCompile(`(?m)^ {0,3}#{1,6}[ \t]+`)
	markdownQuote   = regexp.MustCompile(`(?m)^ {0,3}>[ \t]?`)
	markdownImage   = regexp.MustCompile(`!\[([^\]\n]*)\]\([^)\n]*\)`)
	markdownLink    = regexp.MustCompile(`\[([^\]\n]*)\]\(([^)\s\n]*)[^)\n]*\)`)
	markdownStrong  = regexp.MustCompile(`(\*\*|__|~~)([^\s*_~](?:[^\n]*?[^\s])?)(\*\*|__|~~)`)
	markdownTag     = regexp.MustCompile(`</?[A-Za-z][^<>\n]*>|<!--[^>]*-->`)
	markdownTick    = regexp.MustCompile("`")
	markdownEscape  = regexp.MustCompile("\\\\([\\\\`*_{}\\[\\]()#+\\-.!<>~|])")
)

// maxPlain bounds a text whose marks are taken off, in bytes.
const maxPlain = 256 << 10

// plain takes the marks of Markdown off and keeps what people read.
func plain(r *run, t string, _ []any) (any, error) {
	if len(t) > maxPlain {
		return nil, fmt.Errorf("%w: plain takes texts of %d KB", ErrLimit, maxPlain>>10)
	}
	t = strings.ReplaceAll(t, "\r\n", "\n")
	for _, mark := range []struct {
		is *regexp.Regexp
		by string
	}{
		{markdownFence, ""},
		{markdownHeading, ""},
		{markdownQuote, ""},
		{markdownImage, "$1"},
		{markdownLink, "$1 ($2)"},
		{markdownStrong, "$2"},
		{markdownTag, ""},
		{markdownTick, ""},
		{markdownEscape, "$1"},
	} {
		if err := r.text(2 * len(t)); err != nil {
			return nil, err
		}
		t = mark.is.ReplaceAllString(t, mark.by)
	}
	return t, nil
}

var markdownSpecial = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "#", `\#`, "~", `\~`, "|", `\|`,
)

// escapeMarkdown makes Markdown that shows t as it is.
func escapeMarkdown(t string) string { return markdownSpecial.Replace(t) }

func quote(r *run, t string, _ []any) (any, error) {
	if err := r.text(len(t) + 2*strings.Count(t, "\n") + 2); err != nil {
		return nil, err
	}
	return "> " + strings.ReplaceAll(t, "\n", "\n> "), nil
}
