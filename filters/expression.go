package filters

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"

	"parley/sync/event"
)

// predicates are the functions that expr itself provides.
var predicates = strings.Fields("filter map find any all none one count sum sortBy")

// runSlot holds the run; no script can spell it.
const runSlot = "(run)"

func letSlot(n int) string { return fmt.Sprintf("(let %d)", n) }

// expression compiles one right-hand side. What it returns beside is expr's
// idea of the type.
func (c *compilation) expression(where span) (*expression, nature.Nature, bool) {
	c.tree, c.base = nil, where.start
	tree, err := parser.ParseWithConfig(string(c.src.text[where.start:where.end]), c.config)
	if err != nil {
		c.exprProblem(CodeSyntax, where.start, nil, err)
		return nil, nature.Nature{}, false
	}
	before := c.report.errors
	r := &resolver{compilation: c, base: where.start, source: c.src.text[where.start:where.end], literals: map[ast.Node]any{}, used: map[int]bool{}}
	r.resolve(&tree.Node)
	if c.report.errors > before {
		return nil, nature.Nature{}, false
	}
	if _, err := new(checker.Checker).Check(tree, c.config); err != nil {
		c.exprProblem(CodeType, where.start, tree.Node, err)
		r.checkCalls(tree.Node)
		return nil, nature.Nature{}, false
	}
	r.checkCalls(tree.Node)
	if c.report.errors > before {
		return nil, nature.Nature{}, false
	}
	known := *tree.Node.Nature()
	c.tree = tree.Node
	ast.Walk(&c.tree, c)
	c.lintNothing(c.tree, c.scene.present)
	e := &expression{at: where.start, reads: r.reads(), depends: r.dependsOn()}
	for n := range r.used {
		e.slots = append(e.slots, n)
	}
	slices.Sort(e.slots)
	if name, ok := tree.Node.(*ast.IdentifierNode); ok {
		e.direct = name.Value
		return e, known, true
	}
	if e.literal, e.constant = literalOf(tree.Node); e.constant {
		return e, known, true
	}
	e.needs = r.needsOf(tree.Node)
	g := &guard{literals: r.literals, guards: c.guards}
	tree.Node = g.rewrite(tree.Node)
	if e.program, err = compiler.Compile(tree, c.config); err != nil {
		// Nothing that resolve and the checker let through should get here.
		c.report.add(CodeSyntax, where.start, "the expression cannot be compiled")
		return nil, nature.Nature{}, false
	}
	return e, known, true
}

var (
	unknownMember = regexp.MustCompile(`^unknown field (.+)$`)
	mismatched    = regexp.MustCompile(`^(\S+) \(mismatched types (.+) and (.+)\)$`)
	badToken      = regexp.MustCompile(`unexpected token (\w+)\("?(.*?)"?\)$`)
)

// exprProblem reports what expr said, in our words where it has its own.
func (c *compilation) exprProblem(code Code, base int, tree ast.Node, err error) {
	var at *file.Error
	if !errors.As(err, &at) {
		c.report.add(code, base, "%s", plainWords(err.Error()))
		return
	}
	message := plainWords(at.Message)
	if m := unknownMember.FindStringSubmatch(at.Message); m != nil {
		p := c.report.add(CodeUnknownField, base+at.From, "there is no %s in it", m[1])
		p.Nearest = nearest(m[1], memberNames(tree, at.From))
		return
	}
	if m := mismatched.FindStringSubmatch(message); m != nil {
		message = m[2] + " " + m[1] + " " + m[3] + " makes no sense"
	}
	switch m := badToken.FindStringSubmatch(at.Message); {
	case strings.Contains(at.Message, "exceeds maximum allowed nodes"):
		code, message = CodeTooLong, "the expression is too long; cut it with let"
	case strings.Contains(at.Message, "unexpected token EOF"), strings.Contains(at.Message, "unexpected end"):
		message = "the expression ends too early"
	case m != nil && m[2] == ":":
		message = ": is not expected here; in a predicate { } holds statements, and a value with members is written {{a: 1}}"
	case m != nil:
		message = m[2] + " is not expected here"
	}
	c.report.add(code, base+at.From, "%s", message)
}

