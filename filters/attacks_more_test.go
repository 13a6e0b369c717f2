package filters_test

import (
	"fmt"
	"maps"
	"strings"
)

// allAttacks are all scripts that must end with an error.
func allAttacks() map[string]string {
	out := map[string]string{}
	for _, m := range []map[string]string{lintAttacks(), stoppedAttacks(), refusedAttacks(), textAttacks(), patternAttacks(), listAttacks(), shapeAttacks(), clockAttacks()} {
		maps.Copy(out, m)
	}
	return out
}

// field sets a field to an expression.
func field(expression string) string { return `replica.fields["A"] = ` + expression }

// long is an expression that makes a text of nearly 2 MiB out of a piece.
func long(piece string) string {
	return fmt.Sprintf("repeat(%q, %d)", piece, (2<<20-1)/len(piece))
}

// textAttacks let texts grow, and hide things in them.
func textAttacks() map[string]string {
	return map[string]string{
		"capitals that are longer":        field(`map(1..100, upper(` + long("ŉ") + `))`),
		"every character a list":          field(`split(` + long("ab") + `, "")`),
		"every line a list":               field(`lines(` + long("\n") + `)`),
		"a long text many times":          field(`join(map(1..1000, ` + long("x") + `), "")`),
		"texts that hold each other":      chain(60, `"x"`, `prefixed($, "a") + prefixed($, "b")`) + "replica.key = x60",
		"trimmed again and again":         field(`map(1..50000, len(trim(` + long(" ") + `)))`),
		"looked into again and again":     field(`count(1..50000, ` + long("a") + ` contains "ab")`),
		"index again and again":           field(`map(1..50000, indexOf(` + long("a") + `, "ab"))`),
		"cut again and again":             field(`map(1..50000, sub(` + long("ä") + `, 1000000, 1000001))`),
		"Markdown without an end":         field(`map(1..1000, truncate(` + long("**[`_") + `, 100000))`),
		"Markdown taken off again":        field(`map(1..1000, plain(` + long("[a](") + `))`),
		"escapes of escapes":              chain(30, `"\\"`, `rich($)`) + "replica.key = x30",
		"quotes of quotes":                chain(3000, `"a\nb"`, `quote($)`) + "replica.key = x3000",
		"zero width characters":           field(`map(1..1000, redact(repeat("\u200b", 80000), "email"))`),
		"marks on one letter":             field(`map(1..1000, redact("a" + repeat("\u0301", 120000), "email", "host"))`),
		"right to left and back":          field(`map(1..1000, redact(repeat("\u202e\u202c", 40000), "secret"))`),
		"letters that look alike":         field(`map(1..2000, redact(repeat("ａ＠ｂ．ｄｅ ", 12000), "email"))`),
		"addresses within addresses":      field(`map(1..1000, redact(repeat("a@", 100000), "email"))`),
		"digits without an end":           field(`map(1..1000, redact(repeat("4", 250000), "card", "iban", "phone"))`),
		"dots without an end":             field(`map(1..1000, redact(repeat("1.", 100000), "ip", "host"))`),
		"a text that is no longer one":    "replica.key = \"\xff\xfe\"",
		"a nul and a bell":                "replica.key = \x00\x07",
		"a name with a hidden character":  "replica.key = is\u200bsue.key",
		"a name in letters that look so":  "replica.key = іssue.key",
		"a line that ends where none is":  "replica.key = \"a\u2028\" replica.summary = \"b\"",
		"hash of much, again and again":   field(`map(1..1000, hash(` + long("x") + `))`),
		"masks of much":                   field(`map(1..1000, mask(` + long("x") + `, 1000000))`),
		"a layout that repeats":           field(`map(1..50000, format(now(), "` + strings.Repeat("dddd MMMM ", 900) + `"))`),
		"a byline that repeats":           field(`map(1..50000, byline(first(issue.comments), "` + strings.Repeat("{name}", 1500) + `"))`),
		"placeholders without an end":     field(`map(1..50000, text("` + strings.Repeat("{}", 900) + `", "x"))`),
		"a number with 60,000 digits":     "replica.key = " + strings.Repeat("9", 60000),
		"an escape that is cut":           `replica.key = "\u00`,
		"a text that is written out long": field(`"` + strings.Repeat("x", 60000) + `" + 1`),
	}
}

