package reference

// Function is a function of the language. Its example is one expression.
type Function struct {
	Name  string
	Forms []string
	About string
	// Incoming is set where the example belongs into an incoming filter.
	Incoming bool
	// Example is an expression, and Gives what it gives for the sample, as JSON.
	Example, Gives string
}

// Group is functions that belong together.
type Group struct {
	Title     string
	About     string
	Functions []Function
}

func fn(name, forms, about, example, gives string) Function {
	return Function{Name: name, Forms: split(forms), About: about, Example: example, Gives: gives}
}

func in(name, forms, about, example, gives string) Function {
	f := fn(name, forms, about, example, gives)
	f.Incoming = true
	return f
}

// Groups are all functions, in the order in which people read of them.
func Groups() []Group {
	return []Group{
		{"Lists", "Nothing counts as an empty list. `#` is the element, `.name` its member.", predicates()},
		{"Parts of lists", "", lists()},
		{"Values", "", values()},
		{"Texts", "By characters, not bytes.", texts()},
		{"Patterns and Markdown", "A pattern is written out as a text; what it may cost is bounded.", patterns()},
		{"Times", "", times()},
		{"People and tickets", "Each question to the tracker is a look-up; a run has 200.", people()},
		{"Changes", "Against `previous`: the replica that was sent or applied last.", changes()},
		{"Privacy", "", privacy()},
	}
}

func predicates() []Function {
	return []Function{
		fn("filter", "filter(l, p)", "the elements for which p holds", `filter(issue.labels, # startsWith "v")`, `["vip"]`),
		fn("map", "map(l, e)", "each element changed", `map(issue.labels, upper(#))`, `["GLOBEX","VIP"]`),
		fn("find", "find(l, p)", "the first for which p holds, or nil", `find(issue.comments, .author.name == "Bob")?.body`, `"Is it out?"`),
		fn("any", "any(l, p)", "whether p holds for one at least", `any(issue.labels, # == "vip")`, `true`),
		fn("all", "all(l, p)", "whether p holds for each", `all(issue.labels, len(#) > 3)`, `false`),
		fn("none", "none(l, p)", "whether p holds for none", `none(issue.labels, # == "internal")`, `true`),
		fn("one", "one(l, p)", "whether p holds for exactly one", `one(issue.labels, # startsWith "v")`, `true`),
		fn("count", "count(l, p)", "for how many p holds; `len(l)` counts all", `count(issue.attachments, .size > 1 * MB)`, `1`),
		fn("sum", "sum(l); sum(l, e)", "the sum of numbers or durations; nothing counts as 0", `sum(issue.attachments, .size) / KB`, `4097`),
		fn("sortBy", `sortBy(l, e); sortBy(l, e, "desc")`, "sorted by a text, number or time", `map(sortBy(issue.attachments, .size, "desc"), .name)`, `["core.zip","photo.png"]`),
	}
}

func lists() []Function {
	return []Function{
		fn("first", "first(l)", "the first element, or nil", `first(issue.labels)`, `"globex"`),
		fn("last", "last(l)", "the last element, or nil", `last(issue.labels)`, `"vip"`),
		fn("take", "take(l, n)", "the first n", `take([1, 2, 3], 2)`, `[1,2]`),
		fn("reverse", "reverse(l)", "turned around", `reverse(issue.labels)`, `["vip","globex"]`),
		fn("sort", "sort(l)", "texts, numbers or times in order", `sort(["b", "a"])`, `["a","b"]`),
		fn("uniq", "uniq(l)", "without repeats", `uniq(["a", "b", "a"])`, `["a","b"]`),
		fn("len", "len(x)", "the characters of a text, the entries of a list; 0 for nothing", `len("äöü")`, `3`),
		fn("keys", "keys(m)", "the names of a value's members", `keys({b: 1, a: 2})`, `["a","b"]`),
		fn("values", "values(m)", "a value's members, by name", `values({b: 1, a: 2})`, `[2,1]`),
		fn("concat", "concat(a, b, …)", "lists joined", `concat(issue.labels, ["acme"])`, `["globex","vip","acme"]`),
		fn("intersect", "intersect(a, b)", "what is in both", `intersect(issue.labels, ["vip", "gold"])`, `["vip"]`),
		fn("without", "without(l, x, …)", "the list without these", `without(issue.labels, "vip")`, `["globex"]`),
		fn("with", "with(item, {k: v})", "a copy with changes of a comment (`author body created edited internal`), a file (`author inline internal mime name`) or a link (`type`)",
			`first(issue.comments | map(with(#, {body: quote(.body)}))).body`, `"> It burns."`),
		in("exactly", "exactly(set)", "the whole set, our entries too; what `=` sets without it are the other side's entries", `issue.labels = exactly(["a"])`, `{"labels":["a"]} exactly labels`),
		in("keepRemoved", "keepRemoved(coll)", "what vanished on their side stays here", `issue.comments = keepRemoved(replica.comments)`, `{} 1 comments, removed ones stay`),
	}
}

