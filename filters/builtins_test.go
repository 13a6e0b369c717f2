package filters_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley/filters"
	"parley/sync/event"
)

// evaluate runs one expression in a filter of either kind.
func evaluate(t testing.TB, expression string) (any, error) {
	t.Helper()
	src := `replica.fields["out"] = ` + expression
	f, err := filters.CompileOutgoing(src, sampleEnv())
	if err != nil {
		return nil, err
	}
	out, err := f.Run(t.Context(), filters.OutInput{Context: sampleContext(), Issue: sampleIssue()})
	return out.Replica.Fields["fields.out"], err
}

func TestBuiltins(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]any{
		`upper("aä")`: "AÄ", `lower("AÄ")`: "aä", `trim(" a ")`: "a", `trim("xax", "x")`: "a",
		`trimPrefix("abc", "a")`: "bc", `trimSuffix("abc", "c")`: "ab",
		`prefixed("[G] ", "x")`: "[G] x", `prefixed("[G] ", "[G] x")`: "[G] x", `unprefixed("[G] ", "[G] [G] x")`: "x",
		`unprefixed("[G] ", "[G]")`: "", `unprefixed("[G] ", "x [G] ")`: "x [G] ", `unprefixed("", "x")`: "x",
		`split("a,b", ",")`: []any{"a", "b"}, `lines("a\r\nb\nc")`: []any{"a", "b", "c"}, `join(["a", nil, 1], "-")`: "a--1", `join(["a"])`: "a",
		`replace("aXbX", "X", "--")`: "a--b--", `indexOf("äöx", "x")`: 2.0, `indexOf("a", "x")`: -1.0, `repeat("ab", 2)`: "abab", `repeat("ab", -1)`: "",
		`sub("äöü", 0, 1)`: "ä", `sub("äöü", 1)`: "öü", `sub("äöü", -1, 3)`: "ü", `sub("äöü", 2, 1)`: "",
		`text("{} ({}) {}", "a", nil, 1.5)`: "a () 1.5", `text("{}", issue.due)`: "2026-02-01", `text("{}", issue.estimate)`: "1h30m",
		`text("{}", issue.assignee)`: "Ann", `text("{}", issue.fields["Region"])`: "EU / Berlin", `text("{}{}", 1)`: "1{}", `text("{}", 3 * HOUR)`: "3h",
		`capture("SUP-12 x", "([A-Z]+)-(\\d+)")`: "SUP", `capture("SUP-12", "([A-Z]+)-(\\d+)", 2)`: "12", `capture("a", "b")`: nil, `capture("ab", "b")`: "b",
		`captures("a1 b2", "[a-z](\\d)")`: []any{"1", "2"}, `replaceMatch("a1b2", "(\\d)", "<$1>")`: "a<1>b<2>", `"abc" matches "^a.c$"`: true,
		`truncate("abcdef", 4)`: "abc…", `truncate("abc", 4)`: "abc", `truncate("abcdef", 4, "")`: "abcd", `truncate("abcdef", 0)`: "",
		`truncate("e\u0301e\u0301e\u0301", 4)`: "e\u0301…", `truncate("**bold text**", 9)`: "**bold…**", "truncate(\"```\\ncode\\nmore\\nand more\", 14)": "```\ncode\n…\n```",
		`plain("# T\n> **b** [l](u) ![i](x) \\* <b>t</b> ` + "`c`" + `")`: "T\nb l (u) i * t c", `rich("*a* <b>")`: `\*a\* \<b\>`, `quote("a\nb")`: "> a\n> b",
		`first([1, 2])`: 1.0, `last([1, 2])`: 2.0, `first([])`: nil, `take([1, 2, 3], 2)`: []any{1.0, 2.0}, `take([1], 5)`: []any{1.0}, `take([1], -1)`: []any{},
		`reverse([1, 2])`: []any{2.0, 1.0}, `sort(["b", "a"])`: []any{"a", "b"}, `sort([2, 1.5])`: []any{1.5, 2.0}, `uniq([1, 1.0, "a", "a"])`: []any{1.0, "a"},
		`len("äö")`: 2.0, `len([1])`: 1.0, `len({a: 1})`: 1.0, `keys({b: 1, a: 2})`: []any{"a", "b"}, `values({b: 1, a: 2})`: []any{2.0, 1.0},
		`concat([1], nil, 2, [3])`: []any{1.0, 2.0, 3.0}, `intersect([1, 2], [2, 3])`: []any{2.0}, `without([1, 2, 3], 1, [3])`: []any{2.0},
		`default("", "d")`: "d", `default(" ", "d")`: "d", `default([], "d")`: "d", `default(0, "d")`: 0.0, `blank(" ")`: true, `blank(false)`: false,
		`number("1.5")`: 1.5, `number("x")`: nil, `number("Inf")`: nil, `number(2 * MINUTE)`: 120.0, `bool("Yes")`: true, `bool("off")`: false, `bool("maybe")`: nil, `bool(0)`: false,
		`string(1)`: "1", `string(true)`: "true", `round(1.5)`: 2.0, `floor(1.5)`: 1.0, `ceil(1.5)`: 2.0, `abs(-2)`: 2.0, `min(3, [1, nil], 2)`: 1.0, `max(3, 1)`: 3.0, `max([])`: nil,
		`now()`: "2026-01-31T12:00:00Z", `date("2026-01-02")`: "2026-01-02", `date("31.01.2026", "DD.MM.YYYY")`: "2026-01-31", `date("31.01.2026 10:30", "DD.MM.YYYY HH:mm")`: "2026-01-31T10:30:00Z", `date("soon")`: nil, `date("x", "YYYY")`: nil,
		`format(now(), "YYYY-MM-DD HH:mm:ss")`: "2026-01-31 12:00:00", `format(now(), "dddd D MMMM YY, hh A", "Europe/Berlin")`: "Saturday 31 January 26, 01 PM", `format(issue.due, "DD.MM.", "America/New_York")`: "01.02.",
		`days(2)`: 172800.0, `hours(0.5)`: 1800.0, `minutes(1)`: 60.0, `startOfDay(now())`: "2026-01-31T00:00:00Z", `startOfDay(inZone(now(), "Asia/Tokyo"))`: "2026-01-30T15:00:00Z",
		`now() + 3 * DAY`: "2026-02-03T12:00:00Z", `issue.due - now()`: 43200.0, `issue.due < now()`: false, `issue.due + 1 * DAY`: "2026-02-02",
		`lookup("status", "In Progress")`: "open", `lookup("status", ["Open", "Done"])`: []any{"open", "closed"}, `lookup("status", "x", "fallback")`: "fallback", `lookup("status", nil, "fallback")`: "fallback", `lookup("status", nil)`: nil,
		`lookup("empty", "x")`: nil, `lookup("pass", "x")`: "x", `mapped("status", "Open")`: true, `mapped("status", "open")`: false,
		`mask("secret")`: "•••", `mask("4111", 2)`: "•••11", `mask("ab", 2)`: "•••",
		`redact("x a.b@c.de y", "email")`: "x [email] y", `redact("4111 1111 1111 1111 and 4111 1111 1111 1112", "card")`: "[card] and 4111 1111 1111 1112",
		`redact("DE89 3704 0044 0532 0130 00, DE89 3704 0044 0532 0130 01", "iban")`: "[iban], DE89 3704 0044 0532 0130 01",
		`redact("10.0.0.1 fe80::1 1.2.3 12:30 999.1.1.1", "ip")`:                     "[ip] [ip] 1.2.3 12:30 999.1.1.1", `redact("call +49 (30) 123-4567 on 2026", "phone")`: "call [phone] on 2026",
		`redact("password: hunter22, AKIAABCDEFGHIJKLMNOP, https://u:p@h/x", "secret")`: "[secret], [secret], [secret]h/x", `redact("see db1.ACME.example:80 not acme.example.com or xacme.example", "host")`: "see [host]:80 not acme.example.com or xacme.example",
		`redact(["a@b.de", nil], "email")`: []any{"[email]", nil}, `redact(issue.comments, "email") | map(.body)`: []any{"public"},
		`{"A": "B"}["A"] ?? "x"`: "B", `{"A": "B"}["C"] ?? "x"`: "x", `[1, 2][-1]`: 2.0, `[1][5]`: nil, `"a" in ["a"]`: true, `"a" not in ["a"]`: false, `1 in [1.0]`: true, `"k" in {k: 1}`: true,
		`issue.reporter.id + "a"`: "a", `"a" + "b"`: "ab", `1 + 2.5`: 3.5, `not blank("x") and true`: true, `2 ** 3`: 8.0, `7 % 4`: 3.0, `1..3`: []any{1.0, 2.0, 3.0}, `3..1`: []any{}, `-(2)`: -2.0,
		`sum([1, 2])`: 3.0, `sum(issue.attachments, .size) > 0`: true, `count([1, 2], # > 1)`: 1.0, `sortBy([{a: 2}, {a: 1}], .a) | map(.a)`: []any{1.0, 2.0}, `sortBy([1, 2], #, "desc")`: []any{2.0, 1.0},
		`any([1], # == 1) and all([1], # == 1) and none([1], # == 2) and one([1, 2], # == 1)`: true, `find([1, 2], # > 1)`: 2.0, `filter([1, 2], # > 1)`: []any{2.0}, `map([5], #index)`: []any{0.0},
		`map([1], {let x = #; map([2], {let y = #; x + y})})`: []any{[]any{3.0}},
		`issue.created == date("2026-01-30T09:00:00+01:00")`:  true, `[1, [2]] == [1, [2]]`: true, `{a: 1} == {a: 1.0}`: true, `{a: 1} != {a: 2}`: true, `issue.assignee == issue.assignee`: true,
		`first(issue.comments) == last(issue.comments)`: true, `len(issue.foreignComments)`: 1.0, `issue.reporter?.email ?? "none"`: "none", `issue.assignee.email`: "ann@acme.example",
	} {
		got, err := evaluate(t, expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", expression, diff)
		}
	}
}

