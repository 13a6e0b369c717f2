package filters

import (
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/types"

	"parley/sync/event"
)

// compilation turns one script into a script that runs. It is thrown away after.
type compilation struct {
	kind      direction
	env       Env
	src       *source
	report    *reporter
	config    *conf.Config
	functions map[string]*function
	guards    map[string]guardFunction
	issue     dictionary // ours
	replica   dictionary // the wire
	slots     []slot
	slotOf    map[string]int
	facts     map[string]fact // of slots, by name
	lets      []*local
	letCount  int
	assigned  map[string]bool // targets of lines above
	// always are targets set above without a condition, with their offset.
	always map[string]int
	depth  int // of ifs
	// tree is the expression that was compiled last, with expr's types, nil if it
	// was wrong; base is where it starts.
	tree  ast.Node
	base  int
	scene scene
	shape event.Schema // of what an outgoing filter sends
	// remembers is set when the script reads previous.
	remembers bool
	asks      Asks
	// reveals are the classes of tokens that the script reads.
	reveals []string
	// tables are those that the script looks values up in, by name.
	tables map[string]Table
}

// fact is what is known of a slot's value.
type fact struct {
	typ     event.Type
	options []string
	reads   []string // replica fields that must have been sent
	depends []string // replica fields that the value comes from
	// maybe, personal and unsteady are told of a let: it may be nothing, holds an
	// e-mail address, comes from the clock.
	maybe, personal, unsteady bool
}

// local is a variable of a let.
type local struct {
	name string
	slot string
	at   int
	fact fact
	used bool
}

func compile(kind direction, src string, env Env) (*script, error) {
	report := &reporter{}
	if !readable(src, report) {
		return nil, report.list
	}
	source := newSource(src)
	report.src = source
	c := &compilation{
		kind: kind, env: env, src: source, report: report,
		functions: map[string]*function{}, guards: guards(),
		issue: newDictionary(env.Schema, true), replica: newDictionary(event.Schema{}, false),
		slotOf: map[string]int{}, facts: map[string]fact{}, assigned: map[string]bool{}, always: map[string]int{},
		tables: map[string]Table{},
	}
	c.configure()
	c.checkVars()
	var list []compiled
	if kind == scope {
		list = c.condition()
	} else {
		list = c.block(parseScript(source, report))
	}
	if problems := report.sorted(); report.errors > 0 {
		return nil, problems
	}
	set := targets(list)
	return &script{
		kind: kind, src: source, version: version(kind.String(), src, env), limits: env.Limits.withDefaults(),
		key: slices.Clone(env.Key), hosts: lowerAll(env.Hosts), slots: c.slots, statements: list, warnings: report.list,
		remembers: c.remembers, asks: c.asks, targets: set, shape: c.shape, reveals: c.reveals, tables: c.tables, named: named(env.Schema), creates: env.Create,
		fields: len(slices.DeleteFunc(slices.Clone(set), isCollection)),
	}, nil
}

