package richtext_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
	"golang.org/x/net/html"

	"parley/adapters/richtext"
)

// six are all formats; an Atlassian document is its JSON.
func six() []format {
	return append(formats(),
		format{"wiki", richtext.FromWiki, richtext.Doc.Wiki},
		format{
			"adf", func(s string) richtext.Doc {
				d, err := richtext.FromADF(json.RawMessage(s))
				if err != nil {
					return richtext.FromPlain(s)
				}
				return d
			}, func(d richtext.Doc) string { return string(d.ADF()) },
		})
}

// dangerous are addresses that run something where they are followed or shown, as people hide them.
func dangerous() []string {
	return []string{
		"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "java\nscript:alert(1)", "\x01javascript:alert(1)", " javascript:alert(1)",
		"javascript://host/%0aalert(1)", "&#106;avascript:alert(1)", "&#x6A;avascript&colon;alert(1)", "javascript&#58;alert(1)", "java&Tab;script:alert(1)",
		"&amp;#106;avascript:alert(1)", "vbscript:msgbox(1)", "VBScript:msgbox(1)", "data:text/html,hello", "data:image/svg+xml;base64,PHN2Zz4=", "DATA:text/html,hello",
		"livescript:x", "mocha:x", "jar:http://host/x!/y", "view-source:http://host/x", "blob:http://host/x", "java\u200bscript:alert(1)", "file:///etc/passwd", "x-apple.systempreferences:x",
	}
}

// carriers say an address as a link and as a picture in each format.
func carriers() map[string][]string {
	return map[string][]string{
		"markdown": {"[word](%s)", "[word](<%s>)", "![word](%s)", "<%s>", "[word][r]\n\n[r]: %s", "| a |\n|---|\n| [word](%s) |", "- [**word**](%s)", `<a href="%s">word</a>`, `x <img src="%s" alt="word"> y`},
		"html": {
			`<a href="%s">word</a>`, `<a href='%s'><b>word</b></a>`, `<img src="%s" alt="word">`, `<a href="%s"><p>word</p></a>`, `<ul><li><a href="%s">word</a></ul>`,
			`<iframe src="%s">word</iframe>`, `<form action="%s">word</form>`, `<svg><a xlink:href="%s">word</a></svg>`, `<object data="%s">word</object>`, `<video src="%s">word</video>`,
		},
		"textile": {`"word":%s`, "!%s!", "!%s(word)!", `!http://a.example/b.png!:%s`, `| "word":%s |`},
		"wiki":    {"[word|%s]", "[%s]", "!%s!", "!%s|alt=word!", "{color:red}[word|%s]{color}", "| [word|%s] |"},
		"plain":   {"%s", "word (%s)", "<a href=\"%s\">"},
		"adf": {
			`{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"word","marks":[{"type":"link","attrs":{"href":%q}}]}]}]}`,
			`{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"inlineCard","attrs":{"url":%q}}]}]}`,
			`{"type":"doc","version":1,"content":[{"type":"blockCard","attrs":{"url":%q}}]}`,
			`{"type":"doc","version":1,"content":[{"type":"mediaSingle","content":[{"type":"media","attrs":{"type":"external","url":%q,"alt":"word"}}]}]}`,
		},
	}
}

func TestRead_ADangerousAddressIsLiveInNoFormat(t *testing.T) {
	t.Parallel()
	for _, from := range six() {
		for _, carrier := range carriers()[from.name] {
			for _, address := range dangerous() {
				in := carry(t, from.name, carrier, address)
				doc := from.read(in)
				for _, to := range six() {
					out := to.write(doc)
					if live := dangerIn(t, to.name, out); live != "" {
						t.Errorf("%s to %s: %q leads to %q in %q", from.name, to.name, in, live, out)
					}
					if strings.Contains(carrier, "word") && !strings.Contains(out, "word") {
						t.Errorf("%s to %s: the words of %q are lost in %q", from.name, to.name, in, out)
					}
				}
			}
		}
	}
}

func carry(t *testing.T, name, carrier, address string) string {
	t.Helper()
	if name != "adf" {
		return strings.ReplaceAll(carrier, "%s", address)
	}
	quoted, err := json.Marshal(html.UnescapeString(address))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(carrier, "%q", string(quoted))
}

func TestWrite_ADangerousAddressIsLiveInNoFormat(t *testing.T) {
	t.Parallel()
	word := []richtext.Node{{Kind: richtext.Text, Text: "word"}}
	check := func(address string, behind ...richtext.Node) {
		for _, n := range []richtext.Node{{Kind: richtext.Link, URL: address, Children: word}, {Kind: richtext.Image, URL: address, Text: "word"}} {
			blocks := append([]richtext.Node{{Kind: richtext.Paragraph, Children: []richtext.Node{n}}}, behind...)
			for _, to := range six() {
				out := to.write(richtext.Doc{Blocks: blocks})
				if live := dangerIn(t, to.name, out); live != "" {
					t.Errorf("%s: %q is live in %.200q", to.name, live, out)
				}
			}
		}
	}
	for _, address := range dangerous() {
		check(address)
	}
	// Longer than what a writer reads again.
	check("javascript://host/x", richtext.Node{Kind: richtext.CodeBlock, Text: strings.Repeat("much\n", 60_000)})
}

