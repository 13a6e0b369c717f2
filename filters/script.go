package filters

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"parley/sync/event"
)

type direction uint8

const (
	outgoing direction = iota
	incoming
	scope
)

func (d direction) String() string {
	return [...]string{"outgoing filter", "incoming filter", "scope"}[d]
}

// slot is a name that expressions read, loaded when the first one does.
type slot struct {
	name  string
	shown string
	load  func(*run) (any, error)
	field *need // the field of our ticket that it is, if it is no more than that
}

// expression is a compiled right-hand side.
type expression struct {
	program  *vm.Program
	direct   string // the name of the slot or let, if the expression is nothing else
	constant bool   // the expression is literal, whatever the ticket
	literal  any
	slots    []int
	// reads are the replica's fields without which the statement does nothing.
	reads []string
	// depends are all replica fields that decide about the value.
	depends []string
	// needs is a comparison without which the expression is false.
	needs *need
	at    int
}

// target is a field that a statement sets.
type target struct {
	key     string // in event.Fields, or a collection
	shown   string
	typ     event.Type
	options []string // that the tracker knows, nil if unknown
}

func (t *target) collection() bool { return isCollection(t.key) }

func isCollection(key string) bool { return key == collectionComments || key == collectionAttachments }

// compiled is a statement that can run.
type compiled struct {
	kind      statementKind
	line      int
	stop      StopKind
	op        string
	target    *target
	slot      string // of a let
	value     *expression
	then      []compiled
	otherwise []compiled
}

// script is a compiled script. It is never changed after it was compiled.
type script struct {
	kind       direction
	src        *source
	version    string
	limits     Limits
	key        []byte
	hosts      []string
	slots      []slot
	statements []compiled
	warnings   Problems
	remembers  bool
	asks       Asks
	targets    []string
	named      map[string][]string // options of our components and versions, by field
	creates    []string            // what may be made
	shape      event.Schema
	reveals    []string // classes of tokens
	tables     map[string]Table
	fields     int // among targets: not collections
}

// machines are those of all scripts: a node has hundreds, of which few run at a time.
var machines sync.Pool

// machine is what a run needs and the next one can use again.
type machine struct {
	vm  vm.VM
	run run
	// of is the script that it ran last.
	of *script
	// out or in is what the run makes; what the caller gets is a copy.
	out OutResult
	in  InResult
}

func (s *script) machine() *machine {
	m, ok := machines.Get().(*machine)
	if !ok {
		m = &machine{run: run{env: map[string]any{}, opaque: map[string]string{}}}
		m.run.env[runSlot] = &m.run
		for name, f := range guards() {
			m.run.env[name] = f.forRun(&m.run)
		}
	}
	m.run.slots = slices.Grow(m.run.slots, len(s.slots))[:len(s.slots)]
	if m.of != s {
		// What another script made of people's ids is of another connection's key.
		clear(m.run.opaque)
		m.of = s
	}
	return m
}

// release gives m back without anything of the run's values in it.
func (s *script) release(m *machine) {
	r := &m.run
	for _, name := range r.placed {
		r.env[name] = nil
	}
	clear(r.placed)
	clear(r.slots)
	if len(r.opaque) > maxOpaque {
		clear(r.opaque)
	}
	*r = run{slots: r.slots[:0], env: r.env, placed: r.placed[:0], opaque: r.opaque}
	m.out, m.in = OutResult{}, InResult{}
	clear(m.vm.Stack[:cap(m.vm.Stack)])
	clear(m.vm.Variables)
	if cap(m.vm.Stack) > 1<<12 {
		m.vm = vm.VM{}
	}
	if len(r.env) > maxNames {
		return
	}
	machines.Put(m)
}

// maxNames bounds the names that a machine has had values under, of all scripts it ran.
const maxNames = 1024

// maxOpaque bounds the ids that a machine remembers from one run to the next.
const maxOpaque = 256

// mac is a keyed hash of text, hex; domain keeps its uses apart.
func (s *script) mac(domain, text string) string {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(domain))
	h.Write([]byte{0})
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

// execute runs statements until one stops the run.
func (r *run) execute(list []compiled, m *machine) error {
	for i := range list {
		if err := r.statement(&list[i], m); err != nil {
			return err
		}
		if r.stop != nil {
			return nil
		}
	}
	return nil
}