// patternAttacks are regular expressions.
func patternAttacks() map[string]string {
	return map[string]string{
		"(a+)+$":                            field(`count(1..50000, ` + long("a") + ` matches "(a+)+$b")`),
		"alternatives that overlap":         field(`count(1..1000, ` + long("a") + ` matches "(a|a)*b")`),
		"a back reference":                  field(`issue.key matches "(a)\\1"`),
		"look behind":                       field(`issue.key matches "(?<=a)b"`),
		"repeats of repeats":                field(`issue.key matches "((a{1,100}){1,100}){1,100}"`),
		"a repeat of a million":             field(`issue.key matches "a{1000000}"`),
		"nested groups":                     field(`issue.key matches "` + strings.Repeat("(", 510) + "a" + strings.Repeat(")", 510) + `{1000}"`),
		"a pattern that is too long":        field(`issue.key matches "` + strings.Repeat("a?", 600) + `"`),
		"classes of all letters":            field(`count(1..5000, ` + long("é") + ` matches "^([\\p{L}\\p{M}]{1,300})*$x")`),
		"captures without an end":           field(`captures(` + long("ab") + `, "(a)")`),
		"empty matches":                     field(`map(1..50000, captures(repeat("a", 20000), ""))`),
		"replaced by itself":                chain(40, `"aa"`, `replaceMatch($, "a", "aa")`) + "replica.key = x40",
		"a pattern in a predicate":          field(`filter(map(1..50000, repeat("a", 30)), # matches "(a|aa)+$b")`),
		"a pattern that is computed":        field(`issue.key matches ("a" + "b")`),
		"a pattern from the ticket":         field(`captures(issue.key, issue.summary)`),
		"a pattern for each of 50,000":      field(`map(1..50000, replaceMatch(repeat("x", 4000), "(x*)*y", "z"))`),
		"a pattern that matches every rune": field(`map(1..1000, replaceMatch(repeat("é", 100000), ".", "yy"))`),
	}
}

// listAttacks are lists and what goes through them.
func listAttacks() map[string]string {
	return map[string]string{
		"each with each":               field(`map(1..50000, count(1..50000, # == 3))`),
		"sorted again and again":       field(`map(1..5000, len(sort(reverse(1..50000))))`),
		"sorted by what must be made":  field(`map(1..5000, len(sortBy(1..50000, string(#))))`),
		"without each":                 field(`map(1..5000, len(without(1..50000, 7)))`),
		"in both, again":               field(`map(1..5000, len(intersect(1..50000, 1..50000)))`),
		"lists of lists":               chain(20, `[1..50, 1..50]`, `map($, [$, $])`) + field("x20"),
		"uniq of long texts":           field(`uniq(map(1..50000, repeat("x", 3000)))`),
		"values of values":             chain(40, `{a: 1}`, `{a: $, b: values($)}`) + field("x40"),
		"a value as deep as it goes":   chain(1500, `{a: 1}`, `{a: $}`) + field("x1500"),
		"long texts told apart":        `let a = repeat("x", 2000000)` + "\n" + `let b = a + "y"` + "\n" + field(`uniq(map(1..40000, # % 2 == 0 ? a : b))`),
		"long texts sorted":            `let a = repeat("x", 2000000)` + "\n" + `let b = a + "y"` + "\n" + field(`sort(map(1..40000, # % 2 == 0 ? a : b))`),
		"sorted by long texts":         `let a = repeat("x", 2000000)` + "\n" + `let b = a + "y"` + "\n" + field(`sortBy(1..40000, # % 2 == 0 ? a : b)`),
		"sums of sums":                 field(`sum(1..50000, sum(1..50000))`),
		"the smallest of many":         field(`map(1..50000, min(1..50000))`),
		"all the people there are":     field(`map(1..50000, user(string(#) + "@x.example"))`),
		"a range below nothing":        field(`len(9007199254740991..9223372036854775807)`),
		"a range of halves":            field(`1.5..100000`),
		"comments a thousand times":    field(`map(1..50000, map(issue.comments, with(#, {body: repeat("x", 10000)})))`),
		"a list as its own key":        field(`{a: 1}[[1, 2]]`),
		"more comments than there are": `replica.comments = map(1..50000, with(first(issue.comments), {body: repeat("x", 100)}))`,
		"files out of nothing":         `replica.attachments = map(1..50000, with(first(issue.attachments), {name: repeat("x", 200)}))`,
		"lookups of a long list":       field(`map(1..50000, lookup("pass", map(1..1000, "x")))`),
	}
}

