package filters

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// source is a script with what is needed to say where something stands.
type source struct {
	text  []rune
	lines []int // offset of each line's start
}

func newSource(src string) *source {
	s := &source{text: []rune(src), lines: []int{0}}
	for i, r := range s.text {
		if r == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

// position is the line and column of an offset, both from 1.
func (s *source) position(offset int) (line, col int) {
	offset = max(0, min(offset, len(s.text)))
	i, found := slices.BinarySearch(s.lines, offset)
	if !found {
		i--
	}
	return i + 1, offset - s.lines[i] + 1
}

func (s *source) line(n int) string {
	start, end := s.lines[n-1], len(s.text)
	if n < len(s.lines) {
		end = s.lines[n] - 1
	}
	return strings.TrimRight(string(s.text[start:end]), "\r")
}

// reporter collects problems. It counts all errors, those too that the list has
// no room for: a script with one is never used.
type reporter struct {
	src      *source
	list     Problems
	errors   int
	warnings int
}

// add reports an error at an offset and returns it, to add a hint.
func (r *reporter) add(code Code, offset int, format string, args ...any) *Problem {
	r.errors++
	return r.put(r.errors, Problem{Code: code}, offset, format, args)
}

// warn reports what does not stop a script from being used.
func (r *reporter) warn(code Code, offset int, format string, args ...any) *Problem {
	r.warnings++
	return r.put(r.warnings, Problem{Code: code, Warning: true}, offset, format, args)
}

// put lists a problem, unless there are n of its kind already.
func (r *reporter) put(n int, p Problem, offset int, format string, args []any) *Problem {
	p.Line, p.Col = r.src.position(offset)
	for i := range r.list {
		if have := &r.list[i]; have.Line == p.Line && have.Col == p.Col && have.Code == p.Code {
			have.Warning = have.Warning && p.Warning
			return have
		}
	}
	if n > maxProblems {
		return &p
	}
	p.Message, p.Source = fmt.Sprintf(format, args...), r.src.line(p.Line)
	r.list = append(r.list, p)
	return &r.list[len(r.list)-1]
}

func (r *reporter) sorted() Problems {
	slices.SortStableFunc(r.list, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Col - b.Col
	})
	return r.list
}

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenNewline
	tokenName
	tokenNumber
	tokenText
	tokenOperator
	tokenOpen
	tokenClose
	tokenBroken // reported already
)

// token is a piece of a script; start and end are offsets.
type token struct {
	kind       tokenKind
	text       string // of names, operators and brackets
	start, end int
}

func (t token) is(kind tokenKind, text string) bool { return t.kind == kind && t.text == text }

// operators of two characters; every other one is a single character.
const twoCharOperators = "+= -= == != <= >= && || ?? ?. .. ** ::"

// tokenize cuts the script; what it cannot read it reports and steps over.
func tokenize(src *source, report *reporter) []token {
	s := scanner{src: src, report: report}
	for s.at < len(src.text) {
		s.next()
	}
	return append(s.tokens, token{kind: tokenNewline, start: s.at, end: s.at}, token{kind: tokenEnd, start: s.at, end: s.at})
}

type scanner struct {
	src    *source
	report *reporter
	at     int
	tokens []token
}

func (s *scanner) peek(ahead int) rune {
	if s.at+ahead < len(s.src.text) {
		return s.src.text[s.at+ahead]
	}
	return 0
}

func (s *scanner) emit(kind tokenKind, start int) {
	t := token{kind: kind, start: start, end: s.at}
	if kind != tokenText {
		t.text = string(s.src.text[start:s.at])
	}
	s.tokens = append(s.tokens, t)
}

func (s *scanner) next() {
	start, r := s.at, s.src.text[s.at]
	switch {
	case r == '\n':
		s.at++
		s.emit(tokenNewline, start)
	case unicode.IsSpace(r) || r == '\ufeff' && start == 0:
		s.at++
	case r == '/' && s.peek(1) == '/':
		for s.at < len(s.src.text) && s.src.text[s.at] != '\n' {
			s.at++
		}
	case r == '/' && s.peek(1) == '*':
		s.blockComment()
	case r == '"' || r == '\'':
		s.quoted(r)
	case r == '`':
		s.raw()
	case r >= '0' && r <= '9':
		s.number()
	case nameRune(r):
		for s.at < len(s.src.text) && (nameRune(s.src.text[s.at]) || unicode.IsDigit(s.src.text[s.at])) {
			s.at++
		}
		s.emit(tokenName, start)
	default:
		s.operator(r)
	}
}