func values() []Function {
	return []Function{
		fn("default", "default(x, d)", "d if x is nothing, blank or an empty list", `default("  ", "none")`, `"none"`),
		fn("blank", "blank(x)", "whether x is nothing, blank or empty", `blank(issue.resolution)`, `true`),
		fn("number", "number(x)", "read as a number (a duration as seconds); nil if it is none", `number("4.5")`, `4.5`),
		fn("bool", "bool(x)", "read as true or false; nil if it is neither", `bool("yes")`, `true`),
		fn("string", "string(x)", "written as a text", `string(issue.estimate)`, `"1h30m"`),
		fn("round", "round(n)", "to the nearest whole number", `round(2.5)`, `3`),
		fn("floor", "floor(n)", "to the next whole number below", `floor(2.7)`, `2`),
		fn("ceil", "ceil(n)", "to the next whole number above", `ceil(2.1)`, `3`),
		fn("abs", "abs(n)", "without its sign", `abs(-3)`, `3`),
		fn("min", "min(a, …)", "the smallest of numbers and lists of them; nothing is left out", `min(3, [2, 5])`, `2`),
		fn("max", "max(a, …)", "the largest", `max(3, [2, 5])`, `5`),
		fn("lookup", `lookup("table", x); lookup("table", x, d)`, "mapped by a table: ours to wire in an outgoing filter, wire to ours in an incoming one; for nothing, and without a pair, d; without d nothing stays nothing, and else it is what the table's policy says; a list entry by entry",
			`lookup("status", issue.status)`, `"open"`),
		fn("mapped", `mapped("table", x)`, "whether the table has a pair for x", `mapped("status", "Reopened")`, `false`),
		in("option", "option(x); option(value, child)", "the option of the field that the line sets, in any case of letters; nil if there is none", `issue.priority = option("high") ?? keep`, `{"priority":"High"}`),
		in("via", "via(status, step, …)", "the status, reached through these, in this order, at most 8; a ticket that stands at one of them goes on from there", `issue.status = via(lookup("status", replica.status), "Done")`, `{"status":"Open"} status via ["Done"]`),
		in("component", "component(name); component(name, true)", "our component of this name, in any case of letters; if there is none nil, or with true the name, and the component is made before the ticket is written, if `accept: {create: [components]}` lets it", `issue.components = [component("web"), component("Phone")]`, `{"components":["Web"]}`),
		in("version", "version(name); version(name, true)", "our version of this name, likewise, with `create: [versions]`", `issue.fixVersions = [version("1.0"), version("3.0", true)]`, `{"fixVersions":["1.0","3.0"]}`),
	}
}

