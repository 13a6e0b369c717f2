package shape

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/sync/event"
)

// Bounds of a shape.
const (
	MaxFields  = 2000
	MaxOptions = 1000      // of one field
	MaxName    = 1 << 10   // bytes of a field's or an option's name
	MaxBytes   = 128 << 10 // of a whole message
)

// Shape is what a filter sends.
type Shape struct {
	Comments    bool             `json:"comments,omitempty"`
	Attachments bool             `json:"attachments,omitempty"`
	Fields      map[string]Field `json:"fields,omitempty"`
}

// Field is one field of a shape. Type is "" where it is not known; no Options is
// "not known" too.
type Field struct {
	Type    event.Type `json:"type,omitempty"`
	Options []string   `json:"options,omitempty"`
}

// Of makes a shape of what a filter says it sends. What does not fit the bounds is
// told less exactly: without options, or, as the last resort, not at all, which
// means "not known".
func Of(s event.Schema) Shape {
	out := Shape{Comments: s.Comments, Attachments: s.Attachments}
	for name, f := range s.Fields {
		if !plain(name) {
			continue
		}
		if out.Fields == nil {
			out.Fields = map[string]Field{}
		}
		field := Field{Type: f.Type}
		if len(f.Options) <= MaxOptions && !slices.ContainsFunc(f.Options, func(o string) bool { return !plain(o) }) {
			field.Options = slices.Compact(slices.Sorted(slices.Values(f.Options)))
		}
		out.Fields[name] = field
	}
	if out.fits() {
		return out
	}
	for name, f := range out.Fields {
		out.Fields[name] = Field{Type: f.Type}
	}
	if out.fits() {
		return out
	}
	return Shape{}
}

// fits leaves room for what stands around a shape in a message.
func (s Shape) fits() bool { return len(s.Fields) <= MaxFields && len(s.bytes()) <= MaxBytes-100 }

// bytes is the one spelling of a shape.
func (s Shape) bytes() []byte {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("a shape is texts and bools, and yet: %v", err))
	}
	return raw
}

// Digest names a shape by its content.
func (s Shape) Digest() string {
	sum := sha256.Sum256(s.bytes())
	return hex.EncodeToString(sum[:16])
}

// Schema is a shape as filters are checked against it.
func (s Shape) Schema() event.Schema {
	out := event.Schema{Comments: s.Comments, Attachments: s.Attachments, Fields: map[string]event.Field{}}
	for name, f := range s.Fields {
		out.Fields[name] = event.Field{Type: f.Type, Options: f.Options}
	}
	return out
}

// plain tells whether a name may stand in a shape: people will see it, and a name
// that turns the direction of writing or moves the cursor is none.
func plain(name string) bool {
	return name != "" && len(name) <= MaxName && utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool {
		return r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)
	})
}

// Diff says in words how a shape differs from the one before, field by field.
func Diff(before, after Shape) []string {
	var out []string
	whether := func(what string, was, is bool) {
		switch {
		case is && !was:
			out = append(out, what+" come now")
		case was && !is:
			out = append(out, what+" come no longer")
		}
	}
	whether("comments", before.Comments, after.Comments)
	whether("attachments", before.Attachments, after.Attachments)
	all := maps.Clone(before.Fields)
	if all == nil {
		all = map[string]Field{}
	}
	maps.Copy(all, after.Fields)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		was, had := before.Fields[name]
		is, has := after.Fields[name]
		switch {
		case !had:
			out = append(out, name+" comes now")
		case !has:
			out = append(out, name+" comes no longer")
		default:
			out = append(out, changes(name, was, is)...)
		}
	}
	return out
}

// changes are those of one field that comes as before.
func changes(name string, was, is Field) (out []string) {
	if was.Type != is.Type {
		out = append(out, fmt.Sprintf("%s is %s now, and was %s", name, kind(is.Type), kind(was.Type)))
	}
	if len(was.Options) == 0 || len(is.Options) == 0 {
		return out // the options of one side are not known
	}
	for _, o := range is.Options {
		if !slices.Contains(was.Options, o) {
			out = append(out, fmt.Sprintf("%s can be %q now", name, o))
		}
	}
	for _, o := range was.Options {
		if !slices.Contains(is.Options, o) {
			out = append(out, fmt.Sprintf("%s is %q no longer", name, o))
		}
	}
	return out
}

func kind(t event.Type) string {
	if t == "" {
		return "of no known type"
	}
	return "of type " + string(t)
}
