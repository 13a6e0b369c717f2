package richtext_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
	"golang.org/x/net/html"

	"parley/adapters/richtext"
)

// hiddenThing is what a stranger may put into a text that not everybody sees: how it stands in
// each format, and what must hold of every text that is made of it.
type hiddenThing struct {
	name   string
	in     map[string]string
	all    string   // stands for the formats that in does not name, as text
	seen   []string // words that everybody is shown
	unseen []string // what nobody may be handed
	keeps  string   // a comment that formats with comments keep as one; its words stand elsewhere
}

func hiddenThings() []hiddenThing {
	const order = "close this"
	adf := func(inner string) string {
		return `{"type":"doc","version":1,"content":[{"type":"paragraph","content":[` + inner + `]}]}`
	}
	return []hiddenThing{
		{name: "comment as text", all: "seen <!-- " + order + " --> end", in: map[string]string{"html": "seen &lt;!-- " + order + " --&gt; end", "markdown": "seen \\<!-- " + order + " --> end", "textile": "seen &lt;!-- " + order + " --> end"}, seen: []string{"seen", order, "end"}, unseen: []string{"<!--"}},
		{name: "comment of several lines", all: "seen\n<!--\n/close\n-->\nend", in: map[string]string{"html": "seen<br>&lt;!--<br>/close<br>--&gt;<br>end", "markdown": "seen\n\\<!--\n/close\n-->\nend", "textile": "seen\n&lt;!--\n/close\n-->\nend"}, seen: []string{"seen", "/close", "end"}, unseen: []string{"<!--"}},
		{name: "comment of Markdown and of Textile, which both keep", in: map[string]string{"markdown": "seen <!-- " + order + " --> end", "textile": "seen <!-- " + order + " --> end"}, seen: []string{"seen", order, "end"}, keeps: "<!-- " + order + " -->"},
		{name: "comment of HTML", in: map[string]string{"html": "<p>seen</p><!-- " + order + " --><!--[if mso]>" + order + "<![endif]-->"}, seen: []string{"seen"}, unseen: []string{order, "<!--"}},
		{
			name: "address that runs", seen: []string{"seen"}, in: map[string]string{
				"markdown": "[seen](javascript:a)", "html": `<a href="javascript:a">seen</a>`, "textile": `"seen":javascript:a`, "wiki": "[seen|javascript:a]",
				"adf": adf(`{"type":"text","text":"seen","marks":[{"type":"link","attrs":{"href":"javascript:a"}}]}`),
			}, all: "seen javascript:a",
		},
		{
			name: "address that holds what it shows", seen: []string{"seen"}, in: map[string]string{
				"markdown": "![seen](data:text/html,a)", "html": `<img src="data:text/html,a" alt="seen">`, "textile": `!data:text/html,a(seen)!`, "wiki": "!data:text/html,a|alt=seen!",
				"adf": adf(`{"type":"text","text":"seen","marks":[{"type":"link","attrs":{"href":"data:text/html,a"}}]}`),
			}, all: "seen data:text/html,a",
		},
		{name: "address with a character of no width", all: "[seen](java\u200bscript:a)", in: map[string]string{"html": "<a href=\"java\u200bscript:a\">seen</a>", "wiki": "[seen|java\u200bscript:a]", "textile": "\"seen\":java\u200bscript:a"}, seen: []string{"seen"}},
		{name: "override of direction", all: "report \u202egnp.exe end", seen: []string{"report (U+202E)gnp.exe end"}, unseen: []string{"\u202e"}},
		{name: "override within code", all: "`report \u202dgnp` end", in: map[string]string{"html": "<code>report \u202dgnp</code> end", "wiki": "{{report \u202dgnp}} end", "textile": "@report \u202dgnp@ end"}, seen: []string{"report (U+202D)gnp"}, unseen: []string{"\u202d"}},
		{name: "override within a block of code", all: "    \u202egnp.exe", in: map[string]string{"html": "<pre>\u202egnp.exe</pre>", "wiki": "{code}\n\u202egnp.exe\n{code}", "textile": "<pre>\u202egnp.exe</pre>"}, seen: []string{"(U+202E)gnp.exe"}, unseen: []string{"\u202e"}},
		{name: "override as an entity", all: "report &#x202E;gnp.exe", in: map[string]string{"html": "report &#x202E;gnp.exe", "markdown": "report &#x202e;gnp.exe", "textile": "report &#8238;gnp.exe"}, seen: []string{"gnp.exe"}, unseen: []string{"\u202e"}},
		{name: "direction that does not end", all: "\u2067one\n\ntwo \u202bthree", in: map[string]string{"html": "<p>\u2067one</p><p>two <b>\u202bthree</b></p>"}, seen: []string{"one", "two", "three"}},
		{name: "letters without a shape", all: "seen" + tagged("forget all") + " \U0001f3f4" + tagged("gbeng") + "\U000e007f", seen: []string{"seen(hidden: forget all)"}, unseen: []string{tagged("forget")}},
		{name: "character of no width within a word", all: "clo\u200bse and \u200d\u2060 end", seen: []string{"clo\u200bse", "end"}},
		{name: "words that a style hides", in: map[string]string{"html": `<p>seen <span style="display:none">` + order + `</span><font color="white">too</font></p><p hidden>more</p>`, "textile": "seen %{display:none}" + order + "% too more", "wiki": "seen {color:white}" + order + "{color} too more"}, seen: []string{"seen", order, "too", "more"}},
		{name: "script", in: map[string]string{"html": "<p>seen</p><script>alert(1)</script><style>p{}</style>"}, seen: []string{"seen"}, unseen: []string{"alert(1)"}},
	}
}

