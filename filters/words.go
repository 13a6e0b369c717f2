package filters

import (
	"fmt"
	"slices"
	"strings"

	"parley/sync/event"
)

// Words are the names of the language but for its functions, for what writes
// about it and for what completes it while people type.
type Words struct {
	Statements []string
	Variables  []string
	// Fields are the standard ones of a ticket, with the types they have on the
	// wire, and Collections those with entries that have authors.
	Fields      map[string]event.Type
	Collections []string
	// Operators are those of expressions.
	Operators []string
	// LaterFields are in the language and not in this version.
	LaterFields []string
	Bounds      []Bound
}

// Bound is what a script may use at most.
type Bound struct{ Of, Most string }

// Vocabulary returns the names of the language.
func Vocabulary() Words {
	return Words{
		Statements:  []string{"let", "=", "+=", "-=", "if", "skip", "leave", "park", "refuse", "connect", "note"},
		Variables:   slices.DeleteFunc(slices.Clone(globals), func(name string) bool { return name == "true" || name == "false" || name == "nil" }),
		Fields:      standardTypes(),
		Collections: []string{collectionComments, collectionNotes, collectionForeign, collectionAttachments},
		Operators:   strings.Fields("+ - * / % ** == != < <= > >= and or not in contains startsWith endsWith matches ?? ?: .. . ?. [] |"),
		LaterFields: sortedKeys(laterFields()),
		Bounds:      bounds(),
	}
}

func bounds() []Bound {
	l := Limits{}.withDefaults()
	number := func(n int) string { return fmt.Sprint(n) }
	return []Bound{
		{"a script", number(maxSource>>10) + " KiB"},
		{"an expression", number(maxNodes) + " parts"},
		{"brackets in brackets", number(maxNesting)},
		{"ifs in ifs", number(maxBlocks)},
		{"a run", "50 ms, 64 MB, " + number(l.Lookups) + " look-ups"},
		{"a list", number(l.Items) + " entries"},
		{"a text", number(l.Text>>20) + " MiB"},
		{"a text for redact, for plain", number(maxRedact>>10) + " KiB, " + number(maxPlain>>10) + " KiB"},
		{"a pattern", number(maxPattern) + " characters"},
		{"what a pattern of replaceMatch finds", number(l.Items/2) + " places"},
		{"a result without the content of files", number(l.Result>>10) + " KiB, " + number(maxDepth) + " levels"},
	}
}
