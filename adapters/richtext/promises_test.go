package richtext_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"parley/adapters/richtext"
)

type format struct {
	name  string
	read  func(string) richtext.Doc
	write func(richtext.Doc) string
}

func formats() []format {
	return []format{
		{"markdown", richtext.FromMarkdown, richtext.Doc.Markdown},
		{"textile", richtext.FromTextile, richtext.Doc.Textile},
		{"html", richtext.FromHTML, richtext.Doc.HTML},
		{"plain", richtext.FromPlain, richtext.Doc.Plain},
	}
}

// pieces are marks of every format, whole and broken; %s is a word that no
// mark consists of.
func pieces() []string {
	return []string{
		"%s", "%s ", " %s", "\n%s", "\n\n%s", "*%s*", "**%s** ", "_%s_", "__%s__", "~~%s~~", "-%s-", "+%s+", "^%s^ ", "`%s`", "@%s@", "``%s` ",
		"<ins>%s</ins>", "<b>%s</b>", "<i>%s", "</i>%s", "<sub>%s</sub>", "<p>%s</p>", "<div>%s", "</div>%s", "<li>%s</li>", "<ul>%s", "<ol>%s</ol>",
		"<pre>%s</pre>", "<pre><code class=\"go\">%s\n</code></pre>", "<blockquote>%s", "<h2>%s</h2>", "<table><tr><td>%s", "</td></tr></table>%s", "<br>%s",
		"\n# %s", "\n## %s\n", "\nh2. %s\n\n", "\nbq. %s\n\n", "\n- %s", "\n  - %s", "\n    1. %s", "\n1. %s", "\n7. %s", "\n3) %s", "\n* %s", "\n** %s", "\n*# %s", "\n- [ ] %s",
		"\n> %s", "\n>> %s\n", "\n\n```\n%s\n```\n", "\n\n    %s\n", "\n~~~\n%s\n", "\n| %s | %s |\n", "\n|---|---|\n", "\n|_. %s |", "|%s", "\n\n---\n%s", "\n===%s", "\n%s\n===\n",
		"[%s](http://a.example/b)", "[%s](/c)", "[%s][d]", "[%s]", "\n\n[d]: http://d.example\n\n", "\"%s\":http://e.example/f", "!p.png(%s)!", "![%s](q.png)", "<http://%s.example/>",
		"http://%s.example/a_b", "<a href=\"http://g.example\">%s</a>", "<img src=\"r.png\" alt=\"%s\">", "<!-- %s -->", "&lt;%s&gt;", "&amp;lt;%s", "\\*%s", "\\\n%s", "  \n%s",
		"==%s==", "<notextile>%s</notextile>", "%%{color:red}%s%%", "{{%s}}", "[[%s]]", "<%s>", "<span style=\"x\">%s</span>", "<u>%s</u> ",
	}
}

// soup draws text full of marks with between among them, and tells the words in it.
func soup(t *rapid.T, between string) (string, []string) {
	var b strings.Builder
	var said []string
	for _, piece := range rapid.SliceOfN(rapid.SampledFrom(pieces()), 1, 14).Draw(t, "pieces") {
		args := make([]any, 0, 2)
		for range strings.Count(strings.ReplaceAll(piece, "%%", ""), "%s") {
			said = append(said, fmt.Sprintf("word%dx", len(said)))
			args = append(args, said[len(said)-1])
		}
		fmt.Fprintf(&b, piece+between, args...)
	}
	return b.String(), said
}

// unseen tells whether nobody is shown the word: it may stand right of a Markdown table's last column; it is
// a comment of HTML or the name of a tag.
func unseen(format, text, word string) bool {
	if format == "markdown" {
		return strings.Contains(text, "|---|")
	}
	return format == "html" && (strings.Contains(text, "<!-- "+word) || strings.Contains(text, "<"+word+">") || strings.Contains(text, "<http://"+word))
}