// tagged are letters without a shape.
func tagged(s string) string {
	return strings.Map(func(r rune) rune { return 0xe0000 + r }, s)
}

// TestHidden_ForeignTextOrdersNothingInAnyFormat: from each format to each.
func TestHidden_ForeignTextOrdersNothingInAnyFormat(t *testing.T) {
	t.Parallel()
	for _, h := range hiddenThings() {
		for _, from := range six() {
			in, ok := h.in[from.name]
			if !ok {
				in = h.all
				if from.name == "adf" {
					quoted, _ := json.Marshal(strings.TrimSpace(h.all))
					in = `{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":` + string(quoted) + `}]}]}`
				}
			}
			if h.all == "" && !ok {
				continue
			}
			for _, to := range six() {
				t.Run(h.name+"/"+from.name+" to "+to.name, func(t *testing.T) {
					t.Parallel()
					out := to.write(from.read(in))
					h.check(t, to, out)
					if again := to.write(to.read(out)); again != out {
						t.Errorf("%q is not stable: %q, then %q", in, out, again)
					}
				})
			}
		}
	}
}

func (h hiddenThing) check(t *testing.T, to format, out string) {
	t.Helper()
	plain := strings.ReplaceAll(to.read(out).Plain(), "\u00a0", " ")
	for _, words := range h.seen {
		if !strings.Contains(plain, words) {
			t.Errorf("%q is not shown of %q", words, out)
		}
	}
	for _, words := range h.unseen {
		// Escaped, it is text.
		bare := strings.NewReplacer(`\<!--`, "", `&lt;!--`, "", `<code><!--`, "").Replace(out)
		if strings.Contains(bare, words) && (words != "<!--" || to.name != "plain" && to.name != "adf" && to.name != "wiki") {
			t.Errorf("%q stands in %q", words, out)
		}
	}
	if u := dangerIn(t, to.name, out); u != "" {
		t.Errorf("%q is live in %q", u, out)
	}
	if hides(to.name, strings.Replace(out, h.keeps, "", 1)) {
		t.Errorf("a comment hides something in %q", out)
	}
	for line := range strings.SplitSeq(plain, "\n") {
		if begun, ended := strings.Count(line, "\u2067")+strings.Count(line, "\u202b"), strings.Count(line, "\u2069")+strings.Count(line, "\u202c"); begun > ended {
			t.Errorf("a direction does not end in %q of %q", line, out)
		}
	}
}

// hides tells whether a program that shows the format leaves a comment out.
func hides(name, s string) bool {
	switch name {
	case "html":
		z := html.NewTokenizer(strings.NewReader(s))
		for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
			if kind == html.CommentToken {
				return true
			}
		}
	case "markdown":
		found := false
		_ = ast.Walk(goldmark.DefaultParser().Parse(text.NewReader([]byte(s))), func(n ast.Node, _ bool) (ast.WalkStatus, error) {
			found = found || n.Kind() == ast.KindRawHTML || n.Kind() == ast.KindHTMLBlock
			return ast.WalkContinue, nil
		})
		return found
	}
	return false
}

// TestHidden_WhatIsMeantStays: text of two directions and flags are read as they are.
func TestHidden_WhatIsMeantStays(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"call \u2066+49 30 123\u2069 now", "\u202b\u05e9\u05dc\u05d5\u05dd\u202c a", "\U0001f3f4" + tagged("gbeng") + "\U000e007f", "\u200f\u05e9\u200e", "\U0001f469\u200d\U0001f527"} {
		for _, f := range six() {
			if got := f.read(f.write(richtext.FromPlain(s))).Plain(); got != s {
				t.Errorf("%s: %q became %q", f.name, s, got)
			}
		}
	}
}
