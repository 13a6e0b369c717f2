package filters

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"parley/sync/event"
)

// RoundTrip warns of fields that a value would not come back to as it left: it
// runs both filters of one side on made-up tickets, one for each value that a
// field may have, and gives what leaves to the incoming filter. A text that is
// longer after each round grows; any other difference is a value that is lost.
// People, tickets, sets, comments and files are not looked at.
func RoundTrip(ctx context.Context, out *Outgoing, in *Incoming, schema event.Schema, info Context) Problems {
	report := &reporter{src: in.script.src}
	if info.TwinID == "" {
		info.TwinID = "sample"
	}
	samples := sampleValues(schema)
	base := event.Fields{}
	for key, list := range samples {
		base[key] = list[0]
	}
	trip := roundTrip{ctx: ctx, out: out, in: in, info: info, free: map[string]bool{}}
	for key, t := range newDictionary(schema, true).standard {
		trip.free[key] = t == event.TypeText || t == event.TypeRich
	}
	for key, f := range schema.Fields {
		trip.free[key] = f.Type == event.TypeText || f.Type == event.TypeRich
	}
	for _, source := range in.Sources() {
		list := samples[source.Target]
		if !trip.leaves(base, source.Target, list) {
			continue
		}
		for _, v := range list {
			code, became := trip.check(base, source.Target, v)
			if code == "" {
				continue
			}
			at := in.script.src.startOf(source.Line)
			shown := "issue." + shownKey(source.Target)
			if code == CodeGrows {
				report.warn(code, at, "%s grows each time it crosses; the outgoing filter can take off what this line puts on, as in unprefixed(p, t)", shown)
			} else {
				report.warn(code, at, "%s is %s when it leaves and would be %s when it comes back%s", shown, traced(v), traced(became), trip.because(base, source, v, became))
			}
			break
		}
	}
	trip.revealed(report, base)
	return report.sorted()
}

// revealed warns of a field that a token is read into and that leaves again as it is:
// the other side need only put the token there to be told the text.
func (t *roundTrip) revealed(report *reporter, base event.Fields) {
	const secret = "a text that a token holds"
	left, _ := t.send(base)
	for _, class := range t.in.script.reveals {
		token, err := t.in.script.seal(secret, t.info.TwinID, class)
		if err != nil {
			continue
		}
		for _, source := range t.in.Sources() {
			for _, name := range source.Fields {
				given, ticket := maps.Clone(left), maps.Clone(base)
				if given == nil {
					given = event.Fields{}
				}
				given[name] = token
				read, _ := t.take(base, given)[source.Target].(string)
				if !strings.Contains(read, secret) {
					continue
				}
				ticket[source.Target] = read
				if again, ok := t.send(ticket); ok && holds(again, secret) {
					report.warn(CodeRevealed, t.in.script.src.startOf(source.Line),
						"issue.%s holds what a token held and leaves as it is; the outgoing filter has to send token(issue.%s, %q)", shownKey(source.Target), shownKey(source.Target), class)
				}
			}
		}
	}
}

func holds(fields event.Fields, text string) bool {
	for _, v := range fields {
		if s, ok := v.(string); ok && strings.Contains(s, text) {
			return true
		}
	}
	return false
}

// startOf is where the first character of a line that is no space stands.
func (s *source) startOf(line int) int {
	at := s.lines[line-1]
	for at < len(s.text) && (s.text[at] == ' ' || s.text[at] == '\t') {
		at++
	}
	return at
}

type roundTrip struct {
	ctx  context.Context
	out  *Outgoing
	in   *Incoming
	info Context
	free map[string]bool // fields that hold any text
}

// leaves tells whether a field decides about what leaves: two of its values leave as
// different replicas.
func (t *roundTrip) leaves(base event.Fields, key string, values []any) bool {
	different := map[event.Hash]bool{}
	for _, v := range values {
		ticket := maps.Clone(base)
		ticket[key] = v
		if left, ok := t.send(ticket); ok {
			different[event.HashValue(map[string]any(left))] = true
		}
	}
	return len(different) > 1
}

