package filters

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/sync/event"
)

// ErrLimit is what a run that went over a limit wraps.
var ErrLimit = errors.New("over a limit")

// RunError is why a script could not be run to its end: the ticket waits for a
// person. Its text names no values.
type RunError struct {
	Line    int
	Target  string
	Message string
	Err     error // ErrLimit, a look-up's error, a context's, or nil
}

// Error is the message with its line.
func (e *RunError) Error() string {
	if e.Target == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Message)
	}
	return fmt.Sprintf("line %d, %s: %s", e.Line, e.Target, e.Message)
}

// Unwrap gives the cause.
func (e *RunError) Unwrap() error { return e.Err }

// run is the state of one run of a script. It belongs to one goroutine.
type run struct {
	script *script
	limits *Limits
	ctx    context.Context
	info   Context
	issue  *Ours
	// replica is theirs in an incoming run and what was made so far in an
	// outgoing one.
	replica  *Replica
	previous *Replica
	// ours and theirs are what issue and replica point to if the caller gave
	// them by value.
	ours   Ours
	theirs Replica

	slots  []filled       // in the order of the script's
	env    map[string]any // what programs of the virtual machine read
	placed []string       // names in env
	sink   sink
	traces []Trace
	trace  bool
	target *target // of the statement that runs
	stop   *Stop

	started   time.Time
	memory    int
	work      int
	nextCheck int
	lookups   int
	people    map[string]*event.User
	fit       map[[2]string]bool // whether a project's tickets can be assigned to somebody
	opaque    map[string]string  // ids of people that left, as they leave
}

// filled is the value of a slot.
type filled struct {
	value  any
	loaded bool
	placed bool // in env
}

// sink takes what statements set.
type sink interface {
	set(r *run, t *target, op string, v any) (why string, err error)
}

// checkEvery is how much counted work passes between two looks at the clock.
const checkEvery = 64

// leastWork is how much a run must have done before time counts against it: on
// a machine that is short of processors a small script may wait long, and that
// must not stop its ticket.
const leastWork = 10_000

// use counts bytes that are about to be allocated, and the work of making them.
func (r *run) use(bytes int) error {
	r.memory += bytes
	if bytes < 0 || r.memory > r.limits.Memory {
		return fmt.Errorf("%w: more than %d MB of memory", ErrLimit, r.limits.Memory>>20)
	}
	return r.step(1 + bytes>>8)
}

// step counts work and now and then looks at the clock.
func (r *run) step(n int) error {
	r.work += n
	if r.work < r.nextCheck {
		return nil
	}
	r.nextCheck = r.work + checkEvery
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.work > leastWork && time.Since(r.started) > r.limits.Time {
		return fmt.Errorf("%w: more than %s", ErrLimit, r.limits.Time)
	}
	return nil
}

// reads counts the work of going through a text that is compared or told apart.
func (r *run) reads(v any) error {
	t, _ := v.(string)
	return r.step(len(t) >> 12)
}

// text counts a text that is about to be made.
func (r *run) text(bytes int) error {
	if bytes > r.limits.Text {
		return fmt.Errorf("%w: a text of more than %d KB", ErrLimit, r.limits.Text>>10)
	}
	return r.use(bytes)
}

// list counts a list that is about to be made.
func (r *run) list(length int) error {
	if length > r.limits.Items {
		return fmt.Errorf("%w: a list of more than %d", ErrLimit, r.limits.Items)
	}
	return r.use(16 * length)
}

// ask counts one look-up and tells whether there is anybody to ask.
func (r *run) ask() (bool, error) {
	if r.info.Lookups == nil {
		return false, nil
	}
	err := r.look()
	return err == nil, err
}

// look counts one look-up.
func (r *run) look() error {
	if r.lookups++; r.lookups > r.limits.Lookups {
		return fmt.Errorf("%w: more than %d look-ups", ErrLimit, r.limits.Lookups)
	}
	return nil
}

