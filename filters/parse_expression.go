package filters

import (
	"slices"
	"strings"
)

// A line that starts with one of these continues the one before it.
var continuations = strings.Fields("| ? : ?? and or && ||")

func continues(t token) bool {
	return (t.kind == tokenOperator || t.kind == tokenName) && slices.Contains(continuations, t.text)
}

// expression steps over one expression and returns where it stands. With block
// set it ends at the { that opens a block, which is stepped over too.
func (p *reader) expression(block bool, missing string) (where span, opened, ok bool) {
	from := p.at
	var open []token
	for {
		t := p.current()
		switch {
		case t.kind == tokenEnd:
			where, ok = p.endExpression(from, open, missing)
			return where, false, ok
		case t.kind == tokenNewline:
			if p.endsAtNewline(innermost(open)) {
				where, ok = p.endExpression(from, open, missing)
				return where, false, ok
			}
		case block && len(open) == 0 && t.is(tokenOpen, "{") && p.ahead(1).kind == tokenNewline:
			where, ok = p.endExpression(from, nil, missing)
			p.at++
			return where, true, ok
		case block && len(open) == 0 && t.text == "{" && p.at > from && endsValue(p.tokens[p.at-1]):
			p.report.add(CodeSyntax, t.start, "{ is the last thing on its line")
			where, _ = p.endExpression(from, nil, missing)
			p.at++
			return where, true, false
		case t.kind == tokenOpen:
			open = append(open, t)
		case t.kind == tokenClose:
			if len(open) == 0 && t.text == "}" {
				where, ok = p.endExpression(from, nil, missing)
				return where, false, ok
			}
			if t.text == "}" && p.tokens[p.at-1].kind == tokenNewline && !slices.ContainsFunc(open, isBrace) {
				where, ok = p.endExpression(from, open, missing) // it closes the block that the line is in
				return where, false, ok
			}
			if len(open) == 0 || closes[open[len(open)-1].text] != t.text {
				p.report.add(CodeSyntax, t.start, "this %s closes nothing", t.text)
				p.skipStatement()
				return span{}, false, false
			}
			open = open[:len(open)-1]
		}
		p.at++
	}
}

// endsValue tells whether a value may end with t: then { opens a block.
func endsValue(t token) bool {
	switch t.kind {
	case tokenName:
		return !slices.Contains(wordOperators, t.text)
	case tokenNumber, tokenText, tokenClose:
		return true
	}
	return false
}

var wordOperators = strings.Fields("and or not in matches contains startsWith endsWith")

var closes = map[string]string{"(": ")", "[": "]", "{": "}"}

func isBrace(t token) bool { return t.text == "{" }

// innermost is the bracket that was opened last, or "".
func innermost(open []token) string {
	if len(open) == 0 {
		return ""
	}
	return open[len(open)-1].text
}

// endsAtNewline tells whether the newline at p ends the expression.
func (p *reader) endsAtNewline(bracket string) bool {
	n := 1
	for p.ahead(n).kind == tokenNewline {
		n++
	}
	next := p.ahead(n)
	if bracket != "" {
		// A line that can only be a statement: a bracket was left open above.
		return next.kind == tokenEnd || p.looksLikeStatement(n, bracket)
	}
	return !continues(next)
}

func (p *reader) looksLikeStatement(n int, bracket string) bool {
	first, second := p.ahead(n), p.ahead(n+1)
	if first.kind != tokenName {
		return false
	}
	switch first.text {
	case "issue", "replica":
		if !second.is(tokenOperator, ".") {
			return false
		}
		if p.ahead(n+3).is(tokenOpen, "[") {
			return isAssign(p.ahead(n + 6))
		}
		return isAssign(p.ahead(n + 3))
	case "skip", "leave", "park", "refuse":
		return second.kind == tokenText
	case "note", "connect":
		return second.kind == tokenText || second.kind == tokenName
	case "if":
		return true
	case "let": // in a predicate it may stand too
		return bracket != "{"
	}
	return false
}

// skipStatement steps to the end of a statement that cannot be read.
func (p *reader) skipStatement() {
	var open []token
	for ; p.current().kind != tokenEnd; p.at++ {
		switch t := p.current(); {
		case t.kind == tokenOpen:
			open = append(open, t)
		case t.is(tokenClose, "}") && len(open) == 0:
			return
		case t.kind == tokenClose && len(open) > 0:
			open = open[:len(open)-1]
		case t.kind == tokenNewline && p.endsAtNewline(innermost(open)):
			return
		}
	}
}

// endExpression checks the tokens from..p.at of one expression.
func (p *reader) endExpression(from int, open []token, missing string) (span, bool) {
	tokens := p.tokens[from:p.at]
	for len(tokens) > 0 && tokens[len(tokens)-1].kind == tokenNewline {
		tokens = tokens[:len(tokens)-1]
	}
	if len(tokens) == 0 {
		p.report.add(CodeSyntax, p.current().start, "%s", missing)
		return span{start: p.current().start, end: p.current().start}, false
	}
	where := span{start: tokens[0].start, end: tokens[len(tokens)-1].end}
	if len(open) > 0 {
		last := open[len(open)-1]
		p.report.add(CodeUnclosed, last.start, "this %s is not closed", last.text)
		return where, false
	}
	return where, p.checkTokens(tokens)
}

// checkTokens finds what expr would not explain well, or must not be given.
func (p *reader) checkTokens(tokens []token) bool {
	ok := true
	fail := func(code Code, t token, message string) {
		p.report.add(code, t.start, "%s", message)
		ok = false
	}
	depth, prefix := 0, 0
	for i, t := range tokens {
		before := token{}
		if i > 0 {
			before = tokens[i-1]
		}
		switch {
		case t.kind == tokenBroken:
			ok = false
		case t.kind == tokenOpen:
			if depth++; depth == maxNesting+1 {
				fail(CodeTooDeep, t, "too many brackets in one another")
			}
		case t.kind == tokenClose:
			depth--
		case isAssign(t) && !isLocalLet(tokens, i):
			fail(CodeAssign, t, t.text+" sets a field; to compare, write ==")
		case t.is(tokenOperator, ":") && before.is(tokenOperator, "?"):
			fail(CodeSyntax, t, "there is no ?: here; write a ?? b, or default(a, b)")
		case t.is(tokenOperator, ";") && depth == 0:
			fail(CodeSyntax, t, "write one statement a line")
			return false
		case t.is(tokenName, "if"):
			fail(CodeSyntax, t, "if and else are statements; in an expression write condition ? a : b")
		case strings.HasPrefix(t.text, "$") && t.kind == tokenName:
			fail(CodeUnknownName, t, t.text+" is not a name")
		}
		if t.kind == tokenOperator && strings.Contains("! - +", t.text) || t.is(tokenName, "not") {
			if prefix++; prefix == maxPrefix {
				fail(CodeTooDeep, t, "too many operators in a row")
			}
		} else if t.kind != tokenNewline {
			prefix = 0
		}
	}
	return ok
}

// isLocalLet tells whether the = at i belongs to "let name =" in a predicate.
func isLocalLet(tokens []token, i int) bool {
	return tokens[i].text == "=" && i >= 2 && tokens[i-1].kind == tokenName && tokens[i-2].is(tokenName, "let")
}
