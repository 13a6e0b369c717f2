package richtext_test

import (
	"strings"
	"testing"

	"parley/adapters/richtext"
)

// places are those behind each @.
func places(md string) []int {
	var out []int
	for i := range len(md) {
		if md[i] == '@' {
			out = append(out, i+1)
		}
	}
	return out
}

func TestDisarm_ReachesProseAndLeavesCodeAndAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, md, want string }{
		{"prose", "see @alice", "see @|alice"},
		{"at the end", "see @", "see @|"},
		{"emphasis", "**@alice**", "**@|alice**"},
		{"heading, list, quote, table", "# @a\n\n- @b\n\n> @c\n\n| @d |\n|---|\n| @e |", "# @|a\n\n- @|b\n\n> @|c\n\n| @|d |\n|---|\n| @|e |"},
		{"text of a link, not its address", "[@a](https://x.example/@b)", "[@|a](https://x.example/@b)"},
		{"bare address", "https://x.example/@b @c", "https://x.example/@b @|c"},
		{"span", "`@a` @b ``c`@d``", "`@a` @|b ``c`@d``"},
		{"fence", "```\n@a\n```\n@b", "```\n@a\n```\n@|b"},
		{"fence that a shorter one does not close", "````\n```\n@a\n````\n@b", "````\n```\n@a\n````\n@|b"},
		{"indented code", "text\n\n    @a\n\n@b", "text\n\n    @a\n\n@|b"},
		{"no span over the edge of a paragraph", "`\n\n@a\n\n`", "`\n\n@|a\n\n`"},
		{"the first signs pair", "a ` b\n` @a ` c", "a ` b\n` @|a ` c"},
		{"HTML block", "<div>\n@a\n</div>", "<div>\n@|a\n</div>"},
		{"escaped", `\@a`, `\@|a`},
		{"nothing to do", "plain", "plain"},
	} {
		got := strings.ReplaceAll(richtext.Disarm(c.md, places(c.md)), richtext.Disarmed, "|")
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestDisarm_TakesAllForProseThatIsTooMuchToRead(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("> ", 5000) + "`@a`"
	if got := richtext.Disarm(deep, places(deep)); !strings.Contains(got, "@"+richtext.Disarmed+"a") {
		t.Error("a text that is nested too deep is not disarmed")
	}
}
