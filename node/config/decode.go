package config

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"parley/node/secret"
)

// Bounds of the file.
const (
	maxFile   = 1 << 20
	maxNested = 8 // lists and maps in a variable
	maxOpen   = 200
)

// position is where a key stands, or what set it.
type position struct {
	line, column int
	from         string // a variable or flag, "" for the file
}

// decoder walks the file's nodes beside the struct that they are for. It goes
// on after a problem: all of them are to be reported at once.
type decoder struct {
	lines    []string
	problems []Problem
	at       map[string]position
}

// file decodes text into the struct that into points to.
func (d *decoder) file(text []byte, into any) {
	d.lines = strings.Split(string(text), "\n")
	if d.tooDeep(text) {
		return
	}
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		d.syntax(err)
		return
	}
	var body ast.Node
	for _, doc := range tree.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			d.node(doc.Body, "", "a second document begins here", "write one, without ---")
			return
		}
		body = doc.Body
	}
	if body != nil {
		d.value(body, reflect.ValueOf(into).Elem(), "")
	}
}

// value decodes one node.
func (d *decoder) value(n ast.Node, into reflect.Value, key string) {
	if key != "" {
		d.at[key] = positionOf(n)
	}
	if text, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if s, ok := d.scalar(n, key); ok {
			d.setText(text, s, n, key)
		}
		return
	}
	if gate, ok := into.Addr().Interface().(*Gate); ok && isText(n) {
		gate.Name, _ = d.scalar(n, key)
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		d.structure(n, into, key)
	case reflect.Map:
		d.table(n, into, key)
	case reflect.Slice:
		d.list(n, into, key)
	case reflect.Interface:
		if v, ok := d.free(n, key, 0); ok {
			into.Set(reflect.ValueOf(v))
		}
	default:
		if s, ok := d.scalar(n, key); ok {
			if err := setBasic(into, s); err != nil {
				d.node(n, key, err.Error(), "")
			}
		}
	}
}

func isText(n ast.Node) bool {
	_, ok := n.(*ast.StringNode)
	return ok
}

// setText hands a scalar to a type of its own.
func (d *decoder) setText(into encoding.TextUnmarshaler, text string, n ast.Node, key string) {
	err := into.UnmarshalText([]byte(text))
	if err == nil {
		return
	}
	if _, isSecret := into.(*secret.Ref); isSecret {
		d.keyNode(n, key, err.Error(), secretAdvice(key))
		return
	}
	d.node(n, key, err.Error(), "")
}

// secretAdvice says where a secret goes instead.
func secretAdvice(key string) string {
	parts := strings.Split(strings.Replace(key, ".settings.", ".", 1), ".")
	name := strings.Join(parts[max(len(parts)-2, 0):], "-")
	return fmt.Sprintf("put it into the vault with `parley secret set %s` and write ${secret:%s}", name, name)
}

// setBasic sets a text, number or bool.
func setBasic(into reflect.Value, text string) error {
	switch into.Kind() {
	case reflect.String:
		into.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("want true or false")
		}
		into.SetBool(text == "true")
	case reflect.Int:
		v, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("want a whole number")
		}
		into.SetInt(int64(v))
	default:
		panic("config: the schema has a field of kind " + into.Kind().String())
	}
	return nil
}

// scalar returns the text of a node that is neither list nor map.
func (d *decoder) scalar(n ast.Node, key string) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	case *ast.NullNode:
		d.node(n, key, "there is no value", "write one, or take the key out")
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode:
		if text, ok := joined(n); ok {
			return text, true
		}
		d.node(n, key, "want a single value", "")
	default:
		d.unusual(n, key)
	}
	return "", false
}

// joined returns the text of a value like webhook:ops. Inside [] and {} the
// parser takes it for a key with a value; YAML says that it is not, as no space
// follows the colon.
func joined(n ast.Node) (string, bool) {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) == 1 {
		n = m.Values[0]
	}
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, n.Token.Type == token.StringType
	case *ast.IntegerNode:
		return n.Token.Value, true
	case *ast.MappingValueNode:
		left, ok := joined(n.Key)
		right, ok2 := joined(n.Value)
		colon, value := n.Start.Position, positionOf(n.Value)
		if v, ok := n.Value.(*ast.MappingValueNode); ok {
			value = positionOf(v.Key)
		}
		adjoining := value.line == colon.Line && value.column == colon.Column+1
		return left + ":" + right, ok && ok2 && adjoining
	}
	return "", false
}

// unusual reports parts of YAML that have no place here.
func (d *decoder) unusual(n ast.Node, key string) {
	d.node(n, key, "anchors, aliases, tags and merge keys are not used here", "write the value out")
}

// entries returns the pairs of a map; none for an empty value.
func (d *decoder) entries(n ast.Node, key string) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	case *ast.NullNode:
		return nil
	case *ast.AliasNode, *ast.AnchorNode, *ast.TagNode:
		d.unusual(n, key)
	default:
		d.node(n, key, "want keys with values", "")
	}
	return nil
}