func TestRead_WordsAreNeverLost(t *testing.T) {
	t.Parallel()
	for _, from := range formats() {
		for _, to := range formats() {
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(t *rapid.T) {
					text, said := soup(t, "")
					written := to.write(from.read(text))
					for _, word := range said {
						if unseen(from.name, text, word) {
							continue
						}
						if !strings.Contains(written, word) {
							t.Fatalf("%s is lost:\n    in %q\n   out %q", word, text, written)
						}
					}
				})
			})
		}
	}
}

func TestWrite_IsStableAfterOnePassOnEveryWay(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *rapid.T, pass func(string) string) {
		text, _ := soup(t, " ")
		once := pass(text)
		if twice := pass(once); twice != once {
			t.Fatalf("not stable\n   in %q\n once %q\ntwice %q", text, once, twice)
		}
	})
}

func TestWrite_MarksGluedToAnAddressSettleInTwoPasses(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *rapid.T, pass func(string) string) {
		text, _ := soup(t, "")
		twice := pass(pass(text))
		if again := pass(twice); again != twice {
			t.Fatalf("not settled\n   in %q\ntwice %q\nagain %q", text, twice, again)
		}
	})
}

// eachWay checks a law for the way through each format and back.
func eachWay(t *testing.T, law func(t *rapid.T, pass func(string) string)) {
	t.Helper()
	for _, own := range formats() {
		for _, other := range formats() {
			t.Run(own.name+" through "+other.name, func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(t *rapid.T) {
					law(t, func(s string) string { return own.write(other.read(other.write(own.read(s)))) })
				})
			})
		}
	}
}

// depthOf is how many blocks stand within each other.
func depthOf(nodes []richtext.Node) int {
	deepest := 0
	for _, n := range nodes {
		deepest = max(deepest, 1+depthOf(n.Children))
	}
	return deepest
}

func TestHTML_OutputHoldsNothingButHarmlessElements(t *testing.T) {
	t.Parallel()
	carriers := []string{
		`<a href="%s">x</a>`, "[x](%s)", "![x](%s)", "<%s>", `"x":%s`, "!%s!", "`%s`", "<ins %s>x</ins>", "```%s\n%s\n```", "|%s|\n|-|\n|%s|", "<img src=%s>", "<pre>%s</pre>", "@%s@", "<!-- %s -->", "%s",
	}
	payloads := []string{
		"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", " javascript:x", "data:text/html,x", "vbscript:x", `https://a"onclick="b`, "https://a'><script>x</script>",
		"//evil.example", "file:///etc/passwd", "<script>x</script>", `"><img src=x onerror=y>`, "&#106;avascript:x", "https:javascript:x", "mailto:a@b.example", "&lt;script&gt;x", "-->&lt;script>",
	}
	for _, from := range formats() {
		for _, carrier := range carriers {
			for _, payload := range payloads {
				text := strings.ReplaceAll(carrier, "%s", payload)
				if harm := harmIn(from.read(text).HTML()); harm != "" {
					t.Errorf("%s: %s in the HTML of %q", from.name, harm, text)
				}
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text, _ := soup(t, "")
		for _, from := range formats() {
			if harm := harmIn(from.read(text).HTML()); harm != "" {
				t.Fatalf("%s: %s in the HTML of %q", from.name, harm, text)
			}
		}
	})
}

// harmIn names what in a page is none of the elements, attributes and addresses that the writer may use.
func harmIn(page string) string {
	elements := strings.Fields("p h1 h2 h3 h4 h5 h6 ul ol li pre code blockquote table tr td th hr br a img em strong del ins sup sub input")
	attributes := strings.Fields("href src alt class start type checked disabled")
	z := html.NewTokenizer(strings.NewReader(page))
	for z.Next() != html.ErrorToken {
		token := z.Token()
		if token.Type == html.TextToken {
			continue
		}
		if !slices.Contains(elements, token.Data) {
			return fmt.Sprintf("element %q", token.Data)
		}
		for _, a := range token.Attr {
			u, err := url.Parse(a.Val)
			address := a.Key == "href" || a.Key == "src"
			if !slices.Contains(attributes, a.Key) || address && (err != nil || !slices.Contains([]string{"http", "https", "ftp", "mailto"}, u.Scheme)) {
				return fmt.Sprintf("attribute %s=%q", a.Key, a.Val)
			}
		}
	}
	return ""
}

func TestRead_AWideRowDoesNotWidenManyNarrowOnes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, format, wide, narrow string }{
		{"textile", "textile", strings.Repeat("|a", 2000) + "|\n", "|b|\n"},
		{"html", "html", "<table><tr>" + strings.Repeat("<td>a", 2000), "<tr><td>b"},
	} {
		i := slices.IndexFunc(formats(), func(f format) bool { return f.name == c.format })
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := c.wide + strings.Repeat(c.narrow, 2000)
			if got := formats()[i].read(text).Plain(); len(got) > 10*len(text) {
				t.Errorf("%d bytes became %d", len(text), len(got))
			}
		})
	}
}