func TestBuiltins_HashAndPseudonymDifferPerConnection(t *testing.T) {
	t.Parallel()
	src := `replica.fields["a"] = hash("x")` + "\n" + `replica.fields["b"] = pseudonym(issue.assignee)` + "\n" + `replica.fields["c"] = pseudonym("x")`
	one := send(t, src).Replica.Fields
	if again := send(t, src).Replica.Fields; !cmp.Equal(one, again) {
		t.Error("two runs differ")
	}
	env := sampleEnv()
	env.Key = []byte("other")
	out, err := outgoing(t, src, env).Run(t.Context(), filters.OutInput{Issue: sampleIssue()})
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range out.Replica.Fields {
		if v == one[name] || len(v.(string)) < 10 || strings.Contains(v.(string), "Ann") {
			t.Errorf("%s is %v on both connections", name, v)
		}
	}
	if one["fields.a"] == one["fields.c"] {
		t.Error("hash and pseudonym show the same digest")
	}
}

// Every built-in of a value takes nothing: an empty field of a ticket must not
// stop it.
func TestBuiltins_NothingIsTaken(t *testing.T) {
	t.Parallel()
	const nothing = `replica.fields["no"]`
	calls := map[string]struct {
		call string
		want any
	}{
		"upper": {"upper(X)", nil}, "lower": {"lower(X)", nil}, "trim": {"trim(X)", nil}, "trimPrefix": {`trimPrefix(X, "a")`, nil}, "trimSuffix": {`trimSuffix(X, X)`, nil},
		"prefixed": {`prefixed("a", X)`, nil}, "unprefixed": {`unprefixed("a", X)`, nil}, "split": {`split(X, X)`, nil}, "lines": {"lines(X)", nil}, "join": {"join(X, X)", nil},
		"replace": {`replace(X, X, X)`, nil}, "indexOf": {`indexOf(X, X)`, nil}, "repeat": {"repeat(X, X)", nil}, "sub": {"sub(X, X, X)", nil}, "text": {`text("{}", X)`, ""},
		"capture": {`capture(X, "a")`, nil}, "captures": {`captures(X, "a")`, nil}, "replaceMatch": {`replaceMatch(X, "a", X)`, nil},
		"truncate": {"truncate(X, X)", nil}, "plain": {"plain(X)", nil}, "rich": {"rich(X)", nil}, "quote": {"quote(X)", nil},
		"first": {"first(X)", nil}, "last": {"last(X)", nil}, "take": {"take(X, X)", nil}, "reverse": {"reverse(X)", nil}, "sort": {"sort(X)", nil}, "uniq": {"uniq(X)", nil},
		"len": {"len(X)", 0.0}, "keys": {"keys(X)", nil}, "values": {"values(X)", nil}, "concat": {"concat(X, X)", nil}, "intersect": {"intersect(X, X)", nil}, "without": {"without(X, X)", nil},
		"exactly": {"exactly(X)", []any{}}, "keepRemoved": {"keepRemoved(X)", nil}, "with": {`with(X, {body: "a"})`, nil},
		"default": {`default(X, X)`, nil}, "blank": {"blank(X)", true}, "number": {"number(X)", nil}, "bool": {"bool(X)", nil}, "string": {"string(X)", nil},
		"round": {"round(X)", nil}, "floor": {"floor(X)", nil}, "ceil": {"ceil(X)", nil}, "abs": {"abs(X)", nil}, "min": {"min(X)", nil}, "max": {"max(X, X)", nil},
		"lookup": {`lookup("status", X)`, nil}, "mapped": {`mapped("status", X)`, false}, "option": {"option(X, X)", nil}, "component": {"component(X)", nil}, "version": {"version(X)", nil}, "via": {`via(X, "Open")`, nil},
		"now": {"now()", nil}, "date": {"date(X)", nil}, "format": {`format(X, "YYYY")`, nil}, "days": {"days(X)", nil}, "hours": {"hours(X)", nil}, "minutes": {"minutes(X)", nil},
		"inZone": {`inZone(X, "UTC")`, nil}, "startOfDay": {"startOfDay(X)", nil}, "user": {"user(X, X)", nil}, "withEmail": {"", nil}, "assignable": {"assignable(X)", false}, "byline": {"byline(X)", nil}, "asUser": {"asUser(X, X)", nil},
		"ticketBy": {`ticketBy("summary", X)`, nil}, "twinOf": {"twinOf(X)", nil}, "mask": {"mask(X)", nil}, "redact": {`redact(X, "email")`, nil}, "hash": {"hash(X)", nil}, "token": {"", nil}, "reveal": {`reveal(X, "c")`, nil}, "pseudonym": {"pseudonym(X)", nil},
		"sent": {`sent("fields.no")`, true}, "changed": {`changed("fields.no")`, false}, "added": {`added("labels")`, []any{}}, "removed": {`removed("comments")`, []any{}}, "edited": {`edited("attachments")`, []any{}},
		"filter": {"filter(X, true)", []any{}}, "map": {"map(X, #)", []any{}}, "find": {"find(X, true)", nil}, "any": {"any(X, true)", false}, "all": {"all(X, true)", true}, "none": {"none(X, true)", true},
		"one": {"one(X, true)", false}, "count": {"count(X, true)", 0.0}, "sum": {"sum(X)", 0.0}, "sortBy": {"sortBy(X, #)", []any{}},
	}
	for _, name := range filters.Builtins() {
		c, ok := calls[name]
		if !ok {
			if _, err := filters.CompileIncoming(`issue.summary = `+name+`()`, filters.Env{}); err == nil || !strings.Contains(err.Error(), "not available in this version") {
				t.Errorf("%s has no call with nothing: %v", name, err)
			}
			continue
		}
		if c.call == "" { // outgoing only
			call := map[string]string{"token": `token(issue.resolution, "c")`}[name]
			if call == "" {
				call = name + "(issue.reporter)"
			}
			out, err := evaluate(t, call)
			if err != nil || out != nil {
				t.Errorf("%s(nothing): got %v, %v", name, out, err)
			}
			continue
		}
		target := "fields.out"
		src := `issue.fields["out"] = ` + strings.ReplaceAll(c.call, "X", nothing)
		if name == "exactly" || name == "keepRemoved" {
			target = map[string]string{"exactly": "labels", "keepRemoved": "comments"}[name]
			src = "issue." + target + " = " + strings.ReplaceAll(c.call, "X", nothing)
		}
		env := sampleEnv()
		env.Schema = event.Schema{}
		out, err := incoming(t, src, env).Run(t.Context(), filters.InInput{Replica: filters.Replica{Fields: event.Fields{"fields.no": nil}}})
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if diff := cmp.Diff(out.Fields[target], c.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", src, diff)
		}
	}
}