// memberNames are the members of the value whose member is named at offset.
func memberNames(tree ast.Node, offset int) []string {
	f := &memberFinder{offset: offset}
	if tree != nil {
		ast.Walk(&tree, f)
	}
	return f.names
}

type memberFinder struct {
	offset int
	names  []string
}

// Visit implements ast.Visitor.
func (f *memberFinder) Visit(node *ast.Node) {
	m, ok := (*node).(*ast.MemberNode)
	if !ok || m.Property.Location().From != f.offset {
		return
	}
	if data := m.Node.Nature().TypeData; data != nil {
		for name := range data.Fields {
			f.names = append(f.names, name)
		}
		slices.Sort(f.names)
	}
}

var exprWords = strings.NewReplacer(
	"map[string]interface {}", "value", "[]interface {}", "list", "interface {}", "anything", "time.Duration", "duration",
	"time.Time", "time", "float64", "number", "string", "text", " int", " number", "bool", "yes-or-no", "builtin ", "",
	"takes only array", "takes a list", "array", "list", "should has", "takes", "invalid operation: ", "",
	"filters.keepValue", "keep", "unknown name", "there is nothing called",
)

func plainWords(s string) string { return strings.TrimSpace(exprWords.Replace(s)) }

// natureName names a type for people.
func natureName(n nature.Nature) string {
	switch {
	case n.IsString():
		return "a text"
	case n.IsBool():
		return "true or false"
	case n.IsTime():
		return "a time"
	case n.IsDuration():
		return "a duration"
	case n.IsNumber():
		return "a number"
	case n.IsArray():
		return "a list"
	case n.IsMap() && n.TypeData != nil && n.Fields["email"].Kind == reflect.String:
		return "a person"
	case n.IsMap() && n.TypeData != nil && n.Fields["body"].Kind == reflect.String:
		return "a comment"
	}
	return "a value with members"
}

// isSpecial tells keep from values.
func isSpecial(n nature.Nature) bool {
	return n.Type == reflect.TypeFor[keepValue]()
}

var (
	personType  = types.Map{"id": types.String, "name": types.String, "email": types.String}
	linkType    = types.Map{"type": types.String, "id": types.String, "key": types.String}
	timeType    = types.TypeOf(time.Time{})
	commentType = types.Map{
		"id": types.String, "body": types.String, "author": personType, "created": timeType, "edited": timeType,
		"internal": types.Bool, "from": types.String,
	}
	attachmentType = types.Map{
		"id": types.String, "name": types.String, "size": types.Int, "mime": types.String, "sha256": types.String,
		"author": personType, "created": timeType, "internal": types.Bool, "inline": types.Bool, "from": types.String,
	}
	connectionType = types.Map{"name": types.String, "peer": types.String, "tags": types.Array(types.String)}
	twinType       = types.Map{"key": types.String, "url": types.String, "since": timeType}
	eventType      = types.Map{"at": timeType, "by": personType, "kinds": types.Array(types.String)}
)

// exprType is expr's type for a field's type.
func exprType(t event.Type) types.Type {
	switch t {
	case event.TypeText, event.TypeRich, event.TypeOption:
		return types.String
	case event.TypeBool:
		return types.Bool
	case event.TypeNumber:
		return types.Float64
	case event.TypeTime, event.TypeDate:
		return timeType
	case event.TypeDuration:
		return types.TypeOf(time.Duration(0))
	case event.TypeUser:
		return personType
	case event.TypeUsers:
		return types.Array(personType)
	case event.TypeSet, event.TypeOptions:
		return types.Array(types.String)
	case event.TypeCascade:
		return types.Map{"value": types.String, "child": types.String}
	case event.TypeLinks:
		return types.Array(linkType)
	case event.TypeRefs:
		return types.Array(types.Map{"id": types.String, "key": types.String})
	case event.TypeRef:
		return types.Map{"id": types.String, "key": types.String}
	}
	return types.Any
}
