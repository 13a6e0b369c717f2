package template

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"slices"
	"strings"
	"unicode/utf8"
)

// Columns are the columns of a file of connections that are no variables.
func Columns() []string {
	return []string{"name", "code", "conflict", "owner", "query", "scope", "tags"}
}

// Conflicts are what the column conflict may say.
func Conflicts() []string { return []string{"ours", "theirs", "newest", "ask", "ask-theirs"} }

// Row is one connection of a file.
type Row struct {
	// Line is where it stands in the file, Columns where each of its cells does.
	Line    int
	Columns map[string]int
	Name    string
	// Code is an invitation by the other side; "" lets us invite.
	Code     string
	Conflict string
	Owner    string
	Query    string
	Scope    string
	Tags     []string
	// Given are the variables that the row gives, Vars those with the defaults.
	Given, Vars map[string]any
}

// Mistake is one thing that is wrong in a file of connections.
type Mistake struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Field  string `json:"field,omitempty"`
	What   string `json:"what"`
}

// String is the mistake with its place.
func (m Mistake) String() string {
	field := ""
	if m.Field != "" {
		field = m.Field + ": "
	}
	return fmt.Sprintf("%d:%d: %s%s", m.Line, m.Column, field, m.What)
}

// Bounds of a file of connections.
const (
	maxRows     = 10_000
	maxMistakes = 500
	maxQuery    = 8 << 10
)

// reader reads a file of connections.
type reader struct {
	template *Template
	csv      *csv.Reader
	head     []string
	seen     map[string]int // name or code, to its line
	rows     []Row
	mistakes []Mistake
}

// ReadRows reads a file of connections: a line of column names, then one connection a
// line. It returns all mistakes, by line and column.
func ReadRows(in io.Reader, t *Template) ([]Row, []Mistake) {
	r := &reader{template: t, csv: csv.NewReader(in), seen: map[string]int{}}
	r.csv.FieldsPerRecord = -1
	for len(r.rows) < maxRows && len(r.mistakes) < maxMistakes {
		record, err := r.csv.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			r.broken(err)
			return r.rows, r.mistakes
		}
		if r.head == nil {
			r.header(record)
			continue
		}
		r.row(record)
	}
	switch {
	case r.head == nil:
		r.mistakes = append(r.mistakes, Mistake{1, 1, "", "the file is empty: want a line of column names, then one connection a line"})
	case len(r.rows) == 0 && len(r.mistakes) == 0:
		r.mistakes = append(r.mistakes, Mistake{1, 1, "", "there is no connection under the column names"})
	case len(r.rows) == maxRows:
		r.mistakes = append(r.mistakes, Mistake{r.rows[maxRows-1].Line, 1, "", fmt.Sprintf("a file has at most %d connections", maxRows-1)})
	}
	return r.rows, r.mistakes
}

// broken tells of what is no CSV.
func (r *reader) broken(err error) {
	m := Mistake{Line: 1, Column: 1, What: err.Error()}
	if at := (*csv.ParseError)(nil); errors.As(err, &at) {
		m = Mistake{Line: at.Line, Column: max(at.Column, 1), What: "this is not CSV: " + at.Err.Error()}
	}
	r.mistakes = append(r.mistakes, m)
}

// wrong notes a mistake in a field of the present record.
func (r *reader) wrong(field int, what string) {
	line, column := r.csv.FieldPos(field)
	name := ""
	if field < len(r.head) {
		name = r.head[field]
	}
	r.mistakes = append(r.mistakes, Mistake{line, column, name, what})
}

// header reads the line of column names.
func (r *reader) header(record []string) {
	record[0] = strings.TrimPrefix(record[0], "\ufeff")
	for i := range record {
		record[i] = strings.TrimSpace(record[i])
	}
	known := append(Columns(), r.template.Names()...)
	for i, name := range record {
		switch {
		case !slices.Contains(known, name):
			r.wrong(i, fmt.Sprintf("unknown column %.60q; there are %s", name, strings.Join(known, ", ")))
		case slices.Index(record, name) < i:
			r.wrong(i, fmt.Sprintf("the column %s stands twice", name))
		}
	}
	r.head = record
	missing := []string{"name"}
	for _, name := range r.template.Names() {
		if r.template.Vars[name].Required {
			missing = append(missing, name)
		}
	}
	for _, name := range missing {
		if !slices.Contains(record, name) {
			line, _ := r.csv.FieldPos(0)
			r.mistakes = append(r.mistakes, Mistake{line, 1, name, "the column is missing"})
		}
	}
}

// row reads one connection.
func (r *reader) row(record []string) {
	line, _ := r.csv.FieldPos(0)
	if len(record) != len(r.head) {
		r.wrong(0, fmt.Sprintf("the line has %d columns, and the first line %d", len(record), len(r.head)))
		r.mistakes[len(r.mistakes)-1].Field = ""
		return
	}
	row := Row{Line: line, Given: map[string]any{}, Columns: map[string]int{}}
	for i, text := range record {
		_, row.Columns[r.head[i]] = r.csv.FieldPos(i)
		text = strings.TrimSpace(text)
		if !utf8.ValidString(text) {
			r.wrong(i, "is not UTF-8")
			continue
		}
		if v, ok := r.template.Vars[r.head[i]]; ok {
			r.variable(&row, i, v, text)
			continue
		}
		if what := row.set(r.head[i], text); what != "" {
			r.wrong(i, what)
		}
		r.once(i, text)
	}
	row.Vars, _ = r.template.Values(row.Given) // what is missing was told with its place
	r.rows = append(r.rows, row)
}

// variable reads one variable; a cell that is empty leaves it out.
func (r *reader) variable(row *Row, i int, v Var, text string) {
	if text == "" {
		if v.Required {
			r.wrong(i, "is missing, and "+r.template.Ref.String()+" requires it")
		}
		return
	}
	value, err := v.Parse(text)
	if err != nil {
		r.wrong(i, err.Error())
		return
	}
	row.Given[r.head[i]] = value
}

// once refuses a name or a code that stood before.
func (r *reader) once(i int, text string) {
	if name := r.head[i]; text == "" || name != "name" && name != "code" {
		return
	}
	key := r.head[i] + " " + text
	line, _ := r.csv.FieldPos(i)
	if before := r.seen[key]; before > 0 {
		r.wrong(i, fmt.Sprintf("stands in line %d already", before))
	}
	r.seen[key] = line
}

// set takes a column that is no variable; it returns what is wrong with it.
func (row *Row) set(column, text string) string {
	switch column {
	case "name":
		row.Name = text
		if !nameForm.MatchString(text) {
			return fmt.Sprintf("%.60q is no name of a connection: use 1 to 40 lower-case letters, digits and -", text)
		}
	case "code":
		row.Code = text
	case "conflict":
		row.Conflict = text
		if text != "" && !slices.Contains(Conflicts(), text) {
			return fmt.Sprintf("%.60q is none of %s", text, strings.Join(Conflicts(), ", "))
		}
	case "owner":
		row.Owner = text
		if a, err := mail.ParseAddress(text); text != "" && (err != nil || a.Address != text) {
			return fmt.Sprintf("%.80q is no e-mail address", text)
		}
	case "query":
		row.Query = text
	case "scope":
		row.Scope = text
	case "tags":
		row.Tags = strings.Fields(strings.ReplaceAll(text, ";", " "))
	}
	if len(text) > maxQuery {
		return fmt.Sprintf("is longer than %d bytes", maxQuery)
	}
	return ""
}
