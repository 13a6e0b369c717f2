package access_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"parley/node/access"
)

func TestMay_EachOperationAndRole(t *testing.T) {
	t.Parallel()
	for _, rule := range access.Table() {
		for _, role := range access.Roles() {
			want := role == access.Admin || slices.Contains(rule.May, role)
			err := access.Person{Roles: []access.Role{role}}.May(rule.Operation, "globex")
			denied := (*access.Denied)(nil)
			if want && err != nil || !want && !errors.As(err, &denied) {
				t.Errorf("%s as %s: %v", rule.Operation, role, err)
			}
			if !want && !strings.Contains(err.Error(), string(access.Admin)) {
				t.Errorf("%s as %s: %v does not say what it takes", rule.Operation, role, err)
			}
		}
		if err := (access.Person{}).May(rule.Operation, ""); err == nil {
			t.Errorf("%s without a role", rule.Operation)
		}
	}
	if err := (access.Person{Roles: access.Roles()}).May("nothing", ""); err == nil {
		t.Error("an operation that nobody knows is allowed")
	}
}

// What roles are for, said once more in another way.
func TestTable_KeepsWhatRolesAreFor(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, rule := range access.Table() {
		if seen[rule.Operation] {
			t.Errorf("%s stands twice", rule.Operation)
		}
		seen[rule.Operation] = true
		if slices.Contains(rule.May, access.Admin) {
			t.Errorf("%s names admins, who may everything", rule.Operation)
		}
		if slices.Contains(rule.May, access.Viewer) && rule.Deed != access.Reads {
			t.Errorf("a viewer may %s", rule.Operation)
		}
		if slices.Contains(rule.May, access.Auditor) && rule.Deed != access.Reads {
			t.Errorf("an auditor may %s", rule.Operation)
		}
		if rule.Deed == access.Shows && slices.Contains(rule.May, access.Author) {
			t.Errorf("an author, who drafts on fixtures, sees tickets by %s", rule.Operation)
		}
	}
}

func TestMay_RolesForSomeConnections(t *testing.T) {
	t.Parallel()
	p := access.Person{Roles: []access.Role{access.Operator, access.Admin}, Connections: []string{"globex"}}
	for connection, ok := range map[string]bool{"globex": true, "initech": false, "": false} {
		if err := p.May("pause", connection); (err == nil) != ok {
			t.Errorf("%q: %v", connection, err)
		}
	}
}

const page = "../../docs/access.md"

func TestTable_IsThatOfItsPage(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- the table: made by go test -->\n", "<!-- end of the table -->"
	before, rest, ok := strings.Cut(string(raw), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the page has no place for the table")
	}
	want := before + begin + table() + end + after
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(page, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(raw) {
		t.Error("docs/access.md is not what the table says: UPDATE=1 go test ./node/access")
	}
}

func table() string {
	var out strings.Builder
	out.WriteString("\n| Operation | On record |")
	for _, role := range access.Roles() {
		fmt.Fprintf(&out, " %s |", role)
	}
	out.WriteString("\n|---|---|" + strings.Repeat("---|", len(access.Roles())) + "\n")
	for _, rule := range access.Table() {
		fmt.Fprintf(&out, "| `%s` | %s |", rule.Operation, map[access.Deed]string{access.Reads: "", access.Shows: "that it was shown", access.Changes: "before and after"}[rule.Deed])
		for _, role := range access.Roles() {
			mark := ""
			if role == access.Admin || slices.Contains(rule.May, role) {
				mark = "yes"
			}
			fmt.Fprintf(&out, " %s |", mark)
		}
		out.WriteString("\n")
	}
	out.WriteString("\n")
	return out.String()
}
