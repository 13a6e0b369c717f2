package parley_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dependency is one row of docs/dependencies.md.
type dependency struct {
	version, licence, reason string
	importers                []string
}

var (
	requireLine = regexp.MustCompile(`(?m)^(?:require)?\s+([a-z0-9.-]+\.[a-z]+/\S+) (v\S+)( // indirect)?$`)
	tableRow    = regexp.MustCompile(`(?m)^\| ([a-z0-9.-]+\.[a-z]+/\S+) \| (\S+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$`)
)

// required returns the versions of go.mod, and which modules it says are direct.
func required(t *testing.T) (versions map[string]string, direct map[string]bool) {
	t.Helper()
	versions, direct = map[string]string{}, map[string]bool{}
	for _, m := range requireLine.FindAllStringSubmatch(readText(t, "go.mod"), -1) {
		versions[m[1]] = m[2]
		direct[m[1]] = m[3] == ""
	}
	if len(versions) == 0 {
		t.Fatal("go.mod requires nothing")
	}
	return versions, direct
}

// documented returns the rows of docs/dependencies.md.
func documented(t *testing.T) map[string]dependency {
	t.Helper()
	rows := map[string]dependency{}
	for _, m := range tableRow.FindAllStringSubmatch(readText(t, "docs/dependencies.md"), -1) {
		if _, twice := rows[m[1]]; twice {
			t.Errorf("docs/dependencies.md has two rows of %s", m[1])
		}
		rows[m[1]] = dependency{m[2], strings.TrimSpace(m[3]), strings.TrimSpace(m[4]), strings.Split(strings.TrimSpace(m[5]), ", ")}
	}
	if len(rows) == 0 {
		t.Fatal("docs/dependencies.md has no rows")
	}
	return rows
}

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// imported returns which files import each module of go.mod.
func imported(t *testing.T, versions map[string]string) map[string][]sourceFile {
	t.Helper()
	by := map[string][]sourceFile{}
	for _, f := range source(t) {
		modules := map[string]bool{}
		for _, p := range f.imports() {
			longest := ""
			for m := range versions {
				if (p == m || strings.HasPrefix(p, m+"/")) && len(m) > len(longest) {
					longest = m
				}
			}
			if longest != "" {
				modules[longest] = true
			}
		}
		for m := range modules {
			by[m] = append(by[m], f)
		}
	}
	return by
}

func TestDependencies_TableIsComplete(t *testing.T) {
	t.Parallel()
	versions, direct := required(t)
	rows := documented(t)
	by := imported(t, versions)
	for _, m := range slices.Sorted(maps.Keys(versions)) {
		if row, ok := rows[m]; ok && row.version != versions[m] {
			t.Errorf("%s: docs/dependencies.md says %s, go.mod %s", m, row.version, versions[m])
		} else if !ok && (direct[m] || len(by[m]) > 0) {
			t.Errorf("docs/dependencies.md lacks: | %s | %s | LICENCE | WHY | %s |", m, versions[m], importers(by[m]))
		}
	}
	for _, m := range slices.Sorted(maps.Keys(rows)) {
		if versions[m] == "" {
			t.Errorf("docs/dependencies.md has %s, go.mod has not", m)
		} else if len(by[m]) == 0 {
			t.Errorf("nothing imports %s: take it out of docs/dependencies.md", m)
		}
	}
}

func TestDependencies_AreImportedWhereTheTableSays(t *testing.T) {
	t.Parallel()
	versions, _ := required(t)
	rows := documented(t)
	for m, files := range imported(t, versions) {
		for _, f := range files {
			if row, ok := rows[m]; ok && !f.test && !within(f.pkg, testOnly) && !within(f.pkg, row.importers) {
				t.Errorf("%s imports %s, docs/dependencies.md has it for %s", f.path, m, strings.Join(row.importers, ", "))
			}
		}
		for _, pattern := range rows[m].importers {
			used := slices.ContainsFunc(files, func(f sourceFile) bool { return pattern == "tests" || within(f.pkg, []string{pattern}) })
			if !used {
				t.Errorf("docs/dependencies.md: %s is not imported by %s", m, pattern)
			}
		}
	}
}

// importers lists the packages of files for a row.
func importers(files []sourceFile) string {
	var packages []string
	for _, f := range files {
		if !f.test {
			packages = append(packages, f.pkg)
		}
	}
	slices.Sort(packages)
	if packages = slices.Compact(packages); len(packages) == 0 {
		return "tests"
	}
	return strings.Join(packages, ", ")
}
