package reference

// Statement is a statement of the language, with a script that shows it.
type Statement struct {
	Name, Form, Where, About string
	// Incoming is set where the example is an incoming filter.
	Incoming bool
	// First is set where the example runs on the first sync.
	First bool
	// Example is a script, and Gives what it makes of the sample.
	Example, Gives string
}

// Statements are all statements, in the order in which people read of them.
func Statements() []Statement {
	return []Statement{
		{
			Name: "=", Form: "T = E", Where: "both", About: "sets a field; nil empties it, `keep` leaves it as it is; of two lines the later one counts",
			Example: "replica.summary = issue.summary\nreplica.resolution = nil", Gives: `{"resolution":null,"summary":"Printer on fire"}`,
		},
		{
			Name: "+=", Form: "T += E", Where: "both", About: "adds to a set; one text or a list",
			Incoming: true, Example: `issue.labels += "acme"`, Gives: `{} labels + ["acme"]`,
		},
		{
			Name: "-=", Form: "T -= E", Where: "both", About: "takes out of a set",
			Incoming: true, Example: `issue.labels -= ["new", "untriaged"]`, Gives: `{} labels - ["new","untriaged"]`,
		},
		{
			Name: "let", Form: "let n = E", Where: "both", About: "names a value until the end of its block; a name is given once",
			Example: "let prefix = \"[Acme] \"\nreplica.summary = prefix + issue.summary", Gives: `{"summary":"[Acme] Printer on fire"}`,
		},
		{
			Name: "if", Form: "if E { … } else if E { … } else { … }", Where: "both", About: "nothing counts as false; `{` is the last thing on its line, `}` stands on its own",
			Example: "if issue.fields[\"Severity\"] == \"S1\" {\n  replica.priority = \"Highest\"\n} else if \"vip\" in issue.labels {\n  replica.priority = \"High\"\n} else {\n  replica.priority = \"Normal\"\n}", Gives: `{"priority":"High"}`,
		},
		{
			Name: "skip", Form: `skip "why"`, Where: "both", About: "this change does nothing; the pair stays",
			Example: "if \"globex\" in issue.labels {\n  skip \"they have it already\"\n}", Gives: `skip "they have it already"`,
		},
		{
			Name: "leave", Form: `leave "why"`, Where: "both", About: "ends the pair, by the connection's `leave` policy",
			Example: `leave "moved away"`, Gives: `leave "moved away"`,
		},
		{
			Name: "park", Form: `park "why"`, Where: "both", About: "waits for a person",
			Example: `park "who decides this?"`, Gives: `park "who decides this?"`,
		},
		{
			Name: "refuse", Form: `refuse "why"`, Where: "incoming", About: "the other side is told \"by filter\", not why",
			Incoming: true, Example: "if replica.status == \"open\" {\n  refuse \"closed ones only\"\n}", Gives: `refuse "closed ones only"`,
		},
		{
			Name: "connect", Form: "connect E", Where: "incoming, first sync", About: "pairs with our ticket E; nil creates one",
			Incoming: true, First: true, Example: `connect ticketBy("Remote key", replica.key)`, Gives: `{} connected with 33`,
		},
		{
			Name: "note", Form: "note E", Where: "both", About: "shows a value in the trace, masked; changes nothing",
			Example: "note issue.summary\nreplica.key = issue.key", Gives: `{"key":"SUP-7"}`,
		},
	}
}

// Word is a variable, a field or an operator.
type Word struct {
	Names string
	About string
	// Incoming, Example and Gives are as a Function's.
	Incoming       bool
	Example, Gives string
}

// Variables are all names that a script starts from.
func Variables() []Word {
	return []Word{
		{Names: "issue", About: "our ticket; in an incoming filter as it is at this moment, without fields on the first sync", Example: `issue.key`, Gives: `"SUP-7"`},
		{Names: "replica", About: "what leaves (write only), or what came (read only)", Incoming: true, Example: `issue.fields["Told"] = replica.key`, Gives: `{"fields.Told":"GLX-1"}`},
		{Names: "previous", About: "the replica that was sent or applied last; nil while there is none", Example: `previous.summary`, Gives: `"Printer smokes"`},
		{Names: "firstSync", About: "whether there is no pair yet", Example: `firstSync`, Gives: `false`},
		{Names: "connection", About: "`.name`, `.peer`, `.tags`", Example: `connection.peer`, Gives: `"Globex Corp"`},
		{Names: "vars", About: "the connection's variables", Example: `vars.project`, Gives: `"SUP"`},
		{Names: "twin", About: "the pair, nil while there is none: `.since` when it began, `.key` and `.url` of their ticket if their filter sends them, else nil", Example: `twin?.key`, Gives: `"GLX-1"`},
		{Names: "event", About: "`.at`; `.by`, who made the last change: nil if the tracker does not tell, if it was the node, and on the way in unless it is a comment or a file alone; `.kinds`: what the other side has not been told, or what came: `created`, `edited`, `moved`, `commented`, `attached`. A ticket that was deleted runs through no filter", Example: `event.kinds`, Gives: `["edited"]`},
		{Names: "keep", About: "\"leave as is\"", Incoming: true, Example: `issue.priority = option("Urgent") ?? keep`, Gives: `{}`},
		{Names: "KB MB GB", About: "sizes", Example: `2 * KB`, Gives: `2048`},
		{Names: "MINUTE HOUR DAY WEEK", About: "durations", Example: `issue.created + 3 * DAY`, Gives: `"2026-02-02T08:00:00Z"`},
	}
}

