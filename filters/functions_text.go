package filters

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

func textFunctions() []*function {
	type one = func(string) string
	type two = func(string, string) string
	type three = func(string, string, string) string
	return []*function{
		{name: "upper", types: []any{one(nil)}, call: forText("upper", 0, simple(strings.ToUpper))},
		{name: "lower", types: []any{one(nil)}, call: forText("lower", 0, simple(strings.ToLower))},
		{name: "trim", types: []any{one(nil), two(nil)}, call: forText("trim", 0, trim)},
		{name: "trimPrefix", types: []any{two(nil)}, call: forText("trimPrefix", 0, with2("trimPrefix", strings.TrimPrefix))},
		{name: "trimSuffix", types: []any{two(nil)}, call: forText("trimSuffix", 0, with2("trimSuffix", strings.TrimSuffix))},
		{name: "prefixed", types: []any{two(nil)}, call: forText("prefixed", 1, prefixed)},
		{name: "unprefixed", types: []any{two(nil)}, call: forText("unprefixed", 1, unprefixed)},
		{name: "split", types: []any{func(string, string) []string { return nil }}, call: forText("split", 0, split)},
		{name: "lines", types: []any{func(string) []string { return nil }}, call: forText("lines", 0, lines)},
		{name: "join", types: []any{func([]any) string { return "" }, func([]any, string) string { return "" }}, call: join},
		{name: "replace", types: []any{three(nil)}, call: forText("replace", 0, replace)},
		{name: "indexOf", types: []any{func(string, string) int { return 0 }}, call: forText("indexOf", 0, indexOfRunes)},
		{name: "repeat", types: []any{func(string, float64) string { return "" }}, call: forText("repeat", 0, repeat)},
		{name: "sub", types: []any{func(string, float64, float64) string { return "" }, func(string, float64) string { return "" }}, call: forText("sub", 0, sub)},
		{name: "text", types: []any{func(string, ...any) string { return "" }}, call: forText("text", 0, textOf)},
		{
			name: "capture", types: []any{two(nil), func(string, string, float64) string { return "" }},
			literals: map[int]literalCheck{1: patternLiteral}, call: forText("capture", 0, capture),
		},
		{
			name: "captures", types: []any{func(string, string) []string { return nil }},
			literals: map[int]literalCheck{1: patternLiteral}, call: forText("captures", 0, captures),
		},
		{
			name: "replaceMatch", types: []any{three(nil)},
			literals: map[int]literalCheck{1: patternLiteral}, call: forText("replaceMatch", 0, replaceMatch),
		},
	}
}

func simple(f func(string) string) func(*run, string, []any) (any, error) {
	return func(r *run, t string, _ []any) (any, error) {
		if err := r.text(len(t)); err != nil {
			return nil, err
		}
		return f(t), nil
	}
}

func with2(name string, f func(t, x string) string) func(*run, string, []any) (any, error) {
	return func(_ *run, t string, a []any) (any, error) {
		x, err := textAt(name, a, 1)
		if err != nil {
			return nil, err
		}
		return f(t, x), nil
	}
}

func trim(_ *run, t string, a []any) (any, error) {
	cut, err := textAt("trim", a, 1)
	if err != nil || cut == "" {
		return strings.TrimSpace(t), err
	}
	return strings.Trim(t, cut), nil
}

// prefixed puts p in front unless it is there already.
func prefixed(r *run, t string, a []any) (any, error) {
	p, err := textAt("prefixed", a, 0)
	if err != nil || strings.HasPrefix(t, p) {
		return t, err
	}
	return p + t, r.text(len(p) + len(t))
}

// unprefixed takes p off, however often it stands there. A tracker that cuts
// the blank at the end of a text leaves a prefix without it.
func unprefixed(_ *run, t string, a []any) (any, error) {
	p, err := textAt("unprefixed", a, 0)
	if err != nil || p == "" {
		return t, err
	}
	for strings.HasPrefix(t, p) {
		t = t[len(p):]
	}
	if bare := strings.TrimRight(p, " "); bare != "" && t == bare {
		return "", nil
	}
	return t, nil
}

