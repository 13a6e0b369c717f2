package filters_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"parley/filters"
	"parley/sync/event"
)

// run an outgoing script and return its error, compile errors included.
func attempt(t *testing.T, src string, env filters.Env) error {
	t.Helper()
	f, err := filters.CompileOutgoing(src, env)
	if err != nil {
		return err
	}
	_, err = f.Run(t.Context(), filters.OutInput{Context: sampleContext(), Issue: sampleIssue()})
	return err
}

// attackEnv has the limits of production but for time, which is generous for
// loaded machines and far below what each attack would take.
func attackEnv() filters.Env {
	env := sampleEnv()
	env.Limits = filters.Limits{Time: time.Second}
	return env
}

func chain(n int, first, next string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "let x0 = %s\n", first)
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "let x%d = %s\n", i, strings.ReplaceAll(next, "$", fmt.Sprintf("x%d", i-1)))
	}
	return b.String()
}

// stoppedAttacks are the attacks that compile: every one that was tried on expr
// itself, and those on what is ours.
func stoppedAttacks() map[string]string {
	return map[string]string{
		"large range":                   `replica.fields["A"] = len(1..100000000)`,
		"overflowing range":             `replica.fields["A"] = len(-9223372036854775807..9223372036854775807)`,
		"nested map":                    `replica.fields["A"] = map(1..40000, map(1..40000, map(1..40000, 1)))`,
		"nested count":                  `replica.fields["A"] = count(1..50000, any(1..50000, {let y = #; y == 0}))`,
		"repeat":                        `replica.key = repeat("x", 100000000)`,
		"repeat of repeat":              `replica.key = repeat(repeat("x", 100000), 100000)`,
		"text doubling":                 chain(40, `"xxxxxxxx"`, "$ + $") + "replica.key = x40",
		"replace blow-up":               chain(12, `"xx"`, `replace($, "x", "xxxxxxxxxx")`) + "replica.key = x12",
		"replaceMatch blow-up":          chain(12, `"xx"`, `replaceMatch($, "x", "xxxxxxxxxx")`) + "replica.key = x12",
		"join blow-up":                  chain(12, `"xx"`, `join(split(repeat($, 20), ""), $)`) + "replica.key = x12",
		"text() blow-up":                chain(40, `"xxxxxxxx"`, `text("{}{}", $, $)`) + "replica.key = x40",
		"concat doubling":               chain(40, `[1, 2]`, "concat($, $)") + "replica.fields[\"A\"] = x40",
		"shared tree as result":         chain(40, `["a"]`, "[$, $]") + "replica.fields[\"A\"] = x40",
		"shared tree of maps as result": chain(40, `{a: "a"}`, "{a: $, b: $}") + "replica.fields[\"A\"] = x40",
		"broad shared tree as result":   chain(12, `["a"]`, "["+strings.Repeat("$, ", 30)+"$]") + "replica.fields[\"A\"] = x12",
		"shared tree compared":          chain(40, `["a"]`, "[$, $]") + strings.ReplaceAll(chain(40, `["a"]`, "[$, $]"), "x", "y") + "replica.fields[\"A\"] = x40 == y40",
		"shared tree looked for":        chain(40, `["a"]`, "[$, $]") + strings.ReplaceAll(chain(40, `["a"]`, "[$, $]"), "x", "y") + "replica.fields[\"A\"] = x40 in [y40]",
		"shared tree as text":           chain(40, `["a"]`, "[$, $]") + "replica.key = text(\"{}\", x40)",
		"shared tree joined":            chain(40, `["a"]`, "[$, $]") + "replica.key = join(x40)",
		"shared tree redacted":          chain(40, `["a"]`, "[$, $]") + "replica.fields[\"A\"] = redact(x40, \"email\")",
		"deep value":                    chain(200, `["a"]`, "[$]") + "replica.fields[\"A\"] = x200",
		"map literals":                  `replica.fields["A"] = len(map(1..50000, {{a: {b: {c: {d: #}}}}}))` + "\n" + `replica.fields["B"] = len(map(1..50000, {{a: {b: {c: {d: #}}}}}))`,
		"many lists kept":               chain(300, `map(1..49000, #)`, `map($, # + 1)`) + "replica.fields[\"A\"] = len(x300)",
		"costly pattern on a long text": `replica.fields["A"] = repeat("a", 2000000) matches "(a|aa|aaa|aaaa){1,200}b"`,
		"redact of a long text":         `replica.key = redact(repeat("a@b.de ", 60000), "email", "secret")`,
		"quadratic in":                  `replica.fields["A"] = count(1..50000, # + 0.5 in 1..50000)`,
		"result too large":              `replica.key = repeat("x", 600000)`,
		"many results too large":        strings.Join([]string{`replica.key = repeat("x", 300000)`, `replica.summary = repeat("x", 300000)`}, "\n"),
		"too many look-ups":             `replica.fields["A"] = map(1..300, user(string(#)))`,
	}
}