func (r *run) statement(c *compiled, m *machine) error {
	if missing := r.unsent(c.value.reads); len(missing) > 0 {
		r.note(c.line, c.shown(), nil, "not sent: "+strings.Join(missing, ", "))
		return nil
	}
	r.target = c.target
	if c.kind == statementIf {
		yes, err := r.truth(c.value, m)
		switch {
		case err != nil:
			return r.failed(c, err)
		case yes:
			return r.execute(c.then, m)
		}
		return r.execute(c.otherwise, m)
	}
	v, err := r.value(c.value, m)
	if err == nil {
		err = r.effect(c, v)
	}
	if err != nil {
		return r.failed(c, err)
	}
	return nil
}

// effect does what a statement does with its value.
func (r *run) effect(c *compiled, v any) error {
	switch c.kind {
	case statementLet:
		r.place(c.slot, v)
		return nil
	case statementStop:
		reason, _ := v.(string)
		r.stop = &Stop{Kind: c.stop, Reason: reason, Line: c.line}
		r.note(c.line, string(c.stop), reason, "")
		return nil
	case statementNote:
		r.note(c.line, "note", maskValue(v), "")
		return nil
	case statementConnect:
		in, ok := r.sink.(*InResult)
		if !ok {
			return errors.New("connect is for incoming filters")
		}
		return in.connect(r, v)
	}
	why, err := r.sink.set(r, c.target, c.op, v)
	if err == nil {
		r.note(c.line, c.target.shown, v, why)
	}
	return err
}

func (c *compiled) shown() string {
	switch {
	case c.target != nil:
		return c.target.shown
	case c.kind == statementIf:
		return "if"
	case c.kind == statementLet:
		return "let"
	case c.kind == statementNote:
		return "note"
	case c.kind == statementConnect:
		return "connect"
	}
	return string(c.stop)
}

func (r *run) failed(c *compiled, err error) error {
	var already *RunError
	if errors.As(err, &already) {
		return err
	}
	return &RunError{Line: c.line, Target: c.shown(), Message: err.Error(), Err: err}
}

var (
	vmOperation  = regexp.MustCompile(`invalid operation: (\S+) (\S+) (\S+)`)
	vmConversion = regexp.MustCompile(`interface conversion: .* is (\S+), not (\S+)`)
	goKinds      = strings.NewReplacer(
		"<nil>", "nothing", "nil", "nothing", "float64", "number", "int", "number", "string", "text", "bool", "yes or no",
		"[]interface {}", "list", "map[string]interface {}", "value", "time.Time", "time", "time.Duration", "duration",
		"filters.person", "person", "*filters.item", "comment or attachment", "*number", "number",
	)
)

// plainError turns what the virtual machine says into words, without values.
func plainError(err error) error {
	var at *file.Error
	if !errors.As(err, &at) {
		return err
	}
	if at.Prev != nil {
		var own *RunError
		if errors.Is(at.Prev, ErrLimit) || errors.Is(at.Prev, context.Canceled) || errors.Is(at.Prev, context.DeadlineExceeded) || errors.As(at.Prev, &own) {
			return at.Prev
		}
		if m := vmConversion.FindStringSubmatch(at.Prev.Error()); m != nil {
			return errors.New("there is a " + goKinds.Replace(m[1]) + " where a " + goKinds.Replace(m[2]) + " is needed")
		}
		return at.Prev
	}
	if at.Message == "memory budget exceeded" {
		return ErrLimit
	}
	if m := vmOperation.FindStringSubmatch(at.Message); m != nil {
		return errors.New(goKinds.Replace(m[1]) + " " + m[2] + " " + goKinds.Replace(m[3]) + " makes no sense; see default(x, d)")
	}
	return errors.New(at.Message)
}

// begin makes the state of a run.
func (s *script) begin(ctx context.Context, info Context, m *machine) *run {
	r := &m.run
	r.script, r.limits, r.ctx, r.info, r.started = s, &s.limits, ctx, info, time.Now()
	return r
}

// targets lists what statements set, without repeats.
func targets(list []compiled) []string {
	var out []string
	for i := range list {
		c := &list[i]
		if c.target != nil {
			out = append(out, c.target.key)
		}
		out = append(out, targets(c.then)...)
		out = append(out, targets(c.otherwise)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// readsOf lists the slots under a side, by the name they have in event.Fields.
func (s *script) readsOf(side string) []string {
	var out []string
	for _, one := range s.slots {
		name, ok := strings.CutPrefix(one.name, side)
		if !ok {
			continue
		}
		if custom, ok := strings.CutPrefix(name, `fields["`); ok {
			name = event.CustomPrefix + strings.TrimSuffix(custom, `"]`)
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
