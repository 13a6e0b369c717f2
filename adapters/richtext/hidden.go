package richtext

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// hidden are characters that nobody sees and that make a text seem another one: overrides
// of the direction of writing, and letters without a shape (Unicode's "tags", which stand
// rightly in the flags of some countries only).
var hidden = regexp.MustCompile(`[\x{202d}\x{202e}]|\x{1f3f4}?[\x{e0000}-\x{e007f}]+`)

// unhidden has words in place of hidden characters: who reads a text is to see what a
// program reads in it.
func unhidden(s string) string {
	if !strings.ContainsAny(s, "\u202d\u202e") && !strings.Contains(s, "\U000e0000"[:2]) {
		return s
	}
	return hidden.ReplaceAllStringFunc(s, func(found string) string {
		first := []rune(found)[0]
		switch {
		case first == '\U0001f3f4':
			return found
		case first < 0xe0000:
			return fmt.Sprintf("(U+%X)", first)
		}
		words := strings.Map(func(r rune) rune {
			if r -= 0xe0000; r < ' ' || r > '~' {
				return -1
			}
			return r
		}, found)
		return "(hidden: " + words + ")"
	})
}

// Directions of writing begin with one of opens, and end with the one of closes beside it.
const opens, closes = "\u202a\u202b\u2066\u2067\u2068", "\u202c\u202c\u2069\u2069\u2069"

// enclosed ends every direction of writing within the line in which it begins: what a
// writer puts behind, another cell or a closing bracket, stays where it is.
func enclosed(nodes []Node) []Node {
	var out []Node
	begin := 0
	for i, n := range nodes {
		last := i == len(nodes)-1
		if n.Kind != Break && !last {
			continue
		}
		end := i
		if last {
			end++
		}
		line := nodes[begin:end]
		if open := unclosed(line, nil); len(open) > 0 {
			slices.Reverse(open)
			line = mergeText(append(line[:len(line):len(line)], Node{Kind: Text, Text: string(open)}))
		}
		out = append(out, line...)
		begin = i
	}
	return out
}

// unclosed are the ends that are wanting behind nodes.
func unclosed(nodes []Node, open []rune) []rune {
	starts, ends := []rune(opens), []rune(closes)
	for _, n := range nodes {
		for _, r := range n.Text {
			if r < 0x202a || r > 0x2069 {
				continue
			}
			if last := len(open) - 1; last >= 0 && open[last] == r {
				open = open[:last]
			}
			for i, start := range starts {
				if r == start && len(open) < maxDirections {
					open = append(open, ends[i])
				}
			}
		}
		open = unclosed(n.Children, open)
	}
	return open
}

// maxDirections is how many directions count within each other (UAX #9, max_depth).
const maxDirections = 125
