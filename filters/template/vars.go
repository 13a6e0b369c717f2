package template

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kinds of variables.
const (
	TypeText    = "text"
	TypeNumber  = "number"
	TypeBoolean = "boolean"
	TypeList    = "list" // of texts
)

// maxValue bounds a variable's text, in bytes.
const maxValue = 8 << 10

// Var is a variable that a template declares.
type Var struct {
	// Type is one of TypeText, TypeNumber, TypeBoolean and TypeList; text if left out.
	Type        string `yaml:"type"`
	Description string `yaml:"description"`
	Required    bool   `yaml:"required"`
	Default     any    `yaml:"default"`
	// Pattern is a regular expression that all of a text must match, and each of a list.
	Pattern string `yaml:"pattern"`
}

func (v Var) check() error {
	if v.Type != "" && !slices.Contains([]string{TypeText, TypeNumber, TypeBoolean, TypeList}, v.Type) {
		return fmt.Errorf("type: %.40q is none of text, number, boolean, list", v.Type)
	}
	if v.Pattern != "" && v.Type != "" && v.Type != TypeText && v.Type != TypeList {
		return fmt.Errorf("pattern: is for texts and lists, not for a %s", v.Type)
	}
	if _, err := v.pattern(); err != nil {
		return fmt.Errorf("pattern: %w", err)
	}
	if v.Default == nil {
		return nil
	}
	if v.Required {
		return errors.New("default: a variable that must be given has none; take required out")
	}
	if _, err := v.value(v.Default); err != nil {
		return fmt.Errorf("default: %w", err)
	}
	return nil
}

func (v Var) pattern() (*regexp.Regexp, error) {
	if v.Pattern == "" {
		return nil, nil
	}
	return regexp.Compile(`\A(?:` + v.Pattern + `)\z`)
}

// Parse reads a variable as a cell of a table has it: a list's values are parted by
// semicolons.
func (v Var) Parse(text string) (any, error) {
	switch v.Type {
	case TypeNumber:
		if n, err := strconv.Atoi(text); err == nil {
			return n, nil
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || n-n != 0 { // neither infinite nor no number
			return nil, fmt.Errorf("want a number, not %.60q", text)
		}
		return n, nil
	case TypeBoolean:
		if text != "true" && text != "false" {
			return nil, fmt.Errorf("want true or false, not %.60q", text)
		}
		return text == "true", nil
	case TypeList:
		list := []any{}
		for part := range strings.SplitSeq(text, ";") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		return v.value(list)
	}
	return v.value(text)
}

// value holds a value to the declaration, and gives it as filters have it.
func (v Var) value(value any) (any, error) {
	switch v.Type {
	case TypeNumber:
		switch n := value.(type) {
		case uint64: // as a YAML reader gives it
			return int(n), nil
		case int64:
			return int(n), nil
		case int, float64:
			return n, nil
		}
		return nil, fmt.Errorf("want a number, not %.60v", value)
	case TypeBoolean:
		if _, ok := value.(bool); !ok {
			return nil, fmt.Errorf("want true or false, not %.60v", value)
		}
		return value, nil
	case TypeList:
		list, ok := value.([]any)
		if !ok {
			return nil, fmt.Errorf("want a list, not %.60v", value)
		}
		for _, one := range list {
			if err := v.text(one); err != nil {
				return nil, err
			}
		}
		return value, nil
	}
	return value, v.text(value)
}

func (v Var) text(value any) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("want a text, not %.60v; in parley.yaml write it in quotes", value)
	}
	if len(text) > maxValue || !utf8.ValidString(text) {
		return fmt.Errorf("is longer than %d bytes, or not UTF-8", maxValue)
	}
	pattern, err := v.pattern()
	if err != nil {
		return err
	}
	if pattern != nil && !pattern.MatchString(text) {
		return fmt.Errorf("%.60q does not match %s", text, v.Pattern)
	}
	return nil
}

// Problem is what is wrong with one variable.
type Problem struct {
	Name, What string
}

// Values are a connection's variables with the defaults of those that it leaves out,
// and all that is wrong with them, by name.
func (t *Template) Values(given map[string]any) (map[string]any, []Problem) {
	values := map[string]any{}
	var problems []Problem
	for _, name := range slices.Sorted(maps.Keys(given)) {
		v, ok := t.Vars[name]
		if !ok {
			problems = append(problems, Problem{name, t.Ref.String() + " has no such variable; it has " + strings.Join(t.Names(), ", ")})
			continue
		}
		value, err := v.value(given[name])
		if err != nil {
			problems = append(problems, Problem{name, err.Error()})
		}
		values[name] = value
	}
	for _, name := range t.Names() {
		v := t.Vars[name]
		if _, ok := given[name]; ok {
			continue
		}
		switch {
		case v.Required:
			problems = append(problems, Problem{name, "is missing, and " + t.Ref.String() + " requires it"})
		case v.Default != nil:
			values[name], _ = v.value(v.Default) // check has looked at it
		default:
			values[name] = v.zero()
		}
	}
	return values, problems
}

// zero is what a variable is that is neither given nor has a default: filters that
// read it compile alike for every connection.
func (v Var) zero() any {
	switch v.Type {
	case TypeNumber:
		return 0
	case TypeBoolean:
		return false
	case TypeList:
		return []any{}
	}
	return ""
}

// Names are the names of the variables, in order.
func (t *Template) Names() []string { return slices.Sorted(maps.Keys(t.Vars)) }

// Samples are values to compile the template with where there is no connection: the
// defaults, and something of the kind for what is required.
func (t *Template) Samples() map[string]any {
	given := map[string]any{}
	for name, v := range t.Vars {
		if v.Required {
			given[name] = v.zero()
		}
	}
	values, _ := t.Values(given)
	for name, value := range given {
		values[name] = value // a pattern that the sample does not match is no matter here
	}
	return values
}