// shapeAttacks are long and deep scripts.
func shapeAttacks() map[string]string {
	nest := func(n int, open, inner, closing string) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(closing, n)
	}
	return map[string]string{
		"predicates in predicates":   field(nest(62, "any([1], ", "# + true", ")")),
		"functions in functions":     field(nest(62, "upper(", "1", ")")),
		"choices in choices":         field(nest(62, "(vars.on ? 1 : ", "nope", ")")),
		"maps in maps":               field(nest(65, "{a: ", "1", "}")),
		"lists in lists":             field(nest(65, "[", "1", "]")),
		"a chain of and":             field(strings.Repeat(`issue.status == "Open" and `, 1500) + "nope"),
		"a chain of pipes":           field(`issue.key` + strings.Repeat(" | upper()", 5000)),
		"a chain of members":         field(`issue.fields["Region"]` + strings.Repeat(".value", 5000)),
		"a chain of brackets":        field(`issue.labels` + strings.Repeat("[0]", 20000)),
		"ten thousand lets":          strings.Repeat("let a = 1\n", 6000),
		"ten thousand unknown names": strings.Repeat("replica.key = nope\n", 3400),
		"every if the same":          strings.Repeat("if firstSync {\n} else if vars.on {\n}\n", 1600) + "nope",
		"ifs that end":               strings.Repeat("if issue.key == \"a\" {\nskip \"b\"\n}\n", 1700) + "nope",
		"else if without end":        "if vars.on {\n" + strings.Repeat("} else if vars.on {\n", 3000) + "}",
		"blocks in blocks":           nest(17, "if vars.on {\n", "", "}\n"),
		"names without an end":       "replica.key = " + strings.Repeat("a", 60000),
		"a custom field without end": `replica.fields["` + strings.Repeat("a", 60000) + `"] = nope`,
		"fields without an end": func() string {
			var b strings.Builder
			for i := range 1500 {
				fmt.Fprintf(&b, "replica.fields[%q] = issue.fields[%q]\n", fmt.Sprint("a", i), fmt.Sprint("b", i))
			}
			return b.String()
		}(),
		"comments in comments":      strings.Repeat("/*", 30000),
		"brackets of all kinds":     field(strings.Repeat("([{", 20000)),
		"brackets that close":       field(strings.Repeat(")]}", 20000)),
		"operators alone":           field(strings.Repeat("+ - * / ", 7000)),
		"texts that do not end":     strings.Repeat("replica.key = \"\n", 4000),
		"questions without answers": field(strings.Repeat("true ? ", 8000)),
		"a let within a let":        field(nest(60, "map([1], {let a = #; ", "a", "})")),
	}
}

// clockAttacks take time and no memory, or reach for what is not there.
func clockAttacks() map[string]string {
	return map[string]string{
		"the clock, again and again": field(`count(1..50000, any(1..50000, now() == nil))`),
		"zones without an end":       field(`map(1..50000, map(1..50000, inZone(now(), "Europe/Berlin")))`),
		"dates without an end":       field(`map(1..50000, map(1..50000, date("2026-01-31")))`),
		"a power of powers":          field(`count(1..50000, any(1..50000, 2 ** 0.5 ** 0.5 > 9))`),
		"no number at all":           field(`0 / 0`),
		"without end":                field(`1e308 * 10`),
		"a remainder of nothing":     field(`1 % 0`),
		"a second run in this one":   field(`(let 1)`),
		"a guard's own function":     field(`(member)(issue, "key")`),
		"a method by its name":       field(`now()["Unix"]`),
		"the context of the run":     field(`ctx`),
		"the environment":            field(`env["PATH"]`),
		"another side's ticket":      `replica.key = replica.summary`,
		"a file of the disk":         field(`date("2026-01-31", "../../etc/passwd")["x"]`),
		"a zone of the disk":         field(`inZone(now(), "../../etc/passwd")`),
	}
}

// lintAttacks keep what looks for odd lines busy; only their last line is wrong.
func lintAttacks() map[string]string {
	wrong := "\nreplica.key = nope"
	many := func(n int, line string) string { return strings.Repeat(line+"\n", n) + wrong }
	chain := func(n int, part, join string) string {
		return strings.TrimSuffix(strings.Repeat(part+join, n), join)
	}
	return map[string]string{
		"conditions of many parts":    many(5, "if "+chain(450, `issue.status == "Open"`, " and ")+" {\n}"),
		"conditions that exclude":     many(5, "if "+chain(450, `issue.key != "a"`, " or ")+" {\n}"),
		"conditions upon conditions":  strings.Repeat("if "+chain(60, `issue.due != nil`, " and ")+" {\n", 16) + strings.Repeat("}\n", 16) + wrong,
		"ends upon ends":              many(900, "if issue.due == nil and not firstSync {\nskip \"a\"\n}"),
		"nothing less than nothing":   many(20, field(chain(100, `issue.due < issue.resolved`, " and "))),
		"a text that adds itself":     many(3, `replica.summary = `+chain(650, "previous.summary", " + ")),
		"a text of texts that add":    many(40, `replica.summary = `+strings.Repeat("text(\"{}\", previous.summary + ", 60)+`"x"`+strings.Repeat(")", 60)),
		"choices of choices":          many(30, `replica.status = `+strings.Repeat(`vars.on ? "a" : (`, 60)+`"b"`+strings.Repeat(")", 60)),
		"tables written out":          many(2, `replica.status = {`+chain(900, `"a": "b"`, ", ")+`}[issue.status]`),
		"people in every place":       many(10, field(`[`+chain(200, "issue.assignee.email", ", ")+`]`)),
		"lets that are never used":    strings.Join([]string{numbered(3000, "let a%d = now()"), wrong}, ""),
		"options in every place":      many(10, field(`issue.status in [`+chain(400, `"Open"`, ", ")+`]`)),
		"a million guesses at a name": numbered(800, "replica.summaryy%d = issue.descriptionn%d"),
	}
}

func numbered(n int, line string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(line, "%d", fmt.Sprint(i)) + "\n")
	}
	return b.String()
}
