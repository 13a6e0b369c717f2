package richtext

import (
	"html"
	"net/url"
	"strconv"
	"strings"
)

// HTML writes HTML in which every piece of text is escaped and every address
// is http, https, ftp or mailto.
func (d Doc) HTML() string { return settled(d, htmlOf, FromHTML) }

func htmlOf(d Doc) string {
	var b strings.Builder
	htmlBlocks(&b, d.Blocks)
	return strings.TrimSuffix(b.String(), "\n")
}

func htmlBlocks(b *strings.Builder, nodes []Node) {
	for _, n := range nodes {
		htmlBlock(b, n)
		b.WriteByte('\n')
	}
}

func htmlBlock(b *strings.Builder, n Node) {
	switch n.Kind {
	case Paragraph:
		htmlWrap(b, "p", n.Children)
	case Heading:
		htmlWrap(b, "h"+strconv.Itoa(min(max(n.Level, 1), 6)), n.Children)
	case List:
		tag := "ul"
		if n.Ordered {
			tag = "ol"
		}
		b.WriteString("<" + tag)
		if n.Offset != 0 {
			b.WriteString(` start="` + strconv.Itoa(n.Offset+1) + `"`)
		}
		b.WriteString(">\n")
		for _, item := range n.Children {
			htmlItem(b, item)
		}
		b.WriteString("</" + tag + ">")
	case CodeBlock:
		b.WriteString("<pre><code")
		if n.Lang != "" {
			b.WriteString(` class="language-` + html.EscapeString(n.Lang) + `"`)
		}
		b.WriteString(">" + html.EscapeString(n.Text) + "</code></pre>")
	case Quote:
		b.WriteString("<blockquote>\n")
		htmlBlocks(b, n.Children)
		b.WriteString("</blockquote>")
	case Table:
		htmlTable(b, n)
	case Rule:
		b.WriteString("<hr>")
	default:
		htmlWrap(b, "p", normalLine(textLines(n.Text)))
	}
}

func htmlItem(b *strings.Builder, item Node) {
	b.WriteString("<li>")
	switch item.Task {
	case Open:
		b.WriteString(`<input type="checkbox" disabled> `)
	case Done:
		b.WriteString(`<input type="checkbox" checked disabled> `)
	}
	for i, c := range item.Children {
		if i == 0 && c.Kind == Paragraph {
			htmlInlines(b, c.Children)
			continue
		}
		b.WriteByte('\n')
		htmlBlock(b, c)
	}
	b.WriteString("</li>\n")
}

func htmlTable(b *strings.Builder, n Node) {
	b.WriteString("<table>\n")
	for _, row := range n.Children {
		tag := "td"
		if row.Header {
			tag = "th"
		}
		b.WriteString("<tr>")
		for _, cell := range row.Children {
			htmlWrap(b, tag, cell.Children)
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</table>")
}

func htmlWrap(b *strings.Builder, tag string, nodes []Node) {
	b.WriteString("<" + tag + ">")
	htmlInlines(b, nodes)
	b.WriteString("</" + tag + ">")
}

func htmlInlines(b *strings.Builder, nodes []Node) {
	for _, n := range nodes {
		htmlInline(b, n)
	}
}

func htmlInline(b *strings.Builder, n Node) {
	switch n.Kind {
	case Text, Raw:
		b.WriteString(htmlText(n.Text))
	case Break:
		b.WriteString("<br>\n")
	case Code:
		b.WriteString("<code>" + html.EscapeString(n.Text) + "</code>")
	case Link:
		if isAttachment(n) {
			b.WriteString(htmlText(wordsOfAttachment(n)))
			return
		}
		if !safeURL(n.URL) {
			htmlInlines(b, n.Children)
			if !bareLink(n) {
				b.WriteString(htmlText(" (" + n.URL + ")"))
			}
			return
		}
		b.WriteString(`<a href="` + html.EscapeString(n.URL) + `">`)
		htmlInlines(b, n.Children)
		b.WriteString("</a>")
	case Image:
		if isAttachment(n) {
			b.WriteString(htmlText(wordsOfAttachment(n)))
			return
		}
		if !safeURL(n.URL) {
			b.WriteString(htmlText(strings.TrimSpace(n.Text + " (" + n.URL + ")")))
			return
		}
		b.WriteString(`<img src="` + html.EscapeString(n.URL) + `" alt="` + html.EscapeString(n.Text) + `">`)
	default:
		htmlWrap(b, map[Kind]string{
			Emphasis: "em", Strong: "strong", Strike: "del", Insert: "ins", Super: "sup", Sub: "sub",
		}[n.Kind], n.Children)
	}
}

// htmlText keeps runs of spaces, which HTML would make one.
func htmlText(s string) string {
	return strings.ReplaceAll(html.EscapeString(s), "  ", " \u00a0")
}

func safeURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https", "ftp":
		return u.Host != ""
	case "mailto":
		return true
	}
	return false
}