func lowerAll(list []string) []string {
	var out []string
	for _, s := range list {
		if s = strings.ToLower(strings.TrimSpace(s)); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// configure prepares expr: nothing of its own but the predicates, and our functions.
func (c *compilation) configure() {
	c.config = conf.CreateNew()
	c.config.WithEnv(types.Map{runSlot: types.Any})
	c.config.MaxNodes = maxNodes
	c.config.Optimize = false
	for name := range c.config.Builtins {
		if !slices.Contains(predicates, name) {
			c.config.Disabled[name] = true
			delete(c.config.Builtins, name)
		}
	}
	for _, f := range builtins() {
		c.functions[f.name] = f
		c.config.Functions[f.name] = f.forExpr()
	}
}

func (c *compilation) checkVars() {
	for _, name := range slices.Sorted(maps.Keys(c.env.Vars)) {
		if !plainVar(c.env.Vars[name]) {
			c.report.add(CodeVariable, 0, "the variable %s is not a text, number, yes or no, or a list of texts", name)
		}
	}
}

func plainVar(v any) bool {
	switch v := v.(type) {
	case nil, string, bool, int, int64, float64, []string:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(one any) bool { _, ok := one.(string); return !ok })
	}
	return false
}

// condition compiles a script that is one expression.
func (c *compilation) condition() []compiled {
	p := &reader{src: c.src, report: c.report, tokens: tokenize(c.src, c.report)}
	for p.current().kind == tokenNewline {
		p.at++
	}
	where, _, ok := p.expression(false, "the scope is empty; write true for every ticket")
	for p.current().kind == tokenNewline {
		p.at++
	}
	if ok && p.current().kind != tokenEnd {
		c.report.add(CodeSyntax, p.current().start, "the scope is one expression; this is more")
		ok = false
	}
	if !ok || c.report.errors > 0 {
		return nil
	}
	line, _ := c.src.position(where.start)
	return []compiled{{kind: statementIf, line: line, value: c.boolean(where)}}
}

func (c *compilation) block(list []statement) []compiled {
	first, around := len(c.lets), c.scene
	var out []compiled
	for i := range list {
		if i > 0 && list[i-1].ends() {
			c.warn(CodeUnreachable, list[i].at, "this line is never reached: the one above ends the run")
		}
		if one, ok := c.statement(&list[i]); ok {
			out = append(out, one)
		}
	}
	for _, l := range c.lets[first:] {
		if !l.used {
			c.warn(CodeUnused, l.at, "%s is never used", l.name)
		}
	}
	c.lets, c.scene = c.lets[:first], around
	return out
}

func (c *compilation) statement(s *statement) (compiled, bool) {
	line, _ := c.src.position(s.at)
	out := compiled{kind: s.kind, line: line, op: s.op}
	switch s.kind {
	case statementLet:
		return out, c.let(s, &out)
	case statementAssign:
		return out, c.assign(s, &out)
	case statementIf:
		c.tree = nil
		if !s.bad {
			out.value = c.boolean(s.value)
		}
		c.branch(s, &out)
	case statementStop:
		out.stop = StopKind(s.name)
		if out.stop == StopRefuse && c.kind != incoming {
			c.report.add(CodeOffHere, s.at, "refuse is for incoming filters; here write skip")
		}
		c.value(s, &out, &target{typ: event.TypeText, shown: s.name})
	case statementConnect:
		if c.kind != incoming {
			c.report.add(CodeOffHere, s.at, "connect is for incoming filters")
		}
		c.value(s, &out, nil)
	case statementNote:
		c.value(s, &out, nil)
	}
	return out, out.value != nil
}

func (c *compilation) value(s *statement, out *compiled, t *target) {
	if s.bad {
		return
	}
	e, n, ok := c.expression(s.value)
	if !ok {
		return
	}
	if t != nil {
		c.checkAssignable(s.value.start, n, t)
	}
	out.value = e
}

func (c *compilation) boolean(where span) *expression {
	e, n, ok := c.expression(where)
	if !ok {
		return nil
	}
	if !n.Nil && !n.IsUnknown(&c.config.NtCache) && !n.IsBool() {
		c.report.add(CodeType, where.start, "a condition is true or false, this is %s", natureName(n))
	}
	return e
}

func (c *compilation) let(s *statement, out *compiled) bool {
	if s.bad && s.name == "" {
		return false
	}
	if code, message := c.redeclared(s.name); code != "" {
		c.report.add(code, s.targetAt, "%s", message)
		s.bad = true
	}
	c.letCount++
	l := &local{name: s.name, slot: letSlot(c.letCount), at: s.targetAt, used: s.bad}
	n := nature.Nature{}
	if !s.bad {
		if e, known, ok := c.expression(s.value); ok {
			out.value, n = e, known
			l.fact = c.factOf(e)
			c.lintLet(&l.fact)
		}
	}
	out.slot = l.slot
	c.facts[l.slot] = l.fact
	c.config.Env.Fields[l.slot] = n
	c.lets = append(c.lets, l) // also after a mistake, so that its users are not mistakes too
	return out.value != nil
}

func (c *compilation) redeclared(name string) (Code, string) {
	for _, l := range c.lets {
		if l.name == name {
			return CodeRedeclared, name + " exists already"
		}
	}
	if _, ok := c.functions[name]; ok || slices.Contains(globals, name) || slices.Contains(predicates, name) {
		return CodeRedeclared, name + " has a meaning already; choose another name"
	}
	return "", ""
}

// factOf is what a let inherits of its value.
func (c *compilation) factOf(e *expression) fact {
	if e.direct != "" {
		f := c.facts[e.direct]
		f.reads, f.depends = e.reads, e.depends
		return f
	}
	return fact{reads: e.reads, depends: e.depends}
}

func (c *compilation) assign(s *statement, out *compiled) bool {
	if s.bad && s.field == "" {
		return false
	}
	t := c.target(s)
	if s.bad {
		return false
	}
	e, n, ok := c.expression(s.value)
	if t == nil || !ok {
		return false
	}
	out.target, out.value = t, e
	if s.op != "=" {
		if t.typ != event.TypeSet && t.typ != event.TypeOptions && t.typ != "" || t.collection() {
			c.report.add(CodeTarget, s.targetAt, "%s works on sets such as labels; %s is not one", s.op, t.shown)
		}
		t = &target{typ: ""}
	}
	c.checkAssignable(s.value.start, n, t)
	c.lintAssignment(s, out.target)
	if c.kind == outgoing {
		c.shapes(out.target, s.op, n)
	}
	c.checkTheirs(e)
	c.overwritten(s, out.target)
	c.assigned[out.target.key] = true
	return true
}

// overwritten warns of a line whose value never lives.
func (c *compilation) overwritten(s *statement, t *target) {
	if at, ok := c.always[t.key]; ok && c.depth == 0 && s.op == "=" {
		line, _ := c.src.position(s.at)
		c.warn(CodeOverwritten, at, "line %d sets %s again, whatever happens", line, t.shown)
	}
	if c.depth == 0 && s.op == "=" {
		c.always[t.key] = s.at
	}
}
