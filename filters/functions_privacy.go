package filters

import (
	"cmp"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

func privacyFunctions() []*function {
	return []*function{
		{
			name: "mask", types: []any{func(string) string { return "" }, func(string, float64) string { return "" }},
			call: forText("mask", 0, maskText),
		},
		{
			name: "redact", types: []any{func(any, ...string) any { return nil }},
			rest: detectorLiteral, restFrom: 1, call: redact,
		},
		{name: "hash", types: []any{func(any) string { return "" }}, call: hashText},
		{name: "pseudonym", types: []any{func(any) string { return "" }}, call: pseudonym},
	}
}

// mask hides a text but for its last characters, and how long it is.
func mask(t string, keep int) string {
	n := utf8.RuneCountInString(t)
	if keep <= 0 || keep >= n {
		return "•••"
	}
	return "•••" + string([]rune(t)[n-keep:])
}

func maskText(r *run, t string, a []any) (any, error) {
	keep, err := intAt("mask", a, 1, 0)
	if err != nil {
		return nil, err
	}
	return mask(t, keep), r.text(4 * len(t))
}

// maskValue is a value as note may show it: kind and size, the ends of texts.
func maskValue(v any) any {
	switch v := v.(type) {
	case string:
		if n := utf8.RuneCountInString(v); n > 8 {
			return mask(v, 2)
		}
		return mask(v, 0)
	case person:
		return mask(v.name, 0)
	}
	return v
}

func detectorLiteral(_ *resolver, name string) (any, *Problem) {
	d, ok := detectors()[name]
	if !ok {
		return nil, &Problem{Code: CodeUnknownName, Message: "redact does not know " + quoteName(name), Nearest: nearest(name, sortedKeys(detectors()))}
	}
	return detector{name: name, find: d}, nil
}

// redact replaces what detectors find, in a text, a comment or a list of those.
func redact(r *run, a []any) (any, error) {
	switch v := a[0].(type) {
	case nil:
		return nil, nil
	case string:
		return r.redactText(v, a[1:])
	case *item:
		if v.comment == nil {
			name, err := r.redactText(v.attachment.Name, a[1:])
			if err != nil {
				return nil, err
			}
			return v.change("name", name)
		}
		body, err := r.redactText(v.comment.Body, a[1:])
		if err != nil {
			return nil, err
		}
		return v.change("body", body)
	case []any:
		if err := r.list(len(v)); err != nil {
			return nil, err
		}
		out := make([]any, len(v))
		for i, one := range v {
			var err error
			if out[i], err = redact(r, slices.Concat([]any{one}, a[1:])); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return a[0], nil
}

// maxRedact bounds the text of one search: a search cannot be stopped.
const maxRedact = 256 << 10

func (r *run) redactText(t string, what []any) (string, error) {
	if len(t) > maxRedact {
		return "", fmt.Errorf("%w: redact takes texts of up to %d KB", ErrLimit, maxRedact>>10)
	}
	var all []sighting
	for _, one := range what {
		d := one.(detector)
		if err := r.text(2 * len(t)); err != nil {
			return "", err
		}
		if err := r.step(len(t) >> 5); err != nil {
			return "", err
		}
		for _, s := range d.find(t, r.script.hosts) {
			all = append(all, sighting{s, d.name})
		}
	}
	return replaceNamed(t, all), nil
}

// sighting is a place and which detector found it.
type sighting struct {
	span
	name string
}

// replaceNamed puts the names of detectors where they found something. What overlaps
// is one place, called after its longest: were they replaced one after the other, the
// rest of an account number that has the form of a phone's would stay.
func replaceNamed(t string, all []sighting) string {
	slices.SortStableFunc(all, func(a, b sighting) int { return cmp.Or(a.start-b.start, b.end-a.end) })
	var b strings.Builder
	at := 0
	for i := 0; i < len(all); {
		place, longest := all[i], all[i]
		for i++; i < len(all) && all[i].start < place.end; i++ {
			place.end = max(place.end, all[i].end)
			if all[i].end-all[i].start > longest.end-longest.start {
				longest = all[i]
			}
		}
		b.WriteString(t[at:place.start])
		b.WriteString("[" + longest.name + "]")
		at = place.end
	}
	b.WriteString(t[at:])
	return b.String()
}

// keyed is what hash and pseudonym are made of.
func keyed(r *run, v any) (string, bool, error) {
	if p, ok := v.(person); ok {
		return p.id + "\x00" + p.name, true, nil
	}
	if v == nil {
		return "", false, nil
	}
	s, err := show(r, v)
	return s, true, err
}

func hashText(r *run, a []any) (any, error) {
	s, ok, err := keyed(r, a[0])
	if err != nil || !ok {
		return nil, err
	}
	return r.script.mac("hash", s)[:32], r.use(512)
}

// pseudonym is a name that is always the same for the same thing on one
// connection, and says nothing about it.
func pseudonym(r *run, a []any) (any, error) {
	s, ok, err := keyed(r, a[0])
	if err != nil || !ok {
		return nil, err
	}
	raw, err := hex.DecodeString(r.script.mac("pseudonym", s)[:16])
	if err != nil {
		return nil, err
	}
	return "anon-" + strings.ToLower(base32.StdEncoding.EncodeToString(raw)[:10]), r.use(512)
}
