package filters

import (
	"context"
	"maps"
	"slices"
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
		if len(list) < 2 {
			continue
		}
		for i, v := range list {
			code, became := trip.check(base, source.Target, v, list[(i+1)%len(list)])
			if code == "" {
				continue
			}
			at := in.script.src.startOf(source.Line)
			shown := "issue." + shownKey(source.Target)
			if code == CodeGrows {
				report.warn(code, at, "%s grows each time it crosses; the outgoing filter can take off what this line puts on, as in unprefixed(p, t)", shown)
			} else {
				report.warn(code, at, "%s is %s when it leaves and would be %s when it comes back", shown, traced(v), traced(became))
			}
			break
		}
	}
	return report.sorted()
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

// check sends a ticket whose field has a value, and takes what left; other is
// another value of the field, to see whether it leaves at all.
func (t *roundTrip) check(base event.Fields, key string, v, other any) (code Code, became any) {
	ticket, reference := maps.Clone(base), maps.Clone(base)
	ticket[key], reference[key] = v, other
	left, ok := t.send(ticket)
	without, ok2 := t.send(reference)
	if !ok || !ok2 || event.HashValue(map[string]any(left)) == event.HashValue(map[string]any(without)) {
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