func texts() []Function {
	return []Function{
		fn("upper", "upper(t)", "in capital letters", `upper("äb")`, `"ÄB"`),
		fn("lower", "lower(t)", "in small letters", `lower("ÄB")`, `"äb"`),
		fn("trim", "trim(t); trim(t, chars)", "without spaces, or these characters, at its ends", `trim("--a--", "-")`, `"a"`),
		fn("trimPrefix", "trimPrefix(t, p)", "without p in front", `trimPrefix("pub-x", "pub-")`, `"x"`),
		fn("trimSuffix", "trimSuffix(t, s)", "without s at its end", `trimSuffix("a.txt", ".txt")`, `"a"`),
		fn("prefixed", "prefixed(p, t)", "with p in front, once", `prefixed("[X] ", "[X] a")`, `"[X] a"`),
		fn("unprefixed", "unprefixed(p, t)", "without p in front", `unprefixed("[X] ", "[X] a")`, `"a"`),
		fn("split", "split(t, sep)", "cut at each sep", `split("a, b", ", ")`, `["a","b"]`),
		fn("lines", "lines(t)", "its lines", "lines(`a\nb`)", `["a","b"]`),
		fn("join", "join(l); join(l, sep)", "one text of many", `join(issue.labels, " + ")`, `"globex + vip"`),
		fn("replace", "replace(t, old, new)", "at every place", `replace("a-b-c", "-", "/")`, `"a/b/c"`),
		fn("repeat", "repeat(t, n)", "n times", `repeat("=", 5)`, `"====="`),
		fn("indexOf", "indexOf(t, part)", "where it stands, from 0; -1 if it is not there", `indexOf("äöü", "ü")`, `2`),
		fn("sub", "sub(t, from, to)", "a part, from 0", `sub("äöü", 1, 3)`, `"öü"`),
		fn("truncate", "truncate(t, n); truncate(t, n, ending)", "at most n characters with the ending, Markdown closed", `truncate("A **long** text", 8)`, `"A **l…**"`),
		fn("text", `text("{} ({})", x, …)`, "the values put in for `{}`; nothing is written as nothing", `text("{} ({})", issue.key, issue.resolution)`, `"SUP-7 ()"`),
	}
}

func patterns() []Function {
	return []Function{
		fn("capture", "capture(t, re); capture(t, re, group)", "what a group found; the first one if no other is named; nil if nothing was found", `capture("see GLX-12", "[A-Z]+-([0-9]+)")`, `"12"`),
		fn("captures", "captures(t, re)", "what the first group found, at every place", `captures("a1 b2", "([0-9])")`, `["1","2"]`),
		fn("replaceMatch", "replaceMatch(t, re, with)", "every place that fits; `$1` is a group", `replaceMatch("a1 b2", "([a-z])([0-9])", "$2$1")`, `"1a 2b"`),
		fn("plain", "plain(rich)", "Markdown taken off", "plain(\"**Bold** and `code`\")", `"Bold and code"`),
		fn("rich", "rich(text)", "escaped, so that it shows as it is", `rich("2 * 3")`, `"2 \\* 3"`),
		fn("quote", "quote(rich)", "as a quotation", `quote("a")`, `"> a"`),
	}
}

func times() []Function {
	return []Function{
		fn("now", "now()", "the time of the event, not of the run", `now() == event.at`, `true`),
		fn("date", `date(t); date(t, "DD.MM.YYYY")`, "read from a text; nil if it is none", `date("31.01.2026", "DD.MM.YYYY")`, `"2026-01-31"`),
		fn("format", `format(time, layout); format(time, layout, zone)`, "written: YYYY YY MMMM MMM MM M DD D dddd ddd HH hh mm ss A Z", `format(issue.created, "DD.MM. HH:mm", "Europe/Berlin")`, `"30.01. 09:00"`),
		fn("days", "days(n)", "a duration of n days", `issue.created + days(2)`, `"2026-02-01T08:00:00Z"`),
		fn("hours", "hours(n)", "a duration of n hours", `hours(2)`, `7200`),
		fn("minutes", "minutes(n)", "a duration of n minutes", `minutes(2)`, `120`),
		fn("inZone", "inZone(time, zone)", "the same time, in a zone", `format(inZone(issue.created, "Asia/Tokyo"), "HH:mm Z", "Asia/Tokyo")`, `"17:00 +09:00"`),
		fn("startOfDay", "startOfDay(time)", "midnight of the day, in the time's zone", `startOfDay(issue.created)`, `"2026-01-30T00:00:00Z"`),
	}
}

