package richtext_test

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"parley/adapters/richtext"
)

// sample has every construct, in Markdown as this package writes it.
const sample = `# Title with *stars* and ` + "`code`" + `

First line with **strong**, _em_, ~~gone~~, <ins>new</ins>, x<sup>2</sup> and H<sub>2</sub>O.
Second line: https://example.org/a_b_c?x=1&y=2 and [a label](https://example.org/x).

- one
- two
  1. first
  2. second
- [ ] open
- [x] done

> quoted
>
> > deeper

` + "```go\nfunc main() {\n\tprintln(\"<b>\", 1*2)\n}\n```" + `

| Name | Value |
| --- | --- |
| a | 1 |
| b | ` + "`x \\| y`" + ` |

___

![a picture](screen.png)

snake_case, 2 * 3 = 6, C:\temp, a\_ \_b, 5 \< 6? \#12 1\. x`

func TestMarkdown_WritesWhatItRead(t *testing.T) {
	t.Parallel()
	want := strings.ReplaceAll(sample, `# Title with *stars*`, `# Title with _stars_`)
	want = strings.ReplaceAll(want, `a\_ \_b, 5 \< 6? \#12 1\. x`, `a\_ \_b, 5 < 6? #12 1. x`)
	if diff := cmp.Diff(want, richtext.FromMarkdown(sample).Markdown()); diff != "" {
		t.Errorf("written differs (-want +got):\n%s", diff)
	}
}

func TestTextile_SaysEachConstruct(t *testing.T) {
	t.Parallel()
	got := richtext.MarkdownToTextile(sample)
	want := `h1. Title with _stars_ and @code@

First line with *strong*, _em_, -gone-, +new+, x2 and H2O.
Second line: https://example.org/a_b_c?x=1&y=2 and "a label":https://example.org/x.

* one
* two
*# first
*# second
* [ ] open
* [x] done

> quoted
> 
> > deeper

<pre><code class="go">
func main() {
	println("<b>", 1*2)
}
</code></pre>

|_. Name |_. Value |
| a | 1 |
| b | @x &#124; y@ |

---

!screen.png(a picture)!

snake_case, 2 * 3 = 6, C:\temp, a_ _b, 5 < 6? #12 1. x`
	if diff := cmp.Diff(want, strings.ReplaceAll(got, "\n>\n", "\n> \n")); diff != "" {
		t.Errorf("textile differs (-want +got):\n%s", diff)
	}
}

func TestTextile_ReadsWhatRedmineUsersWrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, textile, markdown string }{
		{"strong and em", "a *b* _c_ -d- +e+", "a **b** _c_ ~~d~~ <ins>e</ins>"},
		{"heading", "h2. Steps\n\ntext", "## Steps\n\ntext"},
		{"aligned heading", "h3(class)>. Steps", "### Steps"},
		{"line breaks", "one\r\ntwo\r\n\r\nthree", "one\ntwo\n\nthree"},
		{"nested list", "* a\n** b\n** c\n* d", "- a\n  - b\n  - c\n- d"},
		{"numbers", "# a\n# b", "1. a\n2. b"},
		{"text before a list", "Do:\n* a\n* b", "Do:\n\n- a\n- b"},
		{"item with a second line", "* a\nmore\n* b", "- a\n  more\n- b"},
		{"quote", "> a\n> b\n> > c", "> a\n> b\n>\n> > c"},
		{"bq", "bq. said", "> said"},
		{"pre", "see\n<pre>\nx < y\n* no list\n</pre>\nend", "see\n\n```\nx < y\n* no list\n```\n\nend"},
		{"pre with language", "<pre><code class=\"ruby\">\nputs 1\n</code></pre>", "```ruby\nputs 1\n```"},
		{"pre never closed", "a\n<pre>\nb *c*", "a\n\n```\nb *c*\n```"},
		{"inline code", "run @rm -rf *@ now", "run `rm -rf *` now"},
		{"mail is not code", "a@b.de, c@d.de", "a@b.de, c@d.de"},
		{"link", `see "the page":https://x.org/a_b.`, "see [the page](https://x.org/a\\_b)."},
		{"bare link", "(see https://x.org/a).", "(see <https://x.org/a>)."},
		{"relative link", `"that":/issues/12`, "[that](/issues/12)"},
		{"image", "!shot.png!", "![shot.png](attachment:shot.png)"},
		{"image with words and link", "!shot.png(A shot)!:https://x.org", "[![A shot](attachment:shot.png)](https://x.org)"},
		{"table", "|_. a |_. b |\n| 1 | 2 |", "| a | b |\n| --- | --- |\n| 1 | 2 |"},
		{"table without header", "| 1 | 2 |", "|  |  |\n| --- | --- |\n| 1 | 2 |"},
		{"rule", "a\n\n---\n\nb", "a\n\n___\n\nb"},
		{"colour", "%{color:red}hot% stuff", "hot stuff"},
		{"notextile", "<notextile>*a*</notextile> ==_b_==", `\*a\* \_b\_`},
		{"wiki link and macro", "[[Start|here]] {{toc}} #12 r34", "[[Start|here]] {{toc}} #12 r34"},
		{"entity", "5 &lt; 6 &amp;amp; &#42;", `5 < 6 \&amp; *`},
		{"markdown specials are text", "# not\n\n1. x\n\n`a` **b", "1. not\n\n1\\. x\n\n\\`a\\` \\*\\*b"},
		{"ranges", "10-20 and 30-40, a -b", "10-20 and 30-40, a -b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.markdown, richtext.TextileToMarkdown(c.textile)); diff != "" {
				t.Errorf("markdown differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTextile_WhatLooksLikeMarkupStaysText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text string }{
		{"stars", "5 *6* 7"},
		{"minus", "a -b- c"},
		{"at", "use @foo@ here"},
		{"heading", "h1. no heading"},
		{"list", "* no item"},
		{"number", "# no item"},
		{"quote", "> no quote"},
		{"table", "| no | table |"},
		{"rule", "---"},
		{"link", `"a":http://b.org/c`},
		{"image", "!a.png!"},
		{"macro", "{{include(Secret)}}"},
		{"pre", "<pre>x</pre>"},
		{"comment", "<!-- hidden -->"},
		{"notextile", "==*a*== <notextile>b</notextile>"},
		{"entity", "&lt; &#42;"},
		{"box", "- [ ] x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			doc := richtext.FromPlain(c.text)
			if got := richtext.FromTextile(doc.Textile()).Plain(); got != c.text {
				t.Errorf("text behind Textile %q = %q, want %q", doc.Textile(), got, c.text)
			}
			if got := richtext.FromMarkdown(doc.Markdown()).Plain(); got != c.text {
				t.Errorf("text behind Markdown %q = %q, want %q", doc.Markdown(), got, c.text)
			}
			if got := richtext.FromHTML(doc.HTML()).Plain(); got != c.text {
				t.Errorf("text behind HTML %q = %q, want %q", doc.HTML(), got, c.text)
			}
		})
	}
}

