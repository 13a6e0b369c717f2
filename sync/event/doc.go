// Package event holds the nouns that every other package speaks in: what a
// ticket is, what a step is, what a change on the wire says.
//
// It is a leaf: no I/O, no clock, no random source. Adapters and filters
// import this package and nothing else of sync.
//
// # Values
//
// A field's value is plain data, the same in memory, in the store and on the
// wire: nil, string, bool, float64, []any of these, map[string]any of these.
// What a string stands for is said by the field's Type:
//
//	text, rich    string; rich is GitHub-flavoured Markdown, newlines are \n
//	option        string: the option's name as people see it
//	cascade       {"value": string, "child": string}
//	user          {"id": string, "name": string, "email": string (may be absent)}
//	number        float64
//	bool          bool
//	time          string, RFC 3339 in UTC, "2026-01-31T12:00:00Z"
//	date          string, "2026-01-31"
//	duration      float64, seconds
//	set           []any of string: labels, components, versions; sorted, no repeats
//	options       []any of string, like set
//	users         []any of user
//	ref           {"id": string, "key": string}
//	links         []any of {"type": string, "id": string, "key": string (may be absent)}; sorted, no repeats
//
// nil and a missing key differ everywhere: nil is "empty", missing is "not
// sent" or "not known". Standard fields go by their name ("summary"), custom
// fields by "fields." and the name people see ("fields.Severity").
package event