// Fields are all standard fields of a ticket.
func Fields() []Word {
	return []Word{
		{Names: "key url project type kind summary", About: "text", Example: `issue.project`, Gives: `"SUP"`},
		{Names: "description environment", About: "rich text: Markdown", Example: `issue.description`, Gives: `"It *burns*."`},
		{Names: "status resolution priority securityLevel", About: "option: its name, compared with text; `.name` is the same", Example: `issue.status.name == issue.status`, Gives: `true`},
		{Names: "assignee reporter creator", About: "person: `.id`, `.name`, `.email`", Example: `issue.assignee.name`, Gives: `"Ann"`},
		{Names: "created updated resolved", About: "time", Example: `issue.created`, Gives: `"2026-01-30T08:00:00Z"`},
		{Names: "due", About: "date", Example: `issue.due`, Gives: `"2026-02-01"`},
		{Names: "estimate remaining spent", About: "duration; on the wire in seconds", Example: `issue.estimate`, Gives: `5400`},
		{Names: "labels watchers components fixVersions affectedVersions", About: "set of texts", Example: `issue.labels`, Gives: `["globex","vip"]`},
		{Names: "links", About: "links to other tickets of the same tracker: `.type` (`relates to`, `blocks`, `is blocked by`, `duplicates`, …), `.id`, `.key`; write `twinOf(replica.links)`", Example: `first(issue.links).type`, Gives: `"blocks"`},
		{Names: "parent", About: "ticket: `.id`, `.key`; write `twinOf(replica.parent)`", Example: `issue.parent.key`, Gives: `"SUP-1"`},
		{Names: "children", About: "`issue.children`, read only: the tickets whose parent it is, each with `.id` and `.key`, where the tracker tells them", Example: `map(issue.children, .key)`, Gives: `["SUP-8"]`},
		{Names: "comments", About: "`.id` `.body` `.author` `.created` `.edited` `.internal` `.from`; of our ticket: public and written here", Example: `map(issue.comments, .body)`, Gives: `["It burns.","Is it out?"]`},
		{Names: "notes", About: "of our ticket: internal comments written here", Example: `len(issue.notes)`, Gives: `1`},
		{Names: "foreignComments", About: "of our ticket: comments that came over other connections, named by `.from`", Example: `map(issue.foreignComments, .from)`, Gives: `["initech"]`},
		{Names: "attachments", About: "`.id` `.name` `.size` `.mime` `.sha256` `.author` `.created` `.internal` `.inline` `.from`", Example: `map(issue.attachments, .name)`, Gives: `["photo.png","core.zip"]`},
		{Names: "fields", About: "`fields[\"Name\"]` is a custom field, typed by your tracker; a cascade has `.value` and `.child`", Example: `issue.fields["Region"].child`, Gives: `"Berlin"`},
	}
}

// Operators are all operators of expressions.
func Operators() []Word {
	return []Word{
		{Names: "+", About: "adds numbers, times and durations; joins texts. Nothing plus something is the something", Example: `"a" + issue.resolution + "b"`, Gives: `"ab"`},
		{Names: "- * / % **", About: "of numbers; times and durations where it makes sense", Example: `7 % 4 + 2 ** 3`, Gives: `11`},
		{Names: "== !=", About: "equal, and not", Example: `issue.labels == ["globex", "vip"]`, Gives: `true`},
		{Names: "< <= > >=", About: "of two numbers, texts, times or durations", Example: `issue.created < event.at`, Gives: `true`},
		{Names: "and or not", About: "also `&& || !`", Example: `vars.on and not firstSync`, Gives: `true`},
		{Names: "in", About: "whether a list holds it, or a value has a member of this name", Example: `"vip" in issue.labels`, Gives: `true`},
		{Names: "contains startsWith endsWith", About: "of texts; false for nothing", Example: `issue.summary startsWith "Printer"`, Gives: `true`},
		{Names: "matches", About: "whether a pattern fits somewhere; it is written out", Example: `issue.key matches "^SUP-[0-9]+$"`, Gives: `true`},
		{Names: "??", About: "the right side where the left one is nothing", Example: `issue.resolution ?? "open"`, Gives: `"open"`},
		{Names: "?:", About: "`condition ? a : b`", Example: `vars.on ? "yes" : "no"`, Gives: `"yes"`},
		{Names: "..", About: "whole numbers from one to another", Example: `1..3`, Gives: `[1,2,3]`},
		{Names: ". ?.", About: "a part by its name; a part of nothing is nothing", Example: `issue.reporter?.name`, Gives: `null`},
		{Names: "[]", About: "a part by its number (from the end with -1) or name; also lists `[a, b]`, and values with members `{a: 1}`", Example: `issue.labels[-1]`, Gives: `"vip"`},
		{Names: "|", About: "hands a value to a function as its first argument; a line may begin with it", Example: `issue.labels | filter(# != "vip") | join(", ")`, Gives: `"globex"`},
	}
}