// user asks for a person once a run. Waiting for the tracker is not the
// script's work, so it does not count against its time.
func (r *run) user(query string) (*event.User, error) {
	if query == "" {
		return nil, nil
	}
	if u, ok := r.people[query]; ok {
		return u, nil
	}
	ok, err := r.ask()
	if err != nil || !ok {
		return nil, err
	}
	before := time.Now()
	u, err := r.info.Lookups.User(r.ctx, query)
	r.started = r.started.Add(time.Since(before))
	if err != nil {
		return nil, fmt.Errorf("look up a person: %w", err)
	}
	if r.people == nil {
		r.people = map[string]*event.User{}
	}
	r.people[query] = u
	return u, nil
}

// sent tells whether the peer sent a field, even empty.
func (r *run) sent(key string) bool {
	switch key {
	case collectionComments:
		return r.replica.CommentsSent
	case collectionAttachments:
		return r.replica.AttachmentsSent
	}
	_, ok := r.replica.Fields[key]
	return ok
}

// load gives the value of a slot.
func (r *run) load(n int) (any, error) {
	to := &r.slots[n]
	if to.loaded {
		return to.value, nil
	}
	s := &r.script.slots[n]
	v, err := s.load(r)
	if err != nil {
		return nil, fmt.Errorf("%s %w", s.shown, err)
	}
	to.value, to.loaded = v, true
	return v, nil
}

// place puts a value where programs find it.
func (r *run) place(name string, v any) {
	r.env[name] = v
	r.placed = append(r.placed, name)
}

// fill places the slots that a program reads and that are not placed yet.
func (r *run) fill(slots []int) error {
	for _, n := range slots {
		if r.slots[n].placed {
			continue
		}
		v, err := r.load(n)
		if err != nil {
			return err
		}
		r.place(r.script.slots[n].name, v)
		r.slots[n].placed = true
	}
	return nil
}

// value runs an expression.
func (r *run) value(e *expression, m *machine) (any, error) {
	if err := r.step(1); err != nil {
		return nil, err
	}
	switch {
	case e.constant:
		return e.literal, nil
	case e.direct != "" && len(e.slots) == 1:
		return r.load(e.slots[0])
	case e.direct != "": // a let
		return r.env[e.direct], nil
	}
	if err := r.fill(e.slots); err != nil {
		return nil, err
	}
	v, err := m.vm.Run(e.program, r.env)
	if err != nil {
		return nil, plainError(err)
	}
	return v, nil
}

// truth runs a condition; nothing is false.
func (r *run) truth(e *expression, m *machine) (bool, error) {
	v, err := r.value(e, m)
	if err != nil || v == nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("the condition is a %s, not yes or no", kindOf(v))
	}
	return b, nil
}

// unsent returns the replica fields among reads that the peer did not send.
func (r *run) unsent(reads []string) []string {
	var missing []string
	for _, key := range reads {
		if !r.sent(key) {
			missing = append(missing, shownKey(key))
		}
	}
	return missing
}

func shownKey(key string) string {
	if custom, ok := cutCustom(key); ok {
		return `fields["` + custom + `"]`
	}
	return key
}

func (r *run) note(line int, target string, v any, why string) {
	if r.trace && len(r.traces) < 5000 {
		r.traces = append(r.traces, Trace{Line: line, Target: target, Value: traced(v), Why: why})
	}
}

// traced is a value as a trace shows it: plain, short, without people's e-mail.
func traced(v any) any {
	switch v := v.(type) {
	case string:
		if runes := []rune(v); len(runes) > 200 {
			return string(runes[:200]) + "…"
		}
		return v
	case nil, bool, float64, int:
		return v
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	case time.Duration:
		return v.String()
	case person:
		return v.name
	case []any:
		return fmt.Sprintf("%d entries", len(v))
	case []Comment:
		return fmt.Sprintf("%d comments", len(v))
	case []Attachment:
		return fmt.Sprintf("%d attachments", len(v))
	case map[string]any:
		if name, ok := v["name"].(string); ok {
			return name
		}
	}
	return strings.TrimSpace("a " + kindOf(v))
}
