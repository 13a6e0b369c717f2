package filters_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"parley/filters"
)

func doc(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "docs", "filters", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// The scripts of the guide compile, and its table is read.
func TestGuide_ShowsWhatWorks(t *testing.T) {
	t.Parallel()
	text := doc(t, "README.md")
	env := sampleEnv()
	found := map[string]int{}
	for _, m := range regexp.MustCompile("(?s)```([a-z ]+)\n(.*?)```").FindAllStringSubmatch(text, -1) {
		var err error
		switch found[m[1]]++; m[1] {
		case "parley outgoing":
			_, err = filters.CompileOutgoing(m[2], env)
		case "parley incoming":
			_, err = filters.CompileIncoming(m[2], env)
		case "parley scope":
			_, err = filters.CompileScope(m[2], env)
		case "yaml":
			if strings.HasPrefix(m[2], "policy") {
				_, err = filters.ParseTable([]byte(m[2]))
			}
		}
		if err != nil {
			t.Errorf("%s:\n%v", m[1], err)
		}
	}
	if found["parley outgoing"] != 2 || found["parley incoming"] != 2 || found["parley scope"] != 1 || found["yaml"] != 2 {
		t.Errorf("the guide shows %v", found)
	}
	shown := regexp.MustCompile(`(?s)lists every mistake at once:\n\n` + "```\n(.*?)\n```").FindStringSubmatch(text)
	_, err := filters.CompileIncoming("\n\nissue.summary = upper(replica.sumary)", env)
	if shown == nil || shown[1] != err.Error() {
		t.Errorf("the guide shows\n%v\nand it is\n%v", shown, err)
	}
}
