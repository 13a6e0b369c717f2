package filters

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// tableUsed is the table that a node looks a value up in, and its name.
func (c *compilation) tableUsed(node ast.Node) (string, Table, bool) {
	call, ok := node.(*ast.CallNode)
	if !ok || calleeOf(call) != "lookup" || len(call.Arguments) < 2 {
		return "", Table{}, false
	}
	name, ok := call.Arguments[0].(*ast.StringNode)
	if !ok {
		return "", Table{}, false
	}
	table, ok := c.env.Tables[name.Value]
	return name.Value, table, ok
}

// lintPairs warns of pairs whose value of ours is no option of the field of ours that
// the table is used with: on the way out the field that is looked up, on the way in the
// one that is set. Such a pair never does anything on the way out, and on the way in
// names what the tracker will not take. One warning tells of all pairs of a table: the
// place in the script is the same.
func (c *compilation) lintPairs(node ast.Node, field string, options []string) {
	name, table, ok := c.tableUsed(node)
	if !ok || len(options) == 0 {
		return
	}
	seen := map[string]bool{}
	var strange []int
	for i, pair := range table.Pairs {
		if !seen[pair.Ours] && !slices.Contains(options, pair.Ours) {
			strange = append(strange, i)
		}
		seen[pair.Ours] = true
	}
	if len(strange) == 0 {
		return
	}
	hint, parts := "", []string{}
	for _, i := range strange[:min(len(strange), mostNamed)] {
		ours := table.Pairs[i].Ours
		part := fmt.Sprintf("%s names %s", table.place(i), quoteName(ours))
		if hint = nearest(ours, options); hint != "" && len(strange) > 1 {
			part += fmt.Sprintf(" (did you mean %s?)", hint)
		}
		parts = append(parts, part)
	}
	if more := len(strange) - mostNamed; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	problem := c.warn(CodeTableOption, c.offset(node.(*ast.CallNode).Arguments[0]), "the table %s names what is no option of %s: %s", name, field, strings.Join(parts, ", "))
	if len(strange) == 1 {
		problem.Nearest = hint
	}
}

// mostNamed bounds what one warning about a table names.
const mostNamed = 5

// lintLookedUp is lintPairs of the field of ours that a look-up reads.
func (c *compilation) lintLookedUp(node ast.Node) {
	call, ok := node.(*ast.CallNode)
	if !ok || c.kind != outgoing || len(call.Arguments) < 2 {
		return
	}
	if field, ok := call.Arguments[1].(*ast.IdentifierNode); ok {
		c.lintPairs(node, field.Value, c.facts[field.Value].options)
	}
}