func TestProperty_PrefixesAreIdempotentAndGoBack(t *testing.T) {
	t.Parallel()
	f := outgoing(t, `
replica.fields["on"] = prefixed(issue.key, issue.summary)
replica.fields["twice"] = prefixed(issue.key, prefixed(issue.key, issue.summary))
replica.fields["off"] = unprefixed(issue.key, issue.summary)
replica.fields["offTwice"] = unprefixed(issue.key, unprefixed(issue.key, issue.summary))
replica.fields["back"] = unprefixed(issue.key, prefixed(issue.key, issue.summary))`, filters.Env{})
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.StringMatching(`[ab\[ ]{1,3}`).Draw(t, "prefix")
		s := rapid.StringMatching(`[ab\[ ]{0,8}`).Draw(t, "text")
		out, err := f.Run(t.Context(), filters.OutInput{Issue: filters.Ours{Key: p, Fields: event.Fields{"summary": s}}})
		if err != nil {
			t.Fatal(err)
		}
		get := out.Replica.Fields
		if get["fields.on"] != get["fields.twice"] || get["fields.off"] != get["fields.offTwice"] || get["fields.back"] != get["fields.off"] {
			t.Fatalf("prefix %q, text %q: %v", p, s, get)
		}
	})
}

func TestProperty_TruncateKeepsToItsLength(t *testing.T) {
	t.Parallel()
	f := outgoing(t, `replica.summary = truncate(issue.summary, issue.fields["n"])`, filters.Env{})
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 30).Draw(t, "n")
		s := rapid.OneOf(rapid.String(), rapid.StringMatching("[a\\*`~\n\u0301]{0,60}")).Draw(t, "text")
		out, err := f.Run(t.Context(), filters.OutInput{Issue: filters.Ours{Fields: event.Fields{"summary": s, "fields.n": float64(n)}}})
		if err != nil {
			t.Fatal(err)
		}
		got := out.Replica.Fields["summary"].(string)
		if utf8.RuneCountInString(got) > n || !utf8.ValidString(got) || utf8.RuneCountInString(s) <= n && got != s {
			t.Fatalf("truncate(%q, %d) is %q", s, n, got)
		}
	})
}

func TestProperty_RedactLeavesNothingToFind(t *testing.T) {
	t.Parallel()
	f := outgoing(t, `replica.summary = redact(issue.summary, "email", "card", "iban", "host")`, sampleEnv())
	rapid.Check(t, func(t *rapid.T) {
		around := rapid.StringMatching(`[ ,;()\n]{1,3}`)
		secret := rapid.SampledFrom([]string{"joe.doe+x@mail.example.org", "4111-1111-1111-1111", "GB82 WEST 1234 5698 7654 32", "git.acme.example"}).Draw(t, "secret")
		s := rapid.StringMatching(`[a-z ]{0,20}`).Draw(t, "before") + around.Draw(t, "left") + secret + around.Draw(t, "right")
		out, err := f.Run(t.Context(), filters.OutInput{Issue: filters.Ours{Fields: event.Fields{"summary": s}}})
		if err != nil || strings.Contains(fmt.Sprint(out.Replica.Fields["summary"]), secret) {
			t.Fatalf("%q left %v (%v)", s, out.Replica.Fields["summary"], err)
		}
	})
}
