package salesforce

import (
	"errors"
	"regexp"
	"strings"
	"time"
)

// quote makes a literal of a text for SOQL: whatever it holds, it stays one text.
func quote(s string) string {
	return "'" + strings.NewReplacer(
		`\`, `\\`, `'`, `\'`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\b", `\b`, "\f", `\f`, "\x00", "",
	).Replace(s) + "'"
}

// oneOf is a list of literals for IN.
func oneOf(all []string) string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = quote(s)
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// moment is a time for SOQL, to the second, which is all that change times have.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// after is the condition for what comes behind a place in the order of a time and the
// id: many rows may bear one time.
func after(field string, at time.Time, id string) string {
	if id == "" {
		return field + " >= " + moment(at)
	}
	return "((" + field + " = " + moment(at) + " AND Id > " + quote(id) + ") OR " + field + " > " + moment(at) + ")"
}

// condition checks that an administrator's condition stays within the parentheses it
// is put into: it may narrow a listing, not replace it.
func condition(s string) error {
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		}
		if depth < 0 {
			break
		}
	}
	if depth != 0 || quoted {
		return errors.New("a parenthesis or a quote of the condition is not closed")
	}
	return nil
}

var (
	recordID = regexp.MustCompile(`^[a-zA-Z0-9]{18}$`)
	number   = regexp.MustCompile(`^[0-9]{1,30}$`)
)

// isID tells an id of eighteen characters, which are the same in every spelling, and
// what it is the id of by its first three.
func isID(s, prefix string) bool { return recordID.MatchString(s) && strings.HasPrefix(s, prefix) }

// The first characters of ids.
const (
	idCase    = "500"
	idUser    = "005"
	idQueue   = "00G"
	idContact = "003"
	idVersion = "068"
)