func TestHTML_ReadsMailAndEditors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, html, markdown string }{
		{"paragraphs", "<p>a\n b</p><p>c</p>", "a b\n\nc"},
		{"divs and breaks", "<div>a<br>b</div><div>c</div>", "a\nb\n\nc"},
		{"formats", "<b>a</b> <i>b</i> <s>c</s> <u>d</u> x<sup>2</sup>", "**a** _b_ ~~c~~ <ins>d</ins> x<sup>2</sup>"},
		{"lists", "<ul><li>a<ol><li>b</li></ol></li><li><p>c</p></li></ul>", "- a\n  1. b\n- c"},
		{"tasks", `<ul><li><input type="checkbox" checked> a</li></ul>`, "- [x] a"},
		{"pre", "<pre><code class=\"language-go\">a  b\n  &lt;c&gt;</code></pre>", "```go\na  b\n  <c>\n```"},
		{"quote", "<blockquote>a<blockquote>b</blockquote></blockquote>", "> a\n>\n> > b"},
		{"table", "<table><tr><th>a</th></tr><tr><td>b<br>c</td></tr></table>", "| a |\n| --- |\n| b<br>c |"},
		{"link", `<a href="https://x.org">there</a>`, "[there](https://x.org)"},
		{"script", "a<script>alert(1)</script><style>p{}</style><!-- c -->b", "ab"},
		{"inline with block", "<span><p>a</p></span>b", "a\n\nb"},
		{"unknown element", "<foo>a <bar>b</bar></foo>", "a b"},
		{"entities", "&lt;b&gt; &amp;nbsp; &auml;", "\\<b> \\&nbsp; ä"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.markdown, richtext.HTMLToMarkdown(c.html)); diff != "" {
				t.Errorf("markdown differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHTML_EscapesEverything(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"<script>alert(1)</script>", "a <img src=x onerror=alert(1)> b", "[x](javascript:alert(1))",
		"![x](data:text/html,1)", "`<script>`", "```\"><script>\n<script>\n```", "[x](https://a\"onclick=\"b)",
		"<ins onclick=x>a</ins>", "<!-- <script> -->",
	} {
		got := richtext.MarkdownToHTML(s)
		low := strings.ToLower(got)
		if strings.Contains(low, "<script") || strings.Contains(low, "<img") || strings.Contains(low, `href="javascript`) ||
			strings.Contains(low, `" onclick`) || strings.Contains(low, "\"onclick") || strings.Contains(low, "<ins onclick") {
			t.Errorf("HTML of %q is not safe: %s", s, got)
		}
	}
}

func TestPlain_KeepsLinesAndIndent(t *testing.T) {
	t.Parallel()
	text := "first\n  second: *a* _b_ <c>\n\n1. third"
	if got := richtext.FromMarkdown(richtext.PlainToMarkdown(text)).Plain(); got != text {
		t.Errorf("plain = %q, want %q", got, text)
	}
}

func TestRead_HugeAndNestedInputIsBounded(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		strings.Repeat(">", 60_000), strings.Repeat("[", 60_000), strings.Repeat("*a ", 30_000),
		strings.Repeat("- ", 60_000) + "x", strings.Repeat("<div>", 15_000), strings.Repeat("\"a\":", 30_000),
		strings.Repeat("*a _b ", 15_000), strings.Repeat("@", 60_000), strings.Repeat("<!--", 30_000),
		strings.Repeat("`a ``b ", 15_000), strings.Repeat("![", 60_000), strings.Repeat("<b><i>", 15_000),
		strings.Repeat("|", 60_000), strings.Repeat("> ", 200), strings.Repeat("*", 60_000), strings.Repeat("a", 1<<19),
		strings.Repeat("**a", 30_000), strings.Repeat("_a*b", 30_000), strings.Repeat("<pre>", 15_000),
	} {
		for _, name := range []string{"markdown through textile", "textile", "html"} {
			f := conversions[name]
			start := time.Now()
			got := f(s)
			// What is not bounded takes hours; a busy machine, with the race detector, takes seconds.
			if d := time.Since(start); d > time.Minute {
				t.Errorf("%s of %.12q took %v", name, s, d)
			}
			if len(got) > 40*len(s)+1000 {
				t.Errorf("%s of %.12q grew from %d to %d", name, s, len(s), len(got))
			}
		}
	}
}

