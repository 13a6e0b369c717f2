package filters_test

import (
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"parley/filters"
	"parley/sync/event"
)

var (
	section  = regexp.MustCompile(`(?m)^### ([a-z-]+)$`)
	fenced   = regexp.MustCompile("(?s)```parley ([a-z ]+)\n(.*?)```")
	repeated = regexp.MustCompile(`⟨([^⟩]+)⟩×(\d+) ?`)
)

// allCodes are the codes that problem.go declares.
func allCodes(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile("problem.go")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile(`Code = "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1) {
		out = append(out, m[1])
	}
	if len(out) < 30 {
		t.Fatalf("found %d codes in problem.go", len(out))
	}
	return out
}

// pageProblems are the problems of one example of the page.
func pageProblems(t *testing.T, info, src string) filters.Problems {
	t.Helper()
	src = repeated.ReplaceAllStringFunc(src, func(s string) string {
		m := repeated.FindStringSubmatch(s)
		n, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		return strings.Repeat(m[1], n)
	})
	env := sampleEnv()
	kind, flag, _ := strings.Cut(info, " ")
	switch flag {
	case "badvar":
		env.Vars["odd"] = map[string]any{}
	case "silent":
		env.Schema.Comments = false
	case "peer":
		env.Peer = event.Schema{Fields: map[string]event.Field{"summary": {Type: event.TypeText}}}
	}
	var list filters.Problems
	compiled := func(warnings func() filters.Problems, err error) {
		if err == nil {
			list = warnings()
		} else if !errors.As(err, &list) {
			t.Fatal(err)
		}
	}
	switch kind {
	case "outgoing":
		f, err := filters.CompileOutgoing(src, env)
		compiled(f.Warnings, err)
	case "incoming":
		f, err := filters.CompileIncoming(src, env)
		compiled(f.Warnings, err)
	case "pair":
		out, in, _ := strings.Cut(src, "---\n")
		list = filters.RoundTrip(t.Context(), outgoing(t, out, env), incoming(t, in, env), env.Schema, sampleContext())
	default:
		t.Fatalf("what is a %s?", kind)
	}
	return list
}

func TestProblems_EachCodeHasASectionWhoseExamplesGiveIt(t *testing.T) {
	t.Parallel()
	text := doc(t, "problems.md")
	heads := section.FindAllStringSubmatchIndex(text, -1)
	known := map[string]bool{}
	for _, code := range allCodes(t) {
		known[code] = false
	}
	for i, at := range heads {
		code := text[at[2]:at[3]]
		if _, ok := known[code]; !ok {
			t.Errorf("problems.md has a section for %s, which is no code", code)
		}
		known[code] = true
		end := len(text)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		body := text[at[1]:end]
		examples := fenced.FindAllStringSubmatch(body, -1)
		if len(examples) == 0 {
			t.Errorf("%s has no example", code)
		}
		for _, one := range examples {
			list := pageProblems(t, one[1], one[2])
			if len(list) != 1 || string(list[0].Code) != code {
				t.Errorf("the example of %s gives\n%v", code, list)
				continue
			}
			kind := "Error."
			if list[0].Warning {
				kind = "Warning."
			}
			if !strings.HasPrefix(strings.TrimSpace(body), kind) {
				t.Errorf("%s does not begin with %q", code, kind)
			}
		}
	}
	for code, there := range known {
		if !there {
			t.Errorf("problems.md does not explain %s", code)
		}
	}
}