func people() []Function {
	return []Function{
		in("user", "user(x, fallback, …)", "our person with this e-mail, login or id, if there is exactly one; else the next; else nil", `issue.assignee = user(replica.assignee?.email, "bob@acme.example")`, `{"assignee":{"email":"bob@acme.example","id":"8","name":"Bob"}}`),
		in("assignable", "assignable(person)", "whether the ticket, in its project or the one that a line above sets, can be assigned to our person; an error in `filter check` where the tracker does not tell", `issue.assignee = assignable(user("bob@acme.example")) ? user("bob@acme.example") : keep`, `{"assignee":{"email":"bob@acme.example","id":"8","name":"Bob"}}`),
		fn("withEmail", "withEmail(person)", "outgoing: the e-mail leaves too", `withEmail(issue.assignee).email`, `"ann@acme.example"`),
		in("byline", `byline(comment); byline(comment, "{name}, {created}")`, "who wrote it and when, and an empty line; also `{edited}`", `issue.description = byline(first(replica.comments), "**{name}**") + first(replica.comments).body`, `{"description":"**Gil**\n\nBurns here too."}`),
		in("asUser", "asUser(comment, person)", "to be written in the name of our person, where the accept gate and your tracker let that be; else, and for nobody, in ours below `byline(comment)`", `issue.comments = map(replica.comments, asUser(#, user("bob@acme.example")))`, `{} 1 comments`),
		in("ticketBy", `ticketBy("Remote key", value)`, "our ticket whose field has this value; several park the ticket", `connect ticketBy("Remote key", replica.key)`, `{} connected with 33`),
		in("twinOf", "twinOf(ref); twinOf(links)", "our ticket for theirs; while it is not here, the field stays as it is. Of links those whose ticket is here", `issue.parent = twinOf(replica.parent)`, `{"parent":{"id":"33","key":""}}`),
	}
}

func changes() []Function {
	return []Function{
		in("sent", `sent("field")`, "incoming: whether it was sent, even empty; a custom field is \"fields.Name\"", `issue.fields["Told"] = sent("priority")`, `{"fields.Told":false}`),
		in("changed", `changed("field", …)`, "whether it differs from `previous`; in an outgoing filter, what the lines above set", `issue.fields["Told"] = changed("status", "summary")`, `{"fields.Told":true}`),
		in("added", `added("coll")`, "what is there and was not", `issue.fields["Told"] = added("labels")`, `{"fields.Told":["hot"]}`),
		in("removed", `removed("coll")`, "what was there and is not", `issue.fields["Told"] = removed("labels")`, `{"fields.Told":["cold"]}`),
		in("edited", `edited("coll")`, "what was there and differs", `issue.fields["Told"] = len(edited("comments"))`, `{"fields.Told":0}`),
	}
}

func privacy() []Function {
	return []Function{
		fn("mask", "mask(t); mask(t, keepLast)", "hidden but for its last characters", `mask("4111111111111111", 4)`, `"•••1111"`),
		fn("redact", `redact(x, "email", "phone", …)`, "what is found is replaced, in a text, a comment, a file's name or a list of them; \"host\" is your own host names", `redact("mail ann@acme.example", "email")`, `"mail [email]"`),
		fn("hash", "hash(x)", "always the same on one connection, different on another", `len(hash("x")) > 10`, `true`),
		fn("token", `token(t, "class")`, "outgoing: a word that only `reveal` of this connection, ticket and class reads; the same text of a ticket has the same; texts of up to 1024 bytes",
			`token(issue.summary, "customer")`, `"sealed1cyz266r3bvbmsox33senozi6tqmrdsh7mrbh66jgqtr5aworu6pa0"`),
		in("reveal", `reveal(t, "class")`, "incoming: the texts of our own tokens in a text; what is no token of this connection, ticket and class stays as it is", `issue.summary = reveal("From " + replica.key, "customer")`, `{"summary":"From GLX-1"}`),
		fn("pseudonym", "pseudonym(x)", "a short name instead of a person's, likewise", `pseudonym(issue.assignee) == pseudonym(issue.assignee)`, `true`),
	}
}
