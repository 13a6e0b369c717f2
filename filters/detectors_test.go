package filters_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"parley/filters"
	"parley/sync/event"
)

// example is a line of the corpus.
type example struct{ kind, text string }

// corpus reads testdata/detectors: kind, tab, text. What would look like a real
// secret to who searches a repository for some stands there as a recipe, and is
// made here: {alnum:36} are 36 letters and digits.
func corpus(t *testing.T, name string) []example {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "detectors", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []example
	random := rand.New(rand.NewPCG(5, 5))
	for lines := bufio.NewScanner(f); lines.Scan(); {
		kind, text, ok := strings.Cut(lines.Text(), "\t")
		if !ok {
			t.Fatalf("%s: %q has no tab", name, lines.Text())
		}
		if kind == "secret" {
			text = made(random, text)
		}
		all = append(all, example{kind, text})
	}
	return all
}

func made(random *rand.Rand, recipe string) string {
	const upper, lower, digit = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789"
	letters := map[string]string{
		"upper": upper + digit, "alnum": upper + lower + digit, "digit": digit, "hex": digit + "abcdef", "b64": upper + lower + digit + "+/",
		"base32": upper + "234567",
	}
	recipe = strings.NewReplacer(`\n`, "\n", `\"`, `"`).Replace(recipe)
	return regexp.MustCompile(`\{([a-z0-9]+):([0-9]+)\}`).ReplaceAllStringFunc(recipe, func(part string) string {
		name, size, _ := strings.Cut(strings.Trim(part, "{}"), ":")
		n, _ := strconv.Atoi(size)
		var b strings.Builder
		for range n {
			b.WriteByte(letters[name][random.IntN(len(letters[name]))])
		}
		return b.String()
	})
}

// finds tells whether the gate, asked for one detector only, finds something.
func finds(detector, text string) bool {
	gate := filters.Egress{Hosts: []string{"acme.example"}, Detect: map[string]filters.Action{}}
	for _, name := range filters.Detectors() {
		gate.Detect[name] = filters.ActionPass
	}
	gate.Detect[detector] = filters.ActionAsk
	return len(gate.Scan(&event.ChangeBody{Fields: event.Fields{"summary": text}})) > 0
}

// guarded are the kinds for which the figures are promised.
var guarded = map[string]bool{"card": true, "iban": true, "secret": true, "email": true}

// TestDetectors_FindWhatIsThereAndLittleElse: of every hundred cards, accounts,
// keys and addresses 97 are found, and of what is found 95 are.
func TestDetectors_FindWhatIsThereAndLittleElse(t *testing.T) {
	t.Parallel()
	yes, no := corpus(t, "true.tsv"), corpus(t, "false.tsv")
	if len(yes) < 400 || len(no) < 400 {
		t.Fatalf("the corpus has %d true and %d false examples", len(yes), len(no))
	}
	var table strings.Builder
	for _, name := range filters.Detectors() {
		there, found, wrong := 0, 0, 0
		for _, e := range yes {
			if e.kind != name {
				continue
			}
			if there++; finds(name, e.text) {
				found++
			} else {
				t.Logf("%s misses %q", name, e.text)
			}
		}
		for _, e := range no {
			if finds(name, e.text) {
				wrong++
				t.Logf("%s finds %s %q", name, e.kind, e.text)
			}
		}
		recall, precision := float64(found)/float64(there), float64(found)/float64(found+wrong)
		fmt.Fprintf(&table, "| `%s` | %s | %d | %d | %.3f | %d of %d | %.3f |\n", name, filters.DefaultAction(name), there, found, recall, wrong, len(no), precision)
		if guarded[name] && (recall < 0.97 || precision < 0.95) {
			t.Errorf("%s: recall %.3f, precision %.3f: want 0.97 and 0.95", name, recall, precision)
		}
		if recall < 0.9 || precision < 0.85 {
			t.Errorf("%s: recall %.3f, precision %.3f", name, recall, precision)
		}
	}
	tableInDocs(t, table.String())
}

// tableInDocs holds the figures of the documents to those that were measured.
func tableInDocs(t *testing.T, rows string) {
	t.Helper()
	const begin, end = "<!-- figures -->\n", "<!-- /figures -->"
	path := filepath.Join("..", "docs", "filters", "detectors.md")
	text := doc(t, "detectors.md")
	before, rest, ok := strings.Cut(text, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the figures", path)
	}
	want := before + begin + "| Detector | By default | Examples | Found | Recall | False alarms | Precision |\n|---|---|---|---|---|---|---|\n" + rows + end + after
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if text != want {
		t.Errorf("the figures in %s are others: run with UPDATE=1", path)
	}
}