func TestRead_ADangerousAddressIsKeptAndMarked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, from, in, want string }{
		{"link of HTML", "html", `<a href="javascript:alert(1)">word</a>`, "word `javascript:alert(1)`"},
		{"hidden in HTML", "html", "<a href=\" &#106;ava\tscript:alert(1)\">word</a>", "word `javascript:alert(1)`"},
		{"picture of HTML", "html", `<img src="data:text/html,x" alt="word">`, "word `data:text/html,x`"},
		{"link of Markdown", "markdown", "[word](JavaScript:alert(1))", "word `JavaScript:alert(1)`"},
		{"address of Markdown", "markdown", "<vbscript:x>", "`vbscript:x`"},
		{"tag of Markdown", "markdown", `<a href="javascript:x">word</a>`, `\<a href="javascript:x">word</a>`},
		{"link of Textile", "textile", `"word":javascript://x/y`, "word `javascript://x/y`"},
		{"link of the wiki", "wiki", "[word|javascript:x]", `[word|javascript:x]`},
		{"good ones stay", "html", `<a href="HTTPS://a.example/b">word</a> <a href="/c">c</a> <a href="mailto:a@b.example">d</a>`, "[word](HTTPS://a.example/b) [c](/c) [d](mailto:a@b.example)"},
		{"good tags stay", "markdown", "<details>\n<summary>a</summary>\n</details>\n\nx <kbd>b</kbd> <!-- c --> d", "<details>\n<summary>a</summary>\n</details>\n\nx <kbd>b</kbd> <!-- c --> d"},
	} {
		for _, from := range six() {
			if from.name != c.from {
				continue
			}
			if got := from.read(c.in).Markdown(); got != c.want {
				t.Errorf("%s: %q became %q, want %q", c.name, c.in, got, c.want)
			}
		}
	}
}

// dangerIn is an address in a text, as its own kind of program reads it, that is none of the web's.
func dangerIn(t testing.TB, name, s string) string {
	t.Helper()
	for _, u := range addressesIn(t, name, s) {
		if _, file := richtext.AttachmentName(u); file && name == "markdown" {
			continue
		}
		if dangerousScheme(u) || dangerousScheme(html.UnescapeString(u)) {
			return u
		}
	}
	return ""
}

var aScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*$`)

// dangerousScheme reads an address as a browser does.
func dangerousScheme(u string) bool {
	bare := strings.Map(func(r rune) rune {
		if r <= ' ' || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, u)
	scheme, _, found := strings.Cut(bare, ":")
	if !found || !aScheme.MatchString(scheme) {
		return false
	}
	return !slices.Contains([]string{"http", "https", "ftp", "mailto"}, strings.ToLower(scheme))
}

// Wiki text and Textile are read by what makes a link there at most, without their rules of what stands beside it.
var (
	wikiAddress    = regexp.MustCompile(`(?:^|[^\\])\[(?:[^\[\]\n]*[^\\\[\]\n])?\|([^\[\]|\n]+)\]|(?:^|[^\\])\[([^\[\]|\n]*)\]|(?:^|[^\\])!([^!|\s]+)(?:\|[^!\n]*)?!`)
	textileAddress = regexp.MustCompile(`"[^"\n]+":(\S+)|!([^!\s]+?)(?:\([^)\n]*\))?!(?::(\S+))?`)
)

func addressesIn(t testing.TB, name, s string) []string {
	t.Helper()
	switch name {
	case "markdown":
		return markdownAddresses([]byte(s))
	case "html":
		return bareAmpersands(htmlAddresses(s))
	case "adf":
		var tree any
		if err := json.Unmarshal([]byte(s), &tree); err != nil {
			t.Fatalf("no JSON: %v", err)
		}
		return adfAddresses(tree)
	case "wiki":
		return found(wikiAddress, regexp.MustCompile(`\{\{.*?\}\}|\|\^[^|\[\]]*\]|\[\^[^|\[\]]*\]`).ReplaceAllString(s, ""))
	case "textile":
		return found(textileAddress, regexp.MustCompile(`@[^@\n]*@|<code>.*?</code>`).ReplaceAllString(s, ""))
	}
	return nil
}

func found(pattern *regexp.Regexp, s string) []string {
	var out []string
	for _, m := range pattern.FindAllStringSubmatch(s, -1) {
		for _, u := range m[1:] {
			if strings.Contains(u, ":") {
				out = append(out, u)
			}
		}
	}
	return out
}

func markdownAddresses(source []byte) []string {
	var out []string
	root := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			out = append(out, string(n.Destination))
		case *ast.Image:
			out = append(out, string(n.Destination))
		case *ast.AutoLink:
			out = append(out, string(n.URL(source)))
		case *ast.RawHTML:
			out = append(out, bareAmpersands(htmlAddresses(string(n.Segments.Value(source))))...)
		case *ast.HTMLBlock:
			raw := string(n.Lines().Value(source))
			if n.HasClosure() {
				raw += string(n.ClosureLine.Value(source))
			}
			out = append(out, bareAmpersands(htmlAddresses(raw))...)
		}
		return ast.WalkContinue, nil
	})
	return out
}

// bareAmpersands: the entities of HTML's attributes are resolved already, and only once.
func bareAmpersands(all []string) []string {
	for i, u := range all {
		all[i] = strings.ReplaceAll(u, "&", "&amp;")
	}
	return all
}

// htmlAddresses are all attributes that may hold one.
func htmlAddresses(page string) []string {
	var out []string
	z := html.NewTokenizer(strings.NewReader(page))
	for z.Next() != html.ErrorToken {
		for _, a := range z.Token().Attr {
			switch a.Key {
			case "href", "src", "xlink:href", "action", "formaction", "data", "poster", "background", "cite", "srcset":
				out = append(out, a.Val)
			}
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				out = append(out, fmt.Sprintf("javascript:%s=%s", a.Key, a.Val))
			}
		}
	}
	return out
}

func adfAddresses(v any) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if s, ok := value.(string); ok && (key == "href" || key == "url") {
				out = append(out, s)
			}
			out = append(out, adfAddresses(value)...)
		}
	case []any:
		for _, value := range v {
			out = append(out, adfAddresses(value)...)
		}
	}
	return out
}
