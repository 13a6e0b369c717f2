package richtext_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"parley/adapters/richtext"
)

// document is one of testdata/corpus: its folder is its format.
type document struct {
	name   string
	from   format
	source string
}

func corpus(t testing.TB) []document {
	t.Helper()
	var out []document
	for _, from := range six() {
		files, err := filepath.Glob(filepath.Join("testdata", "corpus", from.name, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			source, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(filepath.Base(f), filepath.Ext(f))
			out = append(out, document{from.name + "/" + name, from, string(source)})
		}
	}
	return out
}

func (d document) read() richtext.Doc { return d.from.read(d.source) }

// eachDocument runs a test for each document, side by side.
func eachDocument(t *testing.T, check func(t *testing.T, d document)) {
	t.Helper()
	for _, d := range corpus(t) {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			check(t, d)
		})
	}
}

func TestCorpus_IsLargeAndOfEveryFormat(t *testing.T) {
	t.Parallel()
	of := map[string]int{}
	all := corpus(t)
	for _, d := range all {
		of[d.from.name]++
	}
	if len(all) < 150 || len(of) != 6 {
		t.Errorf("%d documents of %v, want 150 of six formats", len(all), of)
	}
	for _, has := range []string{
		"code", "table", "lists-nested", "task-list", "images", "mentions", "colours", "emoji", "right-to-left", "links-odd", "quote", "headings", "hard-breaks", "empty", "hostile", "deep", "entities", "combined-marks",
	} {
		if !slices.ContainsFunc(all, func(d document) bool { return strings.Contains(d.name, has) }) {
			t.Errorf("no document has %s", has)
		}
	}
}

// TestCorpus_HasEveryIngredientOften: what a document holds is counted in what it says, not in
// its name, each as often as stands here at least.
func TestCorpus_HasEveryIngredientOften(t *testing.T) {
	t.Parallel()
	has := func(found func(n, parent richtext.Node) bool) func(document) bool {
		c := construct{found: func(n, parent richtext.Node, _ int) bool { return found(n, parent) }}
		return func(d document) bool { return c.count(d.read().Blocks, richtext.Node{}, 0) > 0 }
	}
	says := func(pattern string) func(document) bool {
		p := regexp.MustCompile(pattern)
		return func(d document) bool { return p.MatchString(d.source) }
	}
	for _, c := range []struct {
		name  string
		least int
		in    func(document) bool
	}{
		{"code", 22, has(func(n, _ richtext.Node) bool { return n.Kind == richtext.CodeBlock })},
		{"code in a line", 20, has(func(n, _ richtext.Node) bool { return n.Kind == richtext.Code })},
		{"tables", 20, has(func(n, _ richtext.Node) bool { return n.Kind == richtext.Table })},
		{"nested lists", 15, has(func(n, parent richtext.Node) bool { return n.Kind == richtext.List && parent.Kind == richtext.Item })},
		{"task lists", 9, has(func(n, _ richtext.Node) bool { return n.Task != richtext.NoTask })},
		{"images", 15, has(func(n, _ richtext.Node) bool { return n.Kind == richtext.Image })},
		{"mentions", 15, says(`(?m)(?:^|[\s(>])@[A-Za-z]\w+|\[~\w+|"type": "mention"|data-vss-mention`)},
		{"colours", 7, says(`(?i)colou?r[:="]|\{color`)},
		{"emoji", 9, says(`[\x{1F300}-\x{1FAFF}\x{2600}-\x{27BF}]`)},
		{"right-to-left text", 8, says(`[\x{0590}-\x{08FF}]|\\u0[56][0-9a-f]{2}`)},
		{"quick actions", 6, says(`(?m)(?:^|>|")/(?:close|assign)`)},
		{"formulas", 9, says(`(?m)^[=+@-][A-Za-z0-9+]+.*[|(]`)},
	} {
		n := 0
		for _, d := range corpus(t) {
			if c.in(d) {
				n++
			}
		}
		if n < c.least {
			t.Errorf("%d documents have %s, want %d", n, c.name, c.least)
		}
		t.Logf("%s: %d", c.name, n)
	}
}

func TestCorpus_WritingWhatWasReadIsStableInEveryFormat(t *testing.T) {
	t.Parallel()
	eachDocument(t, func(t *testing.T, d document) {
		for _, to := range six() {
			once := to.write(d.read())
			if twice := to.write(to.read(once)); twice != once {
				t.Errorf("%s: not stable\n   in %q\n once %q\ntwice %q", to.name, d.source, once, twice)
			}
		}
	})
}

func TestCorpus_TheWayThroughAnotherFormatIsStableAfterOnePass(t *testing.T) {
	t.Parallel()
	eachDocument(t, func(t *testing.T, d document) {
		for _, other := range six() {
			pass := func(s string) string {
				return d.from.write(other.read(other.write(d.from.read(s))))
			}
			once := pass(d.source)
			if twice := pass(once); twice != once {
				t.Errorf("through %s: not stable\n   in %q\n once %q\ntwice %q", other.name, d.source, once, twice)
			}
		}
	})
}

// TestCorpus_NoWordIsLostBetweenAnyTwoFormats: 36 ways there, and as many back.
func TestCorpus_NoWordIsLostBetweenAnyTwoFormats(t *testing.T) {
	t.Parallel()
	eachDocument(t, func(t *testing.T, d document) {
		want := wordsOf(d.read().Plain())
		for _, by := range six() {
			there := by.read(by.write(d.read()))
			if lost := lacking(want, wordsOf(there.Plain())); len(lost) > 0 {
				t.Errorf("by way of %s, %q is lost\n   in %q\nthere %q", by.name, lost, d.source, by.write(d.read()))
			}
			for _, to := range six() {
				if lost := lacking(want, wordsOf(to.read(to.write(there)).Plain())); len(lost) > 0 {
					t.Errorf("by way of %s to %s, %q is lost\n   in %q\nthere %q", by.name, to.name, lost, d.source, to.write(there))
				}
			}
		}
	})
}

