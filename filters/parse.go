package filters

import "strings"

type statementKind uint8

const (
	statementLet statementKind = iota
	statementAssign
	statementIf
	statementStop
	statementConnect
	statementNote
)

// span is a stretch of the script, as offsets.
type span struct{ start, end int }

// statement is one statement as written.
type statement struct {
	kind statementKind
	at   int
	name string // of a let, or of a stop: skip, leave, park, refuse
	op   string // =, += or -=
	// target of an assignment: side.field or side.fields["custom"].
	side, field      string
	custom           bool
	sideAt, targetAt int
	value            span // the expression, or the condition
	bad              bool // a problem is reported: do not compile the expression
	then, otherwise  []statement
}

// reader cuts tokens into statements.
type reader struct {
	src    *source
	report *reporter
	tokens []token
	at     int
}

// parseScript reports what is wrong and returns the statements it could read.
func parseScript(src *source, report *reporter) []statement {
	p := &reader{src: src, report: report, tokens: tokenize(src, report)}
	list := p.block(0)
	for p.current().kind != tokenEnd {
		p.report.add(CodeSyntax, p.current().start, "this } closes nothing")
		p.at++
		list = append(list, p.block(0)...)
	}
	return list
}

func (p *reader) current() token { return p.tokens[min(p.at, len(p.tokens)-1)] }

func (p *reader) ahead(n int) token { return p.tokens[min(p.at+n, len(p.tokens)-1)] }

// block reads statements up to the } that closes it, or the end.
func (p *reader) block(depth int) []statement {
	var list []statement
	for {
		switch t := p.current(); {
		case t.kind == tokenEnd || t.is(tokenClose, "}"):
			return list
		case t.kind == tokenNewline || t.is(tokenOperator, ";"):
			p.at++
		case p.report.errors > maxProblems:
			p.at = len(p.tokens) - 1 // no more of them is told
		default:
			before := p.at
			list = append(list, p.statement(depth))
			if p.at == before {
				p.at++ // never stand still, whatever the script holds
			}
		}
	}
}

func (p *reader) statement(depth int) statement {
	t := p.current()
	s := statement{at: t.start}
	if t.kind == tokenName && (t.text == "let" || !p.startsTarget()) {
		switch t.text {
		case "let":
			return p.let(s)
		case "if":
			return p.condition(s, depth)
		case "skip", "leave", "park", "refuse":
			s.kind, s.name = statementStop, t.text
			p.at++
			return p.valueOf(s, t.text+` needs a reason, as in `+t.text+` "internal ticket"`)
		case "connect":
			s.kind = statementConnect
			p.at++
			return p.valueOf(s, "connect needs a ticket")
		case "note":
			s.kind = statementNote
			p.at++
			return p.valueOf(s, "note needs a value")
		case "else":
			p.report.add(CodeSyntax, t.start, "this else has no if")
			s.bad = true
			p.at++
			p.skipLine()
			return s
		}
	}
	return p.assignment(s)
}

// startsTarget tells an assignment from a statement that starts with a word.
func (p *reader) startsTarget() bool {
	next := p.ahead(1)
	return next.is(tokenOperator, ".") || next.is(tokenOpen, "[") || isAssign(next)
}

func isAssign(t token) bool {
	return t.kind == tokenOperator && (t.text == "=" || t.text == "+=" || t.text == "-=")
}

func (p *reader) let(s statement) statement {
	s.kind = statementLet
	p.at++
	name := p.current()
	if name.kind != tokenName {
		return p.broken(s, name.start, `let needs a name, as in let prefix = "[Acme] "`)
	}
	s.name, s.targetAt = name.text, name.start
	p.at++
	if !p.current().is(tokenOperator, "=") {
		return p.broken(s, p.current().start, "let %s needs = and a value", name.text)
	}
	p.at++
	return p.valueOf(s, "let "+name.text+" needs a value")
}

// broken reports a problem and steps over the rest of the line.
func (p *reader) broken(s statement, at int, format string, args ...any) statement {
	p.report.add(CodeSyntax, at, format, args...)
	s.bad = true
	p.skipLine()
	return s
}

func (p *reader) skipLine() {
	for p.current().kind != tokenNewline && p.current().kind != tokenEnd {
		p.at++
	}
}

