package filtertest

import (
	"encoding/json"
	"slices"
	"strings"
)

// notSet stands for a field that no line set.
const notSet = "not set"

// Difference is one place where a case came out otherwise than expected. Got and
// Want are JSON, or say in words that there is nothing.
type Difference struct {
	What string `json:"what"`
	Got  string `json:"got"`
	Want string `json:"want"`
}

// String is the difference in one line.
func (d Difference) String() string {
	return d.What + ": got " + d.Got + ", want " + d.Want
}

// Lines shows the difference for people: what was wanted after "-", what came
// after "+". Of texts of several lines only the lines that differ are shown.
func (d Difference) Lines() []string {
	got, want := textLines(d.Got), textLines(d.Want)
	if len(got) < 2 && len(want) < 2 {
		return []string{d.What, "  - " + d.Want, "  + " + d.Got}
	}
	begin := 0
	for begin < min(len(got), len(want)) && got[begin] == want[begin] {
		begin++
	}
	end := 0
	for end < min(len(got), len(want))-begin && got[len(got)-1-end] == want[len(want)-1-end] {
		end++
	}
	out := []string{d.What}
	if begin > 0 {
		out = append(out, "    "+want[begin-1])
	}
	for _, line := range want[begin : len(want)-end] {
		out = append(out, "  - "+line)
	}
	for _, line := range got[begin : len(got)-end] {
		out = append(out, "  + "+line)
	}
	if end > 0 {
		out = append(out, "    "+want[len(want)-end])
	}
	return out
}

// textLines splits a JSON text into its lines; anything else is one.
func textLines(shown string) []string {
	var text string
	if json.Unmarshal([]byte(shown), &text) != nil || !strings.Contains(text, "\n") {
		return []string{shown}
	}
	return strings.Split(text, "\n")
}

func sortDifferences(list []Difference) {
	slices.SortFunc(list, func(a, b Difference) int { return strings.Compare(a.String(), b.String()) })
}