// TestCorpus_NoWordIsLostInReading looks for words without the readers.
func TestCorpus_NoWordIsLostInReading(t *testing.T) {
	t.Parallel()
	eachDocument(t, func(t *testing.T, d document) {
		said := saidIn(t, d)
		plain := d.read().Plain()
		for _, word := range said {
			if !strings.Contains(plain, word) {
				t.Errorf("%q is lost\n   in %q\nplain %q", word, d.source, plain)
			}
		}
	})
}

func TestCorpus_NothingDangerousIsLive(t *testing.T) {
	t.Parallel()
	eachDocument(t, func(t *testing.T, d document) {
		for _, to := range six() {
			if live := dangerIn(t, to.name, to.write(d.read())); live != "" {
				t.Errorf("%s: %q is live", to.name, live)
			}
		}
		if harm := harmIn(d.read().HTML()); harm != "" {
			t.Errorf("%s in the HTML", harm)
		}
	})
}

// TestCorpus_ReadsAsMarkdown: testdata/golden has what each document is in the form that texts have between
// trackers. UPDATE=1 writes it.
func TestCorpus_ReadsAsMarkdown(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, d := range corpus(t) {
		got[d.from.name] += "==== " + d.name + "\n" + d.read().Markdown() + "\n"
	}
	for _, from := range six() {
		name := filepath.Join("testdata", "golden", from.name+".txt")
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(name, []byte(got[from.name]), 0o644); err != nil { //nolint:gosec // a file of the source
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got[from.name]); diff != "" {
			t.Errorf("%s reads otherwise (-want +got); if it is meant, run this with UPDATE=1:\n%s", from.name, diff)
		}
	}
}

// wordsOf are the runs of letters and digits.
func wordsOf(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) })
}

// lacking are those of want that got has not, or has less often.
func lacking(want, got []string) []string {
	has := map[string]int{}
	for _, w := range got {
		has[w]++
	}
	var out []string
	for _, w := range want {
		if has[w]--; has[w] < 0 {
			out = append(out, w)
		}
	}
	return out
}

// saidIn are the words that a person sees of a document in its own program, or would lack.
func saidIn(t *testing.T, d document) []string {
	t.Helper()
	switch d.from.name {
	case "html":
		return wordsOf(saidInHTML(t, d.source))
	case "adf":
		var tree any
		if err := json.Unmarshal([]byte(d.source), &tree); err != nil {
			if d.source == "" {
				return nil
			}
			t.Fatal(err)
		}
		var words []string
		saidInADF(tree, &words)
		return words
	}
	markup := markupOf()[d.from.name]
	return wordsOf(markup.ReplaceAllString(html.UnescapeString(strings.ToValidUTF8(d.source, " ")), " "))
}

// markupOf are the words of a format itself: the names of its macros, languages and styles.
func markupOf() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"plain":    regexp.MustCompile(`$^`),
		"markdown": regexp.MustCompile("(?m)^ *(?:```+|~~~)[a-z]*|^\\d+[.)] |^ *\\d+[.)] |\\[[ x]\\]|<br>|</?(?:ins|sup|sub)>|\\[(?:r|d|unused)\\]:|\\[ref\\]\\[r\\]"),
		"wiki": regexp.MustCompile(`(?m)^(?:h[1-6]|bq)\. |\{(?:code|noformat|quote|panel|color)(?::(?:java|[a-z]+|#\w+))?\}|\{code:title=|title=|\|language=java|\|borderStyle=\w+|\[[ x]\] |\|(?:thumbnail|width=\d+)!|!gauge.png\|width=300,alt=|alt=|accountid:` +
			`|\|tip words`),
		"textile": regexp.MustCompile(`(?m)^(?:h[1-6]|bq|p)[^ ]*\. |^bq\.:|^(?:fn1|bc|pre)\b|</?(?:pre|code|kbd|notextile)[^>]*>|\{color:\w+\}|%\(cls\)|\(cls\)\.|\[[ xX]\]|^table|\|[\\/]2\.|javascript:|data:`),
	}
}

func saidInHTML(t *testing.T, source string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && slices.Contains([]string{"script", "style", "template", "head"}, n.Data) {
			return
		}
		if n.Type == html.TextNode {
			b.WriteString(n.Data + " ")
		}
		for _, a := range n.Attr {
			if slices.Contains([]string{"alt", "value"}, a.Key) || slices.Contains([]string{"href", "src", "data"}, a.Key) && strings.Contains(a.Val, "http") {
				b.WriteString(" " + a.Val + " ")
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(root)
	return b.String()
}

// controls are characters that no person sees.
var controls = regexp.MustCompile("[\x00-\x08\x0e-\x1f\x7f]")

func saidInADF(v any, words *[]string) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			s, ok := value.(string)
			if ok && slices.Contains([]string{"text", "alt", "title", "url", "href", "name", "extensionKey", "label"}, key) {
				*words = append(*words, wordsOf(controls.ReplaceAllString(s, ""))...)
			}
			saidInADF(value, words)
		}
	case []any:
		for _, value := range v {
			saidInADF(value, words)
		}
	}
}