// pair returns the name of one key and its place in the file. The parser has
// seen to it that no key stands in a map twice.
func (d *decoder) pair(e *ast.MappingValueNode, key string) (name, path string, ok bool) {
	switch k := e.Key.(type) {
	case *ast.StringNode:
		name = k.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		name = k.GetToken().Value
	default:
		d.unusual(e.Key, key)
		return "", "", false
	}
	path = strings.TrimPrefix(key+"."+name, ".")
	return name, path, true
}

// structure decodes a map with known keys.
func (d *decoder) structure(n ast.Node, into reflect.Value, key string) {
	fields, later := keysOf(into.Type())
	for _, e := range d.entries(n, key) {
		name, path, ok := d.pair(e, key)
		if !ok {
			continue
		}
		if i, known := fields[name]; known {
			d.value(e.Value, into.Field(i), path)
			d.at[path] = positionOf(e.Key)
			d.emptyList(into.Field(i), into.Type().Field(i).Tag, path)
			continue
		}
		if slices.Contains(later, name) {
			d.keyNode(e.Key, path, "not available in this version", "take the key out")
			continue
		}
		d.unknown(e.Key, path, name, fields)
	}
}

// emptyList looks at a list in which nothing stands: it is the same as no key, unless
// the schema says that it is kept, or that it would let anything pass.
func (d *decoder) emptyList(list reflect.Value, tag reflect.StructTag, key string) {
	switch {
	case list.Kind() != reflect.Slice || list.IsNil() || list.Len() > 0:
	case tag.Get("empty") == "anything":
		d.report(d.at[key], key, "an empty list would let anything pass", "take the key out if that is meant", false)
	case !strings.HasSuffix(tag.Get("yaml"), ",omitzero"):
		list.SetZero()
	}
}

// unknown reports a key that the schema does not have.
func (d *decoder) unknown(k ast.Node, path, name string, fields map[string]int) {
	names := slices.Sorted(maps.Keys(fields))
	advice := "the keys here are " + strings.Join(names, ", ")
	if near := nearest(name, names); near != "" {
		advice = fmt.Sprintf("did you mean %s?", near)
	}
	d.keyNode(k, path, "unknown key", advice)
}

// keysOf returns the keys of a struct, and those that a later version has.
func keysOf(t reflect.Type) (fields map[string]int, later []string) {
	fields = map[string]int{}
	for i := range t.NumField() {
		f := t.Field(i)
		if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" && name != "-" {
			fields[name] = i
		}
		later = append(later, strings.Fields(f.Tag.Get("later"))...)
	}
	return fields, later
}

// table decodes a map whose keys are the admin's.
func (d *decoder) table(n ast.Node, into reflect.Value, key string) {
	for _, e := range d.entries(n, key) {
		name, path, ok := d.pair(e, key)
		if !ok {
			continue
		}
		v := reflect.New(into.Type().Elem()).Elem()
		d.value(e.Value, v, path)
		d.at[path] = positionOf(e.Key)
		if into.IsNil() {
			into.Set(reflect.MakeMap(into.Type()))
		}
		into.SetMapIndex(reflect.ValueOf(name), v)
	}
}

// list decodes a list.
func (d *decoder) list(n ast.Node, into reflect.Value, key string) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.node(n, key, "want a list", "write it like [a, b]")
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), 0, len(seq.Values))) // an empty list is one too
	for i, item := range seq.Values {
		v := reflect.New(into.Type().Elem()).Elem()
		d.value(item, v, fmt.Sprintf("%s[%d]", key, i))
		into.Set(reflect.Append(into, v))
	}
}

// free decodes what has no schema: a variable of the filters.
func (d *decoder) free(n ast.Node, key string, depth int) (any, bool) {
	if depth > maxNested {
		d.node(n, key, "nested too deeply", "")
		return nil, false
	}
	switch n := n.(type) {
	case *ast.BoolNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode:
		return d.number(n, key)
	case *ast.StringNode, *ast.LiteralNode:
		return d.scalar(n, key)
	case *ast.SequenceNode:
		items := make([]any, 0, len(n.Values))
		for i, item := range n.Values {
			if v, ok := d.free(item, fmt.Sprintf("%s[%d]", key, i), depth+1); ok {
				items = append(items, v)
			}
		}
		return items, true
	case *ast.MappingNode, *ast.MappingValueNode:
		if text, ok := joined(n); ok {
			return text, true
		}
		out := map[string]any{}
		for _, e := range d.entries(n, key) {
			if name, path, ok := d.pair(e, key); ok {
				if v, ok := d.free(e.Value, path, depth+1); ok {
					out[name] = v
				}
			}
		}
		return out, true
	}
	return d.scalar(n, key) // reports what is wrong with it
}

// number decodes a number of a variable: whole ones as int, as filters have them.
func (d *decoder) number(n ast.Node, key string) (any, bool) {
	text := n.GetToken().Value
	if n.GetToken().Type == token.IntegerType {
		if v, err := strconv.Atoi(text); err == nil {
			return v, true
		}
	}
	if v, err := strconv.ParseFloat(text, 64); err == nil {
		return v, true
	}
	d.node(n, key, "want a number in decimal", "write it in quotes to make it a text")
	return nil, false
}
