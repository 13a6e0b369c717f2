package filters

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/checker/nature"

	"parley/sync/event"
)

// target finds the field that a statement sets, or reports why there is none.
func (c *compilation) target(s *statement) *target {
	if s.side == "" {
		return nil
	}
	side, other := "replica", "issue"
	names := c.replica
	if c.kind == incoming {
		side, other, names = other, side, c.issue
	}
	switch {
	case s.side == other:
		c.report.add(CodeTarget, s.sideAt, "%s is read only in an %s; set fields of %s", other, c.kind, side)
		return nil
	case s.side != side:
		c.report.add(CodeTarget, s.sideAt, "%s cannot be set; fields of %s can", s.side, side).Nearest = nearest(s.side, []string{side})
		return nil
	case s.field == "" && !s.custom:
		c.report.add(CodeTarget, s.sideAt, "set the fields of %s one by one", side)
		return nil
	case s.custom && s.field == "":
		c.report.add(CodeUnknownField, s.targetAt, "the name of the field is empty")
		return nil
	}
	t := &target{key: fieldKey(s.field, s.custom), shown: side + "." + shownKey(fieldKey(s.field, s.custom))}
	if !s.custom && (s.field == collectionComments || s.field == collectionAttachments) {
		return t
	}
	if !c.knownTarget(s, names, t) || !c.writable(s, names, t) {
		return nil
	}
	return t
}

func (c *compilation) knownTarget(s *statement, names dictionary, t *target) bool {
	if !s.custom {
		why, later := laterFields()[s.field]
		switch {
		case s.field == collectionNotes || s.field == collectionForeign:
			c.report.add(CodeTarget, s.targetAt, "%s cannot be set; set comments, with(#, {internal: true}) makes one internal", s.field)
			return false
		case later:
			c.report.add(CodeNotAvailable, s.targetAt, "%s is not available in this version: %s", s.field, why)
			return false
		case s.field == event.FieldChildren:
			c.report.add(CodeTarget, s.targetAt, ofParents, s.side)
			return false
		case s.field == "fields":
			c.report.add(CodeTarget, s.targetAt, `name the custom field: %s.fields["Name"]`, s.side)
			return false
		}
	}
	typ, ok := names.typeOf(s.field, s.custom)
	if !ok {
		c.unknownField(s.targetAt, s.side, s.field, s.custom, names)
		return false
	}
	t.typ = typ
	if f, ok := names.field(s.field, s.custom); ok {
		t.options = f.Options
	}
	return true
}

// writable checks what the tracker lets us set.
func (c *compilation) writable(s *statement, names dictionary, t *target) bool {
	if !names.ours {
		return true
	}
	if !s.custom && slices.Contains(readOnly, s.field) {
		c.report.add(CodeReadOnly, s.targetAt, "the tracker sets %s itself", s.field)
		return false
	}
	if len(names.schema.Fields) == 0 || slices.Contains(alwaysThere, t.key) {
		return true
	}
	f, ok := names.schema.Fields[t.key]
	switch {
	case !ok:
		c.report.add(CodeUnknownField, s.targetAt, "your tracker has no %s", s.field)
		return false
	case !f.Writable:
		c.report.add(CodeReadOnly, s.targetAt, "your account at the tracker may not set %s", s.field)
		return false
	}
	return true
}

func (c *compilation) unknownField(at int, side, field string, custom bool, names dictionary) {
	if custom {
		c.report.add(CodeUnknownField, at, "your tracker has no custom field %q", field).Nearest = nearest(field, names.customNames())
		return
	}
	p := c.report.add(CodeUnknownField, at, "%s has no field %s", side, field)
	if p.Nearest = nearest(field, names.standardNames()); p.Nearest == "" {
		if custom := nearest(field, names.customNames()); custom != "" {
			p.Nearest = `fields["` + custom + `"]`
		} else {
			p.Message += `; a custom field is written ` + side + `.fields["Name"]`
		}
	}
}

// checkAssignable compares what is known of a value with the target's type.
func (c *compilation) checkAssignable(at int, n nature.Nature, t *target) {
	if n.Nil || n.IsUnknown(&c.config.NtCache) || t.typ == "" && !t.collection() || isSpecial(n) {
		return
	}
	fits, wanted := true, ""
	switch t.typ {
	case event.TypeText, event.TypeRich, event.TypeOption:
		fits, wanted = n.IsString(), "a text"
	case event.TypeBool:
		fits, wanted = n.IsBool(), "true or false"
	case event.TypeNumber:
		fits, wanted = n.IsNumber(), "a number"
	case event.TypeTime, event.TypeDate:
		fits, wanted = n.IsTime(), "a time"
	case event.TypeDuration:
		fits, wanted = n.IsDuration(), "a duration, as in 3 * HOUR"
	case event.TypeUser:
		fits, wanted = n.IsMap(), "a person; see user(x)"
	case event.TypeUsers, event.TypeSet, event.TypeOptions, event.TypeLinks:
		fits, wanted = n.IsArray(), "a list"
	case event.TypeCascade, event.TypeRef:
		fits, wanted = n.IsMap() || t.typ == event.TypeCascade && n.IsString(), "a value with members"
	case "":
		fits, wanted = n.IsArray(), "a list"
	}
	if !fits {
		c.report.add(CodeType, at, "%s takes %s, this is %s", t.shown, wanted, natureName(n))
	}
}

// checkTheirs refuses what means nothing at our tracker.
func (c *compilation) checkTheirs(e *expression) {
	if c.kind != incoming || !strings.HasPrefix(e.direct, "replica.") {
		return
	}
	switch c.facts[e.direct].typ {
	case event.TypeUser:
		c.report.add(CodeType, e.at, "this is a person of the other side; write user(%s.email)", e.direct)
	case event.TypeLinks:
		c.report.add(CodeType, e.at, "these are tickets of the other side; write twinOf(%s)", e.direct)
	case event.TypeRef:
		c.report.add(CodeType, e.at, "this is a ticket of the other side; write twinOf(%s)", e.direct)
	}
}

// checkOption finds a text that is none of a field's options. What the other side
// says of its own is only a hint.
func (c *compilation) checkOption(at int, field, literal string, options []string, theirs bool) {
	if slices.Contains(options, literal) {
		return
	}
	tell := c.report.add
	if theirs {
		tell = c.report.warn
	}
	tell(CodeUnknownOption, at, "%s has no option %q", field, literal).Nearest = nearest(literal, options)
}
