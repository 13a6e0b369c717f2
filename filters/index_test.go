package filters_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/filters"
	"parley/sync/event"
)

// indexed are scopes that begin with a comparison, unindexed those that must be asked.
func indexed() []string {
	return []string{
		`issue.project == "SUP"`,
		`"OPS" == issue.project`,
		`issue.project == vars.project and issue.status == "Open"`,
		`issue.project == "OPS" and (issue.status == "Open" or true)`,
		`issue.fields["Points"] == 8`,
		`issue.fields["Points"] == vars.limit and true`,
		`issue.status == "Done"`,
		`(issue.status == "Open" and issue.priority == "High") and issue.project == "SUP"`,
	}
}

func unindexed() []string {
	return []string{
		"true",
		`issue.project == "SUP" or issue.project == "OPS"`,
		`not (issue.project == "SUP")`,
		`issue.project != "SUP"`,
		`issue.fields["Points"] + 1 > 3 and issue.project == "SUP"`,
		`issue.status in ["Open"]`,
		`issue.project == issue.status`,
		`issue.key == "SUP-1"`,
		`issue.description == "x"`,
		`issue.project == nil`,
		`issue.labels == nil or true`,
		`issue.summary == "Printer on fire" == true`,
	}
}

func compileScopes(t *testing.T, sources []string) []*filters.Scope {
	t.Helper()
	var all []*filters.Scope
	for _, src := range sources {
		s, err := filters.CompileScope(src, sampleEnv())
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		all = append(all, s)
	}
	return all
}

func TestIndex_LeavesOutOnlyScopesThatSurelyDoNotMatch(t *testing.T) {
	t.Parallel()
	sources := slices.Concat(indexed(), unindexed())
	scopes := compileScopes(t, sources)
	index := filters.NewIndex(scopes)
	values := map[string][]any{
		"project": {"SUP", "OPS", "sup", "", nil, 3.0, []any{"SUP"}}, "status": {"Open", "Done", nil, map[string]any{}},
		"priority": {"High"}, "fields.Points": {8.0, 3.0, 3, int64(8), "8", nil}, "summary": {"Printer on fire"},
	}
	for _, field := range []string{"project", "status", "fields.Points"} {
		for _, v := range values[field] {
			issue := filters.Ours{Key: "SUP-1", Fields: event.Fields{
				"project": "SUP", "status": "Open", "priority": "High", "fields.Points": 8.0, "summary": "Printer on fire",
			}}
			issue.Fields[field] = v
			found := index.Candidates(issue)
			for i, s := range scopes {
				match, _ := s.Match(t.Context(), issue, sampleContext())
				if match && !slices.Contains(found, i) {
					t.Errorf("%s = %v: %s matches and is left out", field, v, sources[i])
				}
			}
		}
	}
}

// The tracker may answer anything; each scope then says what is wrong with it.
func TestIndex_AValueThatDoesNotFitItsFieldIsLeftToTheScopes(t *testing.T) {
	t.Parallel()
	scopes := compileScopes(t, []string{`issue.project == "SUP"`, `issue.project == "OPS"`, `issue.status == "Open"`})
	got := filters.NewIndex(scopes).Candidates(filters.Ours{Fields: event.Fields{"project": 3.0, "status": "Done"}})
	if diff := cmp.Diff([]int{0, 1}, got); diff != "" {
		t.Errorf("candidates (-want +got):\n%s", diff)
	}
}

func TestIndex_ACustomersTicketIsAskedOfItsScopesOnly(t *testing.T) {
	t.Parallel()
	sources := indexed()
	for i := range 1000 {
		sources = append(sources, fmt.Sprintf(`issue.project == "CUST-%d" and issue.labels != nil`, i))
	}
	scopes := append(compileScopes(t, sources), nil) // one whose rules are not known
	index := filters.NewIndex(scopes)
	for project, want := range map[string][]int{
		"CUST-7": {4, len(indexed()) + 7, len(scopes) - 1},
		"OPS":    {1, 3, 4, len(scopes) - 1},
	} {
		issue := filters.Ours{Fields: event.Fields{"project": project, "fields.Points": 8.0}}
		if diff := cmp.Diff(want, index.Candidates(issue)); diff != "" {
			t.Errorf("candidates of %s (-want +got):\n%s", project, diff)
		}
	}
}
