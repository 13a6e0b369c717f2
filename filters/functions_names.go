package filters

import "parley/sync/event"

// nameFunctions find components and versions of ours by their name.
func nameFunctions() []*function {
	names := []any{func(string) string { return "" }}
	return []*function{
		{name: "component", only: onlyIn(incoming), types: names, call: forText("component", 0, ofField(event.FieldComponents))},
		{name: "version", only: onlyIn(incoming), types: names, call: forText("version", 0, ofField(event.FieldFixVersions))},
	}
}

// ofField gives the option of a field that has this name, in any case of letters
// if that is one only; nil if the tracker has none. While the tracker does not
// tell its options, every name is one.
func ofField(field string) func(*run, string, []any) (any, error) {
	return func(r *run, t string, _ []any) (any, error) {
		found, ok := findOption(t, r.script.named[field])
		if !ok {
			return nil, nil
		}
		return found, r.step(1 + len(r.script.named[field])>>3)
	}
}

func named(schema event.Schema) map[string][]string {
	out := map[string][]string{}
	for _, field := range []string{event.FieldComponents, event.FieldFixVersions} {
		if options := schema.Fields[field].Options; len(options) > 0 {
			out[field] = options
		}
	}
	return out
}