func nameRune(r rune) bool { return r == '_' || r == '$' || unicode.IsLetter(r) }

func (s *scanner) operator(r rune) {
	start := s.at
	s.at++
	switch {
	case strings.ContainsRune("([{", r):
		s.emit(tokenOpen, start)
	case strings.ContainsRune(")]}", r):
		s.emit(tokenClose, start)
	case strings.ContainsRune("+-=!<>&|?.*:%^,;#/", r):
		if two := string(r) + string(s.peek(0)); s.peek(0) != 0 && strings.Contains(twoCharOperators, two) && !strings.Contains(two, " ") {
			s.at++
		}
		s.emit(tokenOperator, start)
	default:
		s.report.add(CodeSyntax, start, "%q means nothing here", r)
		s.emit(tokenBroken, start)
	}
}

func (s *scanner) blockComment() {
	start := s.at
	for s.at += 2; s.at < len(s.src.text); s.at++ {
		if s.src.text[s.at] == '*' && s.peek(1) == '/' {
			s.at += 2
			return
		}
	}
	s.report.add(CodeUnclosed, start, "the comment is not closed with */")
}

func (s *scanner) quoted(quote rune) {
	start := s.at
	for s.at++; s.at < len(s.src.text); s.at++ {
		switch s.src.text[s.at] {
		case quote:
			s.at++
			s.emit(tokenText, start)
			return
		case '\n':
			s.report.add(CodeUnclosed, start, "the text is not closed with %c on its line", quote)
			s.emit(tokenBroken, start)
			return
		case '\\':
			if s.peek(1) != '\n' {
				s.at++
			}
		}
	}
	s.at = min(s.at, len(s.src.text))
	s.report.add(CodeUnclosed, start, "the text is not closed with %c", quote)
	s.emit(tokenBroken, start)
}

func (s *scanner) raw() {
	start := s.at
	for s.at++; s.at < len(s.src.text); s.at++ {
		if s.src.text[s.at] != '`' {
			continue
		}
		if s.peek(1) == '`' { // a doubled one stands for itself
			s.at++
			continue
		}
		s.at++
		s.emit(tokenText, start)
		return
	}
	s.report.add(CodeUnclosed, start, "the text is not closed with `")
	s.emit(tokenBroken, start)
}

func (s *scanner) number() {
	start := s.at
	for s.at < len(s.src.text) {
		r := s.src.text[s.at]
		decimal := r == '.' && s.peek(1) != '.' && unicode.IsDigit(s.peek(1))
		if !decimal && !unicode.IsDigit(r) && !nameRune(r) {
			break
		}
		s.at++
	}
	text := string(s.src.text[start:s.at])
	_, intErr := strconv.ParseInt(text, 0, 64)
	_, floatErr := strconv.ParseFloat(text, 64)
	if last, _ := utf8.DecodeLastRuneInString(text); intErr != nil && floatErr != nil && unicode.IsLetter(last) {
		number := strings.TrimRightFunc(text, unicode.IsLetter)
		s.report.add(CodeSyntax, start, "%s is not a number; units are multiplied: %s * %s", text, number, text[len(number):])
		s.emit(tokenBroken, start)
		return
	}
	s.emit(tokenNumber, start)
}

// readable tells whether src may be looked at at all, and reports if not.
func readable(src string, report *reporter) bool {
	switch {
	case len(src) > maxSource:
		report.src = newSource("")
		report.add(CodeTooLong, 0, "the script has %d bytes; at most %d are allowed", len(src), maxSource)
	case !utf8.ValidString(src):
		report.src = newSource("")
		report.add(CodeSyntax, 0, "the script is not UTF-8")
	default:
		return true
	}
	return false
}