func TestGuard_AttacksAreStopped(t *testing.T) {
	t.Parallel()
	for name, src := range stoppedAttacks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := timed(t, src); !errors.Is(err, filters.ErrLimit) {
				t.Errorf("got %v, want a limit", err)
			}
		})
	}
}

// timed runs an attack that must end soon.
func timed(t *testing.T, src string) error {
	t.Helper()
	if len(src) > 64<<10 {
		t.Fatalf("the attack has %d bytes: the size cap alone would stop it", len(src))
	}
	started := time.Now()
	err := attempt(t, src, attackEnv())
	if took := time.Since(started); took > 15*time.Second {
		t.Errorf("stopped only after %s", took)
	}
	return err
}

// refusedAttacks are what must not even compile.
func refusedAttacks() map[string]string {
	nest := func(n int, open, inner, closing string) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(closing, n)
	}
	return map[string]string{
		"brackets past the nesting cap":       "replica.key = " + nest(65, "(", "1", ")"),
		"64 KiB of brackets":                  "replica.key = " + strings.Repeat("(", 65000),
		"64 KiB of not":                       "replica.key = " + strings.Repeat("!", 65000) + "true",
		"64 KiB of minus":                     "replica.key = " + strings.Repeat("- ", 32000) + "1",
		"64 KiB of plus":                      "replica.key = \"\"" + strings.Repeat("+\"\"", 20000),
		"64 KiB of ternaries":                 "replica.key = " + strings.Repeat("true?1:", 9000) + "1",
		"64 KiB of powers":                    "replica.key = 1" + strings.Repeat("**1", 20000),
		"64 KiB of lists":                     "replica.key = " + strings.Repeat("[", 65000),
		"64 KiB of members":                   "replica.key = issue.assignee" + strings.Repeat(".a", 30000),
		"64 KiB of coalescing":                "replica.key = nil" + strings.Repeat("??nil", 12000),
		"64 KiB of ifs":                       strings.Repeat("if true {\n", 6500),
		"comparisons that share an operand":   "replica.key = " + nest(30, "1 < (", "1", ") < 2"),
		"?: that shares an operand":           "replica.key = " + nest(30, "(", "1", " ?: 2)"),
		"overloads tried again at each depth": "replica.key = " + nest(60, "trim(", "1", `, "x")`),
		"$env":                                `replica.fields["A"] = $env["issue"]`,
		"$env by member":                      `replica.fields["A"] = $env.issue`,
		"the run itself":                      `replica.fields["A"] = (run)`,
		"method of a time":                    `replica.key = issue.created.String()`,
		"a function as value":                 `replica.fields["A"] = [upper]`,
		"flatten":                             `replica.fields["A"] = flatten([[1]])`,
		"groupBy":                             `replica.fields["A"] = groupBy([1], #)`,
		"reduce":                              `replica.fields["A"] = reduce([1], #acc)`,
		"fromJSON":                            `replica.fields["A"] = fromJSON("[]")`,
		"fromPairs":                           `replica.fields["A"] = fromPairs([])`,
	}
}

func TestGuard_AttacksAreRefused(t *testing.T) {
	t.Parallel()
	for name, src := range refusedAttacks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var list filters.Problems
			if err := timed(t, src); !errors.As(err, &list) {
				t.Errorf("got %v, want problems", err)
			}
		})
	}
}

func TestGuard_SourceIsCappedBeforeItIsRead(t *testing.T) {
	t.Parallel()
	for _, c := range []string{"(", "!", "[", "-", "\"", "/*"} {
		src := "replica.key = " + strings.Repeat(c, 3<<20)
		started := time.Now()
		_, err := filters.CompileOutgoing(src, filters.Env{})
		if list := problems(t, err); len(list) != 1 || list[0].Code != filters.CodeTooLong {
			t.Errorf("3 MB of %s: got %v", c, list)
		}
		if took := time.Since(started); took > 2*time.Second {
			t.Errorf("3 MB of %s took %s", c, took)
		}
	}
}