var conversions = map[string]func(string) string{
	"markdown":              func(s string) string { return richtext.FromMarkdown(s).Markdown() },
	"textile":               func(s string) string { return richtext.FromTextile(s).Textile() },
	"html":                  func(s string) string { return richtext.FromHTML(s).HTML() },
	"plain":                 func(s string) string { return richtext.FromPlain(s).Plain() },
	"wiki":                  func(s string) string { return richtext.FromWiki(s).Wiki() },
	"markdown through wiki": func(s string) string { return richtext.WikiToMarkdown(richtext.MarkdownToWiki(s)) },
	"markdown through textile": func(s string) string {
		return richtext.TextileToMarkdown(richtext.MarkdownToTextile(s))
	},
	"markdown through html":    func(s string) string { return richtext.HTMLToMarkdown(richtext.MarkdownToHTML(s)) },
	"textile through markdown": func(s string) string { return richtext.MarkdownToTextile(richtext.TextileToMarkdown(s)) },
}

var seeds = []string{
	sample, "a *b* _c_", "* a\n** b\n# c", "|_. a |b|\n|c|d|", "> a\n>> b", "<pre>x</pre> y", "\"a\":http://b.c/d.", "!a.png(b)!:http://c.d/e",
	"<p>a<br>b <b>c</b></p>", "1. a\n\n   b\n2. c", "a\\\nb  \nc", "[a]: http://b 'c'\n\n[a] [d][a]", "***a** b*", "*a **b***", "&amp; &#42; \\&amp;",
	"- [ ] a\n- [x] b", "| a |\n|-|\n| b |", "`` a ` b ``", "~~a~~ ~b~", "<ins>a</ins> <b>c</b>", "    code\n\ttab", "h1. a\n\nbq. b\n\n---", "==a==", "%{color:red}a%",
	"a\n---\nb\n===", "http://a.b/c_d_e). <http://x> www.a.b", "_a_b_ __c__ *d*e*", "- a\n- b\n\n\n- c\n* d", "<!-- c -->\n\n<div>x</div>", "a\u00a0b \u2003*c\u00a0*",
}

func fuzzStable(f *testing.F, name string) {
	f.Helper()
	for _, s := range seeds {
		f.Add(s)
	}
	convert := conversions[name]
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 4096 {
			return
		}
		start := time.Now()
		once := convert(s)
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("%q took %v", s, d)
		}
		if twice := convert(once); twice != once {
			t.Errorf("not stable after one pass\n   in %q\n once %q\ntwice %q", s, once, twice)
		}
	})
}

func FuzzThroughTextile_StableAfterOnePass(f *testing.F) {
	fuzzStable(f, "markdown through textile")
}

// FuzzPlain_WordsSurviveEveryFormat holds that literal text is never lost and
// never becomes markup.
func FuzzPlain_WordsSurviveEveryFormat(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 4096 {
			return
		}
		doc := richtext.FromPlain(s)
		want := words(doc.Plain())
		for name, got := range map[string]string{
			"markdown": richtext.FromMarkdown(doc.Markdown()).Plain(),
			"textile":  richtext.FromTextile(doc.Textile()).Plain(),
			"html":     richtext.FromHTML(doc.HTML()).Plain(),
			"wiki":     richtext.FromWiki(doc.Wiki()).Plain(),
			"adf":      adfWords(t, doc),
		} {
			if got := words(got); got != want {
				t.Errorf("%s: %q became %q (markdown %q, textile %q)", name, want, got, doc.Markdown(), doc.Textile())
			}
		}
	})
}

// words is s without white space.
func words(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}