func TestRead_WhatIsTooLongIsKeptAsPlainText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, line string }{
		{"markdown", "**a** `b`"}, {"textile", "*a* @b@"}, {"html", "<b>a</b>"},
	} {
		i := slices.IndexFunc(formats(), func(f format) bool { return f.name == c.name })
		from := formats()[i]
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			fits := strings.Repeat(c.line+"\n\n", (256<<10)/(len(c.line)+2)/8)
			if strings.Contains(from.read(fits).Plain(), c.line) {
				t.Errorf("marks of %d bytes are not read", len(fits))
			}
			long := strings.Repeat(c.line+"\n\n", (256<<10)/len(c.line)+1)
			got := from.read(long).Plain()
			if want := strings.TrimRight(long, "\n"); got != want {
				t.Errorf("%d bytes became %d, starting %.40q, want the text itself", len(long), len(got), got)
			}
		})
	}
}

func TestRead_WhatIsNestedTooDeepKeepsItsWords(t *testing.T) {
	t.Parallel()
	// A list and its item are two nodes of the tree, and within the deepest block stand up to sixteen spans.
	const deepest = 2*16 + 2 + 16 + 2
	nest := func(open, closing string) string {
		return strings.Repeat(open, 60) + "innermost" + strings.Repeat(closing, 60)
	}
	for _, c := range []struct{ name, format, text string }{
		{"quotes", "markdown", nest("> ", "")},
		{"lists", "markdown", nest("- ", "")},
		{"quotes and lists", "markdown", nest("> 1. ", "")},
		{"emphasis", "markdown", nest("*_", "_*")},
		{"quotes of Textile", "textile", nest(">", "")},
		{"lists of Textile", "textile", strings.Repeat("*", 60) + " innermost"},
		{"spans of Textile", "textile", nest("*_", "_*")},
		{"elements", "html", nest("<blockquote>", "</blockquote>")},
		{"lists of HTML", "html", nest("<ul><li>", "</li></ul>")},
		{"tables of HTML", "html", nest("<table><tr><td>", "</td></tr></table>")},
		{"spans of HTML", "html", nest("<b><i><s>", "</s></i></b>")},
	} {
		i := slices.IndexFunc(formats(), func(f format) bool { return f.name == c.format })
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			doc := formats()[i].read(c.text)
			if got := depthOf(doc.Blocks); got > deepest {
				t.Errorf("tree is %d deep, want at most %d", got, deepest)
			}
			for _, to := range formats() {
				if got := to.write(doc); !strings.Contains(got, "innermost") {
					t.Errorf("the word is lost in %s: %q", to.name, got)
				}
			}
		})
	}
}

func TestRead_TakesBytesThatAreNoText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "bytes"))
		for _, from := range formats() {
			for _, to := range formats() {
				got := to.write(from.read(text))
				if !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\x01\x1b\r\x7f") {
					t.Fatalf("%s to %s: %q became %q", from.name, to.name, text, got)
				}
			}
		}
	})
}