func TestGuard_TimeIsALimit(t *testing.T) {
	t.Parallel()
	env := sampleEnv()
	env.Limits = filters.Limits{Time: 20 * time.Millisecond, Memory: 1 << 40}
	err := attempt(t, `replica.fields["A"] = count(1..50000, any(1..50000, {let y = #; y == 0}))`, env)
	if !errors.Is(err, filters.ErrLimit) || !strings.Contains(err.Error(), "20ms") {
		t.Errorf("got %v", err)
	}
}

func TestGuard_AnEndedContextStopsARun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	f := outgoing(t, `replica.fields["A"] = count(1..50000, any(1..50000, {let y = #; y == 0}))`, filters.Env{Limits: filters.Limits{Time: time.Hour, Memory: 1 << 40}})
	cancel()
	if _, err := f.Run(ctx, filters.OutInput{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestGuard_MemoryStaysBounded(t *testing.T) { //nolint:paralleltest // it reads the process's own counters
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	src := chain(300, `map(1..49000, #)`, `map($, # + 1)`) + "replica.fields[\"A\"] = len(x300)"
	if err := attempt(t, src, attackEnv()); !errors.Is(err, filters.ErrLimit) {
		t.Errorf("got %v", err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 256<<20 {
		t.Errorf("a run limited to 64 MB allocated %d MB", grown>>20)
	}
}

func TestGuard_InputIsNeverChanged(t *testing.T) {
	t.Parallel()
	issue := sampleIssue()
	f := outgoing(t, `
let sorted = sort(reverse(issue.labels))
let more = concat(issue.labels, ["z"])
replica.labels = concat(sorted, more)
replica.comments = issue.comments | map(with(#, {body: "changed"}))`, sampleEnv())
	if _, err := f.Run(t.Context(), filters.OutInput{Context: sampleContext(), Issue: issue}); err != nil {
		t.Fatal(err)
	}
	want := sampleIssue()
	if event.HashValue(map[string]any(issue.Fields)) != event.HashValue(map[string]any(want.Fields)) || issue.Comments[0].Body != "public" {
		t.Error("a run changed its input")
	}
}

func TestGuard_ABusyMachineDoesNotStopASmallScript(t *testing.T) {
	t.Parallel()
	env := sampleEnv()
	env.Limits = filters.Limits{Time: time.Nanosecond} // as if it had waited for a processor
	if err := attempt(t, "replica.key = issue.key\nreplica.labels = issue.labels | filter(# != \"x\")", env); err != nil {
		t.Error(err)
	}
}

func TestGuard_LookupsAreLimitedAndCached(t *testing.T) {
	t.Parallel()
	env := sampleEnv()
	env.Limits.Lookups = 2
	if err := attempt(t, `replica.fields["A"] = map(1..100, user("same")) | len()`, env); err != nil {
		t.Errorf("one question asked again: %v", err)
	}
	if err := attempt(t, `replica.fields["A"] = map(1..3, user(string(#))) | len()`, env); !errors.Is(err, filters.ErrLimit) {
		t.Errorf("three questions: got %v", err)
	}
}

// What fails when it runs, with nothing reached.
func TestGuard_AttacksReachNothing(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]string{
		"sum of texts":        `replica.fields["A"] = sum(1..50000, "xxxxxxxxxxxxxxxx")`,
		"method without call": `replica.fields["A"] = issue.created.Unix`,
		"method by index":     `replica.fields["A"] = issue.created["Unix"]`,
		"members of a person": `replica.fields["A"] = first([issue.assignee])["withEmail"]`,
		"members of a file":   `replica.fields["A"] = first(issue.attachments)["Marker"]`,
		"text as number":      `replica.fields["A"] = first(vars.desks) - 1`,
		"nested in sort":      `replica.fields["A"] = sort([1, "x"])`,
		"lists told apart":    `replica.fields["A"] = uniq([[1], [1]])`,
		"keep in a list":      `replica.fields["A"] = [keep]`,
	} {
		var failure *filters.RunError
		if err := attempt(t, src, attackEnv()); !errors.As(err, &failure) || errors.Is(err, filters.ErrLimit) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