func split(r *run, t string, a []any) (any, error) {
	separator, err := textAt("split", a, 1)
	if err != nil {
		return nil, err
	}
	n := utf8.RuneCountInString(t)
	if separator != "" {
		n = strings.Count(t, separator) + 1
	}
	if err := r.list(2 * n); err != nil {
		return nil, err
	}
	return texts(strings.Split(t, separator)), nil
}

func lines(r *run, t string, _ []any) (any, error) {
	if err := r.list(2 * (strings.Count(t, "\n") + 1)); err != nil {
		return nil, err
	}
	return texts(strings.Split(strings.ReplaceAll(t, "\r\n", "\n"), "\n")), nil
}

func texts(in []string) []any {
	out := make([]any, len(in))
	for i, s := range in {
		out[i] = s
	}
	return out
}

func join(r *run, a []any) (any, error) {
	if a[0] == nil {
		return nil, nil
	}
	list, ok := a[0].([]any)
	if !ok {
		return nil, wrongArgument("join", a[0], "a list")
	}
	separator, err := textAt("join", a, 1)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	for i, one := range list {
		s, err := show(r, one)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			s = separator + s
		}
		if err := r.text(len(s)); err != nil || b.Len()+len(s) > r.limits.Text {
			return nil, r.tooLong(err)
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func (r *run) tooLong(err error) error {
	if err != nil {
		return err
	}
	return r.text(r.limits.Text + 1)
}

func replace(r *run, t string, a []any) (any, error) {
	old, err := textAt("replace", a, 1)
	if err != nil {
		return nil, err
	}
	by, err := textAt("replace", a, 2)
	if err != nil || old == "" {
		return t, err
	}
	n := strings.Count(t, old)
	if err := r.text(len(t) + n*(len(by)-len(old))); err != nil {
		return nil, err
	}
	return strings.ReplaceAll(t, old, by), nil
}

func indexOfRunes(_ *run, t string, a []any) (any, error) {
	part, err := textAt("indexOf", a, 1)
	if err != nil {
		return nil, err
	}
	at := strings.Index(t, part)
	if at < 0 {
		return -1, nil
	}
	return utf8.RuneCountInString(t[:at]), nil
}

func repeat(r *run, t string, a []any) (any, error) {
	n, err := intAt("repeat", a, 1, 0)
	if err != nil {
		return nil, err
	}
	if n <= 0 || t == "" {
		return "", nil
	}
	if n > r.limits.Text {
		return nil, r.tooLong(nil)
	}
	if err := r.text(len(t) * n); err != nil {
		return nil, err
	}
	return strings.Repeat(t, n), nil
}

// sub cuts by characters; numbers below 0 count from the end.
func sub(r *run, t string, a []any) (any, error) {
	if err := r.use(4 * len(t)); err != nil {
		return nil, err
	}
	runes := []rune(t)
	from, err := intAt("sub", a, 1, 0)
	if err != nil {
		return nil, err
	}
	to, err := intAt("sub", a, 2, len(runes))
	if err != nil {
		return nil, err
	}
	from, to = within(from, len(runes)), within(to, len(runes))
	if from >= to {
		return "", nil
	}
	return string(runes[from:to]), nil
}

func within(n, length int) int {
	if n < 0 {
		n += length
	}
	return max(0, min(n, length))
}

// textOf fills the {} of a template in order.
func textOf(r *run, template string, a []any) (any, error) {
	var b strings.Builder
	rest := a[1:]
	for {
		at := strings.Index(template, "{}")
		if at < 0 || len(rest) == 0 {
			if err := r.text(b.Len() + len(template)); err != nil {
				return nil, err
			}
			b.Grow(len(template))
			b.WriteString(template)
			return b.String(), nil
		}
		s, err := show(r, rest[0])
		if err != nil {
			return nil, err
		}
		if err := r.text(b.Len() + at + len(s)); err != nil {
			return nil, err
		}
		b.WriteString(template[:at])
		b.WriteString(s)
		template, rest = template[at+2:], rest[1:]
	}
}

// pattern is a regular expression with what a search by it costs.
type pattern struct {
	re   *regexp.Regexp
	size int
}

const (
	maxPattern = 1 << 10 // characters of a pattern
	// maxSearch bounds text length times pattern size: a search cannot be stopped.
	maxSearch = 1 << 23
)

func compilePattern(s string) (*pattern, error) {
	if len(s) > maxPattern {
		return nil, fmt.Errorf("the pattern is longer than %d", maxPattern)
	}
	parsed, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("the pattern is wrong: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, fmt.Errorf("the pattern is wrong: %w", err)
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, fmt.Errorf("the pattern is wrong: %w", err)
	}
	return &pattern{re: re, size: len(program.Inst)}, nil
}

func patternLiteral(_ *resolver, s string) (any, *Problem) {
	p, err := compilePattern(s)
	if err != nil {
		return nil, &Problem{Code: CodeSyntax, Message: err.Error()}
	}
	return p, nil
}

// allow counts a search through t before it is made.
func (p *pattern) allow(r *run, t string) error {
	if len(t)*p.size > maxSearch {
		return fmt.Errorf("%w: the text is too long for this pattern", ErrLimit)
	}
	return r.step(1 + len(t)*p.size>>12)
}

func matches(r *run, v, with any) (any, error) {
	if v == nil {
		return false, nil
	}
	t, ok := v.(string)
	if !ok {
		return nil, wrongArgument("matches", v, "a text")
	}
	p := with.(*pattern)
	if err := p.allow(r, t); err != nil {
		return nil, err
	}
	return p.re.MatchString(t), nil
}

func capture(r *run, t string, a []any) (any, error) {
	p := a[1].(*pattern)
	if err := p.allow(r, t); err != nil {
		return nil, err
	}
	d := min(1, p.re.NumSubexp())
	group, err := intAt("capture", a, 2, d)
	if err != nil {
		return nil, err
	}
	if group < 0 || group > p.re.NumSubexp() {
		return nil, fmt.Errorf("the pattern has %d groups", p.re.NumSubexp())
	}
	found := p.re.FindStringSubmatchIndex(t)
	if found == nil || found[2*group] < 0 {
		return nil, nil
	}
	return t[found[2*group]:found[2*group+1]], nil
}

func captures(r *run, t string, a []any) (any, error) {
	p := a[1].(*pattern)
	if err := p.allow(r, t); err != nil {
		return nil, err
	}
	group := min(1, p.re.NumSubexp())
	found := p.re.FindAllStringSubmatch(t, r.limits.Items/8)
	if err := r.list(4 * len(found)); err != nil {
		return nil, err
	}
	out := make([]any, len(found))
	for i, one := range found {
		out[i] = one[group]
	}
	return out, nil
}

func replaceMatch(r *run, t string, a []any) (any, error) {
	p := a[1].(*pattern)
	if err := p.allow(r, t); err != nil {
		return nil, err
	}
	by, err := textAt("replaceMatch", a, 2)
	if err != nil {
		return nil, err
	}
	most := r.limits.Items / 2
	found := p.re.FindAllStringSubmatchIndex(t, most+1)
	if len(found) > most {
		return nil, fmt.Errorf("%w: the pattern matches more than %d times", ErrLimit, most)
	}
	if err := r.list(8 * len(found)); err != nil {
		return nil, err
	}
	out, from := make([]byte, 0, len(t)), 0
	for _, at := range found {
		out = append(out, t[from:at[0]]...)
		had := cap(out)
		out = p.re.ExpandString(out, by, t, at)
		from = at[1]
		if err := r.text(len(out)); cap(out) > had && err != nil {
			return nil, err
		}
	}
	out = append(out, t[from:]...)
	return string(out), r.text(2 * len(out))
}

// truncate keeps whole characters: nothing is cut between a letter and its accent.
func truncateRunes(t string, n int, ending string) string {
	runes := []rune(t)
	if len(runes) <= n {
		return t
	}
	cut := max(0, n-utf8.RuneCountInString(ending))
	for cut > 0 && (unicode.In(runes[cut], unicode.Mn, unicode.Me) || runes[cut] == '\u200d' || runes[cut-1] == '\u200d') {
		cut--
	}
	return string(runes[:cut]) + ending
}
