package parley_test

import (
	"go/ast"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// testsLine is one line of tests in docs/promises.md: - `package`: `TestX`, `FuzzY`
	testsLine = regexp.MustCompile("^- `([a-z0-9/]+)`: (.+)$")
	testName  = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`")
	anyTest   = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z][A-Za-z0-9]*_[A-Za-z0-9_]+`)
	promise   = regexp.MustCompile(`(?m)^## \d+\. `)
	link      = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	codeSpan  = regexp.MustCompile("`` .*? ``|`[^`]*`")
	packageIn = regexp.MustCompile("(?m)^\\| `([a-z0-9/]+)` \\|")
	heading   = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

// promises is how many there are.
const promises = 10

func TestDocs_EveryTestThatAPromiseNamesExists(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{}
	for _, f := range source(t) {
		for _, name := range testsOf(f) {
			tests[f.pkg+" "+name] = true
		}
	}
	text := readText(t, "docs/promises.md")
	for _, problem := range wrongTests(text, tests) {
		t.Error("docs/promises.md: " + problem)
	}
	sections := promise.Split(text, -1)[1:]
	if len(sections) != promises {
		t.Fatalf("docs/promises.md has %d promises, want %d", len(sections), promises)
	}
	for _, section := range sections {
		if title, _, _ := strings.Cut(section, "\n"); !testName.MatchString(section) || !strings.Contains(section, "Unproven:") {
			t.Errorf("promise %q: it needs tests, and a line that says what is unproven", title)
		}
	}
}

// otherPages name tests outside of the lists of promises.
var otherPages = []string{"docs/compliance.md", "docs/security.md"}

func TestDocs_EveryTestThatAnotherPageNamesExists(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for _, f := range source(t) {
		for _, name := range testsOf(f) {
			there[name] = true
		}
	}
	for _, page := range otherPages {
		raw, err := os.ReadFile(filepath.FromSlash(page))
		if err != nil {
			if !os.IsNotExist(err) {
				t.Error(err)
			}
			continue
		}
		for _, m := range testName.FindAllStringSubmatch(string(raw), -1) {
			if !there[m[1]] {
				t.Errorf("%s: there is no test %s", page, m[1])
			}
		}
	}
}

// testsOf names the tests and fuzz tests of a file.
func testsOf(f sourceFile) []string {
	var names []string
	for _, decl := range f.ast.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && f.test && fn.Recv == nil {
			names = append(names, fn.Name.Name)
		}
	}
	return names
}

// wrongTests finds names in text that are no tests; tests holds "package name".
func wrongTests(text string, tests map[string]bool) []string {
	var problems []string
	for line := range strings.Lines(text) {
		m := testsLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			for _, name := range anyTest.FindAllString(line, -1) {
				problems = append(problems, name+" stands outside of a line of tests: - `package`: `"+name+"`")
			}
			continue
		}
		for _, name := range testName.FindAllStringSubmatch(m[2], -1) {
			if !tests[m[1]+" "+name[1]] {
				problems = append(problems, "there is no "+name[1]+" in "+m[1])
			}
		}
	}
	return problems
}

func TestDocs_EveryLinkLeadsSomewhere(t *testing.T) {
	t.Parallel()
	count := 0
	for _, name := range documents(t) {
		for _, to := range links(readText(t, name)) {
			count++
			if problem := deadLink(t, name, to); problem != "" {
				t.Errorf("%s: %s", name, problem)
			}
		}
	}
	if count == 0 {
		t.Error("no document links to anything")
	}
}

// documents are all Markdown files outside of testdata.
func documents(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		case filepath.Ext(name) == ".md":
			names = append(names, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatalf("look for documents: %v", err)
	}
	return names
}

// links are the targets of a document's links, those in code left out.
func links(text string) []string {
	var targets []string
	code := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			code = !code
		}
		if code {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(codeSpan.ReplaceAllString(line, "code"), -1) {
			targets = append(targets, m[1])
		}
	}
	return targets
}

// deadLink says what is wrong with a relative link, or "".
func deadLink(t *testing.T, from, to string) string {
	t.Helper()
	if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
		return ""
	}
	name, anchor, _ := strings.Cut(to, "#")
	target := from
	if name != "" {
		target = path.Join(path.Dir(from), name)
	}
	if _, err := os.Stat(filepath.FromSlash(target)); err != nil {
		return "the link to " + to + " leads nowhere"
	}
	if anchor != "" && path.Ext(target) == ".md" && !slices.Contains(anchors(readText(t, target)), anchor) {
		return "the link to " + to + " names no heading"
	}
	return ""
}

// anchors are the headings of a document, as links write them.
func anchors(text string) []string {
	var names []string
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 0x7f:
				return r
			}
			return -1
		}, strings.ToLower(m[1]))
		names = append(names, name)
	}
	return names
}

func TestDocs_LayoutNamesEveryPackage(t *testing.T) {
	t.Parallel()
	exists := map[string]bool{}
	for _, f := range source(t) {
		exists[f.pkg] = f.pkg != "."
	}
	text := readText(t, "docs/ARCHITECTURE.md")
	_, rest, _ := strings.Cut(text, "\n## Layout\n")
	layout, _, _ := strings.Cut(rest, "\n## ")
	listed := map[string]bool{}
	for _, m := range packageIn.FindAllStringSubmatch(layout, -1) {
		listed[m[1]] = true
		if !exists[m[1]] {
			t.Errorf("docs/ARCHITECTURE.md lists %s, which is no package", m[1])
		}
	}
	for pkg, is := range exists {
		if is && !listed[pkg] {
			t.Errorf("docs/ARCHITECTURE.md, Layout, lacks package %s", pkg)
		}
	}
}

func TestDocs_ChecksBite(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{"sync/flow TestPoll_X": true}
	for text, want := range map[string]int{
		"- `sync/flow`: `TestPoll_X`\n":               0,
		"- `sync/flow`: `TestPoll_Y`, `TestPoll_X`\n": 1,
		"- `sync/work`: `TestPoll_X`\n":               1,
		"TestPoll_X holds that.\n":                    1,
	} {
		if got := wrongTests(text, tests); len(got) != want {
			t.Errorf("%q gave %q, want %d problems", text, got, want)
		}
	}
	for to, dead := range map[string]bool{
		"https://example.com": false, "CONTRIBUTING.md": false, "docs/": false, "#parley": false,
		"nowhere.md": true, "CONTRIBUTING.md#nothing-like-that": true,
	} {
		if got := deadLink(t, "README.md", to); (got != "") != dead {
			t.Errorf("a link to %s gave %q, want dead %v", to, got, dead)
		}
	}
	if got := links("[a](b)\n```\n[c](d)\n```\n[e](f#g)\n"); !slices.Equal(got, []string{"b", "f#g"}) {
		t.Errorf("links are %q", got)
	}
}
