package desk

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"parley/sync/event"
)

// inputView is one input of the form that makes or edits a ticket.
type inputView struct {
	Name    string // of the field
	Label   string
	Kind    string // text, area, date, number, choice, check, words
	Value   string
	Options []optionView
	Must    bool
	Max     int
}

type optionView struct{ Value, Label string }

// form are the inputs, filled with what a ticket has; t is nil for a new one. Project
// is chosen once, status has buttons of its own.
func (s *state) form(t *ticket) []inputView {
	var out []inputView
	creating, fields := t == nil, event.Fields(nil)
	if t != nil {
		fields = t.fields
	}
	for _, def := range s.options.definitions() {
		if def.name == event.FieldStatus || def.name == event.FieldReporter || (def.name == event.FieldProject && !creating) {
			continue
		}
		value := fields[def.name]
		if t != nil && def.name == event.FieldLinks {
			value = event.LinksValue(s.linksOf(t))
		}
		if in, ok := s.input(def, value); ok {
			out = append(out, in)
		}
	}
	return out
}

func (s *state) input(def definition, v any) (inputView, bool) {
	in := inputView{Name: def.name, Label: title(def.name), Must: def.Required, Max: def.MaxLength, Value: show(v)}
	switch def.Type {
	case event.TypeText:
		in.Kind = "text"
	case event.TypeRich:
		in.Kind = "area"
	case event.TypeDate:
		in.Kind = "date"
	case event.TypeNumber:
		in.Kind = "number"
	case event.TypeSet, event.TypeLinks:
		in.Kind = "words"
	case event.TypeBool:
		in.Kind = "choice"
		in.Options = []optionView{{"", "–"}, {"yes", "yes"}, {"no", "no"}}
	case event.TypeOption:
		in.Kind = "choice"
		in.Options = choices(def, !slices.Contains([]string{event.FieldProject, event.FieldType}, def.name))
	case event.TypeUser:
		in.Kind = "choice"
		in.Options = []optionView{{"", "Nobody"}}
		for _, p := range s.options.everyone() {
			in.Options = append(in.Options, optionView{p.ID, p.Name})
		}
	case event.TypeCascade:
		in.Kind = "choice"
		in.Options = []optionView{{"", "–"}}
		for _, o := range def.Options {
			in.Options = append(in.Options, optionView{o, o})
			for _, child := range def.children[o] {
				in.Options = append(in.Options, optionView{o + " / " + child, o + " / " + child})
			}
		}
	case event.TypeRef:
		in.Kind = "text"
		in.Value = ""
		if t, err := s.live(show(v)); err == nil {
			in.Value = t.key
		}
	default:
		return in, false
	}
	return in, true
}

func choices(def definition, mayBeEmpty bool) []optionView {
	var out []optionView
	if mayBeEmpty {
		out = append(out, optionView{"", "–"})
	}
	for _, o := range def.Options {
		out = append(out, optionView{o, o})
	}
	return out
}

// formFields are the fields that a person changed: those whose input differs
// from what the form began with. What somebody else changed meanwhile stays.
func (s *state) formFields(form url.Values) (event.Fields, error) {
	out := event.Fields{}
	for _, def := range s.options.definitions() {
		if !form.Has(def.name) || (form.Has("was."+def.name) && newlines(form.Get(def.name)) == newlines(form.Get("was."+def.name))) {
			continue
		}
		v, err := s.parse(def, form.Get(def.name))
		if err != nil {
			return nil, err
		}
		out[def.name] = v
	}
	return out, nil
}

func (s *state) parse(def definition, text string) (any, error) {
	trimmed := strings.TrimSpace(text)
	if trimmed == "" {
		return nil, nil
	}
	switch def.Type {
	case event.TypeNumber:
		n, err := strconv.ParseFloat(trimmed, 64)
		if err != nil {
			return nil, invalidf("%s must be a number", title(def.name))
		}
		return n, nil
	case event.TypeBool:
		return trimmed == "yes", nil
	case event.TypeSet:
		var words []any
		for _, w := range strings.Split(text, ",") {
			words = append(words, w)
		}
		return words, nil
	case event.TypeLinks:
		return s.parseLinks(text)
	case event.TypeCascade:
		value, child, _ := strings.Cut(trimmed, " / ")
		return map[string]any{"value": value, "child": child}, nil
	case event.TypeRef:
		t, err := s.byKey(trimmed)
		if err != nil {
			return nil, invalidf("%s: there is no ticket %s", title(def.name), trimmed)
		}
		return strconv.FormatInt(t.id, 10), nil
	default:
		return text, nil
	}
}
