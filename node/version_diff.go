package node

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// parts are a version as texts that people compare.
func (v version) parts() map[string]string {
	parts := map[string]string{"scope": v.Scope, "out": v.Out, "in": v.In}
	if v.Template != "" {
		parts["template"] = v.Template + " " + v.Digest
	}
	for name, table := range v.Tables {
		var text strings.Builder
		fmt.Fprintf(&text, "policy: %s\n", table.Policy)
		for _, p := range table.Pairs {
			fmt.Fprintf(&text, "%s, %s\n", p.Ours, p.Wire)
		}
		parts["tables/"+name] = text.String()
	}
	for name, value := range map[string]any{"vars": v.Vars, "gate": v.Gate, "accept": v.Accept, "forward": v.Forward} {
		raw, err := json.MarshalIndent(value, "", "  ")
		if err != nil {
			raw = []byte(err.Error())
		}
		parts[name] = string(raw)
	}
	return parts
}

// most lines, of both texts multiplied, that are compared line by line.
const mostCells = 4 << 20

// diffLines shows how two texts differ, with two lines of what is alike around it;
// nothing if they do not.
func diffLines(from, to string) []string {
	if from == to {
		return nil
	}
	a, b := strings.Split(strings.TrimRight(from, "\n"), "\n"), strings.Split(strings.TrimRight(to, "\n"), "\n")
	return around(editLines(a, b))
}

// editLines is both texts in one, by the longest lines that they have in common.
func editLines(a, b []string) []string {
	begin := 0
	for begin < min(len(a), len(b)) && a[begin] == b[begin] {
		begin++
	}
	end := 0
	for end < min(len(a), len(b))-begin && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	var out []string
	for _, line := range a[:begin] {
		out = append(out, " "+line)
	}
	out = append(out, middle(a[begin:len(a)-end], b[begin:len(b)-end])...)
	for _, line := range a[len(a)-end:] {
		out = append(out, " "+line)
	}
	return out
}

func middle(a, b []string) []string {
	var out []string
	if len(a)*len(b) > mostCells {
		for _, line := range a {
			out = append(out, "-"+line)
		}
		for _, line := range b {
			out = append(out, "+"+line)
		}
		return out
	}
	// common[i][j] is how many lines a[i:] and b[j:] have in common.
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := range slices.Backward(a) {
		for j := range slices.Backward(b) {
			if common[i][j] = max(common[i+1][j], common[i][j+1]); a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, " "+a[i])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			out = append(out, "-"+a[i])
			i++
		default:
			out = append(out, "+"+b[j])
			j++
		}
	}
	return out
}

// around keeps of the lines that are alike two before and after each difference.
func around(lines []string) []string {
	near := func(i int) bool {
		return slices.ContainsFunc(lines[max(0, i-2):min(len(lines), i+3)], func(l string) bool { return l[0] != ' ' })
	}
	var out []string
	for i, line := range lines {
		switch {
		case near(i):
			out = append(out, line)
		case len(out) > 0 && out[len(out)-1] != " …":
			out = append(out, " …")
		}
	}
	return out
}
