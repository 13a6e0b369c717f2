package jiradouble

import (
	"fmt"
	"strings"
)

// words is a document as the changelog of the Cloud has it: wiki text.
func words(doc any) string {
	m, _ := doc.(map[string]any)
	var blocks []string
	for _, n := range children(m) {
		blocks = append(blocks, block(n))
	}
	return strings.Join(blocks, "\n\n")
}

func children(n map[string]any) []map[string]any {
	all, _ := n["content"].([]any)
	out := make([]map[string]any, 0, len(all))
	for _, x := range all {
		m, _ := x.(map[string]any)
		out = append(out, m)
	}
	return out
}

func attr(n map[string]any, name string) string {
	attrs, _ := n["attrs"].(map[string]any)
	s, _ := attrs[name].(string)
	return s
}

func block(n map[string]any) string {
	var out strings.Builder
	for _, c := range children(n) {
		out.WriteString(inline(c))
	}
	switch n["type"] {
	case "heading":
		attrs, _ := n["attrs"].(map[string]any)
		return fmt.Sprintf("h%v. %s", attrs["level"], out.String())
	case "codeBlock":
		return "{code}\n" + out.String() + "\n{code}"
	}
	return out.String()
}

func inline(n map[string]any) string {
	switch n["type"] {
	case "hardBreak":
		return "\n"
	case "media":
		return "!" + attr(n, "url") + "!"
	case "text":
	default:
		return block(n)
	}
	text, _ := n["text"].(string)
	marks, _ := n["marks"].([]any)
	for _, x := range marks {
		mark, _ := x.(map[string]any)
		switch mark["type"] {
		case "strong":
			text = "*" + text + "*"
		case "em":
			text = "_" + text + "_"
		case "code":
			text = "{{" + text + "}}"
		case "link":
			text = "[" + text + "|" + attr(mark, "href") + "]"
		}
	}
	return text
}