func (p *reader) valueOf(s statement, missing string) statement {
	var ok bool
	s.value, _, ok = p.expression(false, missing)
	s.bad = s.bad || !ok
	return s
}

func (p *reader) condition(s statement, depth int) statement {
	s.kind = statementIf
	p.at++
	if depth >= maxBlocks {
		p.report.add(CodeTooDeep, s.at, "more than %d ifs in one another", maxBlocks)
		p.at = len(p.tokens) - 1
		s.bad = true
		return s
	}
	var opened, ok bool
	s.value, opened, ok = p.expression(true, "if needs a condition")
	s.bad = !ok
	if !opened {
		if ok {
			p.report.add(CodeSyntax, s.value.end, "if needs { as the last thing on its line")
		}
		s.bad = true
		p.skipLine() // go on as if it had opened, so that its } is not a second mistake
	}
	s.then = p.body(s.at, depth)
	s.otherwise = p.elseOf(depth)
	return s
}

// body reads statements and the } after them.
func (p *reader) body(opener, depth int) []statement {
	list := p.block(depth + 1)
	if !p.current().is(tokenClose, "}") {
		p.report.add(CodeUnclosed, opener, "the block that starts here is not closed with }")
		return list
	}
	p.at++
	return list
}

func (p *reader) elseOf(depth int) []statement {
	at := p.at
	for p.current().kind == tokenNewline {
		p.at++
	}
	word := p.current()
	if !word.is(tokenName, "else") {
		p.at = at
		return nil
	}
	p.at++
	if next := p.current(); next.is(tokenName, "if") {
		return []statement{p.condition(statement{at: next.start}, depth+1)}
	}
	if !p.current().is(tokenOpen, "{") || p.ahead(1).kind != tokenNewline {
		p.report.add(CodeSyntax, word.start, "else needs { as the last thing on its line, or an if")
		p.skipLine()
	} else {
		p.at++
	}
	return p.body(word.start, depth)
}

func (p *reader) assignment(s statement) statement {
	s.kind = statementAssign
	if !p.target(&s) {
		p.skipStatement()
		s.bad = true
		return s
	}
	t := p.current()
	if !isAssign(t) {
		p.report.add(CodeSyntax, t.start, "expected = after the field to set")
		p.skipStatement()
		s.bad = true
		return s
	}
	s.op = t.text
	p.at++
	return p.valueOf(s, "there is no value after "+t.text)
}

// target reads side.field or side.fields["name"].
func (p *reader) target(s *statement) bool {
	side := p.current()
	if side.kind != tokenName {
		p.report.add(CodeSyntax, side.start, "a statement starts with a field to set, let, if, skip, leave, park, refuse, connect or note")
		return false
	}
	s.side, s.sideAt = side.text, side.start
	p.at++
	switch {
	case isAssign(p.current()):
		return true // a whole side or an unknown name; the compiler says which
	case !p.current().is(tokenOperator, "."):
		problem := p.report.add(CodeSyntax, side.start, "%s is not a statement", side.text)
		problem.Nearest = nearest(side.text, strings.Fields("let if else skip leave park refuse connect note issue replica"))
		return false
	}
	p.at++
	field := p.current()
	s.field, s.targetAt = field.text, field.start
	if field.kind != tokenName {
		s.field = ""
		p.report.add(CodeSyntax, field.start, "expected the name of a field after %s.", side.text)
		return false
	}
	p.at++
	if !p.current().is(tokenOpen, "[") {
		return true
	}
	name, closing := p.ahead(1), p.ahead(2)
	if field.text != "fields" || name.kind != tokenText || !closing.is(tokenClose, "]") {
		p.report.add(CodeSyntax, p.current().start, `a custom field is written %s.fields["Name"]`, side.text)
		return false
	}
	s.field, s.custom, s.targetAt = unquote(string(p.src.text[name.start:name.end])), true, name.start
	p.at += 3
	return true
}

// unquote reads a literal of a field's name; names need no escapes but of quotes.
func unquote(literal string) string {
	if len(literal) < 2 {
		return ""
	}
	quote, inner := literal[:1], strings.TrimSuffix(literal[1:], literal[:1])
	if quote == "`" {
		return strings.ReplaceAll(inner, "``", "`")
	}
	return strings.NewReplacer(`\\`, `\`, `\`+quote, quote).Replace(inner)
}