// check sends a ticket whose field has a value, and takes what left.
func (t *roundTrip) check(base event.Fields, key string, v any) (code Code, became any) {
	ticket := maps.Clone(base)
	ticket[key] = v
	left, ok := t.send(ticket)
	if !ok {
		return "", nil
	}
	back, set := t.take(ticket, left)[key]
	if !set || event.HashValue(back) == event.HashValue(v) {
		return "", nil
	}
	if !t.free[key] {
		return CodeRoundTrip, back
	}
	// A text may take on another form once, as with prefixed, but must stay so then.
	ticket[key] = back
	again, ok := t.send(ticket)
	if !ok {
		return "", nil
	}
	once, _ := back.(string)
	switch twice, _ := t.take(ticket, again)[key].(string); {
	case len(twice) > len(once):
		return CodeGrows, back
	case twice != once:
		return CodeRoundTrip, back
	}
	return "", nil
}

// because names the table, and the pairs in it, that make a value another one: both
// are one on the wire. It is "" if no table of the incoming filter does.
func (t *roundTrip) because(base event.Fields, source Source, v, became any) string {
	from, isText := v.(string)
	ticket := maps.Clone(base)
	ticket[source.Target] = v
	left, sent := t.send(ticket)
	if !isText || !sent {
		return ""
	}
	for _, name := range sortedKeys(t.in.script.tables) {
		table := t.in.script.tables[name]
		out := slices.IndexFunc(table.Pairs, func(p Pair) bool { return p.Ours == from })
		if out < 0 {
			continue
		}
		wire := table.Pairs[out].Wire
		in := slices.IndexFunc(table.Pairs, func(p Pair) bool { return p.Wire == wire })
		read := slices.ContainsFunc(source.Fields, func(field string) bool { return left[field] == wire })
		if read && became == table.Pairs[in].Ours {
			return fmt.Sprintf(": in the table %s, %s and %s are both %s on the wire", name, table.place(out), table.place(in), traced(wire))
		}
	}
	return ""
}

func (t *roundTrip) send(fields event.Fields) (event.Fields, bool) {
	result, err := t.out.Run(t.ctx, OutInput{Context: t.info, Issue: Ours{Fields: fields, Key: "SAMPLE-1", URL: "https://tracker.example/SAMPLE-1"}})
	return result.Replica.Fields, err == nil && result.Stop == nil
}

func (t *roundTrip) take(ours, left event.Fields) event.Fields {
	issue := &Ours{Fields: ours, Key: "SAMPLE-1"}
	result, err := t.in.Run(t.ctx, InInput{Context: t.info, Issue: issue, Replica: Replica{Fields: left}})
	if err != nil || result.Stop != nil {
		return nil // what fails is told where it fails
	}
	return result.Fields
}

// maxSamples bounds the values of one field that are tried.
const maxSamples = 50

// sampleValues are values that each field may have, at least two where it can
// be compared.
func sampleValues(schema event.Schema) map[string][]any {
	at := time.Date(2026, 1, 31, 12, 30, 0, 0, time.UTC)
	out := map[string][]any{}
	for key, t := range newDictionary(schema, true).standard {
		out[key] = valuesOfType(t, nil, at)
	}
	for key, f := range schema.Fields {
		out[key] = valuesOfType(f.Type, f.Options, at)
	}
	maps.DeleteFunc(out, func(_ string, list []any) bool { return len(list) == 0 })
	return out
}

func valuesOfType(t event.Type, options []string, at time.Time) []any {
	switch t {
	case event.TypeText, event.TypeRich:
		return []any{"A first sample", "The second, of two words"}
	case event.TypeOption:
		var out []any
		for _, one := range slices.Clone(options[:min(len(options), maxSamples)]) {
			out = append(out, one)
		}
		return out
	case event.TypeNumber:
		return []any{3.0, 8.0}
	case event.TypeBool:
		return []any{true, false}
	case event.TypeTime:
		return []any{at.Format(time.RFC3339), at.Add(26 * time.Hour).Format(time.RFC3339)}
	case event.TypeDate:
		return []any{at.Format(dateLayout), at.Add(48 * time.Hour).Format(dateLayout)}
	case event.TypeDuration:
		return []any{3600.0, 5400.0}
	}
	return nil
}