func TestRead_WhatCarriesNoWordsIsDropped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, format, text string }{
		{"script", "html", "<p>a</p><script>gone</script>"},
		{"style", "html", "<style>p { gone }</style><p>a</p>"},
		{"comment", "html", "<!-- gone --><p>a</p>"},
		{"head", "html", "<html><head><title>gone</title></head><body>a</body></html>"},
		{"colour and class", "html", `<p class="gone" style="color: gone">a</p>`},
		{"colour of Textile", "textile", "%{color:gone}a%"},
		{"class of Textile", "textile", "p(gone). a"},
		{"title of an element", "html", `<p title="gone">a</p>`},
	} {
		i := slices.IndexFunc(formats(), func(f format) bool { return f.name == c.format })
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff("a", formats()[i].read(c.text).Plain()); diff != "" {
				t.Errorf("text differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRead_WhatOtherFormatsCannotSayKeepsItsWords(t *testing.T) {
	t.Parallel()
	wide := "|" + strings.Repeat(" wide |", 70) + "\n|" + strings.Repeat("---|", 70) + "\n|" + strings.Repeat(" cell |", 70)
	for _, c := range []struct {
		name, format, text string
		words              []string
	}{
		{"a date is no list", "markdown", "12. May is the day", []string{"12. May"}},
		{"numbers of a list", "markdown", "3. c\n4. d", []string{"3. c", "4. d"}},
		{"numbers within a list", "markdown", "- a\n\n  7. g\n  8. h", []string{"7. g", "8. h"}},
		{"a list from nought", "markdown", "0. null", []string{"0. null"}},
		{"a list of HTML", "html", `<ol start="12"><li>May</li></ol>`, []string{"12. May"}},
		{"a table as wide as its header", "markdown", "| a | b |\n|---|---|\n| first | second |", []string{"first", "second"}},
		{"a very wide table", "markdown", wide, []string{"wide", "cell"}},
		{"a very wide table of HTML", "html", "<table><tr>" + strings.Repeat("<td>wide</td>", 70) + "</tr></table>", []string{"wide"}},
		{"title of a link", "markdown", `[a](http://b.example "the title")`, []string{"the title", "http://b.example"}},
		{"title of a picture", "markdown", `![a](http://b.example "the title")`, []string{"the title", "http://b.example"}},
		{"title of a reference", "markdown", "[a][1]\n\n[1]: http://b.example 'the title'", []string{"the title"}},
		{"command beside a fence", "markdown", "```make clean all\nrun\n```", []string{"clean all", "run"}},
		{"source of a quote", "textile", "bq.:http://b.example said", []string{"said", "b.example"}},
	} {
		i := slices.IndexFunc(formats(), func(f format) bool { return f.name == c.format })
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			doc := formats()[i].read(c.text)
			for _, to := range formats() {
				// Read again, since each format says a list in its own way.
				got := to.read(to.write(doc)).Markdown()
				for _, word := range c.words {
					if !strings.Contains(strings.ReplaceAll(got, `\`, ""), word) {
						t.Errorf("%q is lost in %s: %q", word, to.name, to.write(doc))
					}
				}
			}
		})
	}
}

func TestWrite_APictureWithoutAnAddressIsItsWords(t *testing.T) {
	t.Parallel()
	for _, to := range formats() {
		if got := to.read(to.write(richtext.FromMarkdown("![the words]()"))).Plain(); got != "the words" {
			t.Errorf("%s: %q, want the words alone", to.name, got)
		}
	}
}

func TestMarkdown_AListKeepsItsFirstNumber(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"12. May", "0. a\n1. b", "- a\n\n  7. g\n  8. h", "> 3. c"} {
		if got := richtext.FromMarkdown(text).Markdown(); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// TestMarkdown_TimeGrowsWithTheLengthOfALineOnly: some editors put a whole text into
// one.
func TestMarkdown_TimeGrowsWithTheLengthOfALineOnly(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("all work and no play ", 10_000)
	began := time.Now()
	got := richtext.FromMarkdown(line).Plain()
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("a line of %d bytes took %v", len(line), took)
	}
	if got != strings.TrimSpace(line) {
		t.Error("the words changed")
	}
}
