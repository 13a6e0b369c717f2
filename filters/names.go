package filters

import (
	"maps"
	"slices"

	"parley/sync/event"
)

// Standard fields beyond those that sync/event names.
const (
	fieldKind             = "kind"
	fieldEnvironment      = "environment"
	fieldSecurityLevel    = "securityLevel"
	fieldResolved         = "resolved"
	fieldRemaining        = "remaining"
	fieldWatchers         = "watchers"
	fieldAffectedVersions = "affectedVersions"

	collectionComments    = "comments"
	collectionNotes       = "notes"
	collectionForeign     = "foreignComments"
	collectionAttachments = "attachments"
)

// standardTypes are the types of the standard fields on the wire, and here
// where the Schema does not say otherwise.
func standardTypes() map[string]event.Type {
	return map[string]event.Type{
		event.FieldKey: event.TypeText, event.FieldURL: event.TypeText, event.FieldProject: event.TypeText,
		event.FieldType: event.TypeText, fieldKind: event.TypeText, event.FieldSummary: event.TypeText,
		event.FieldDescription: event.TypeRich, fieldEnvironment: event.TypeRich,
		event.FieldStatus: event.TypeOption, event.FieldResolution: event.TypeOption,
		event.FieldPriority: event.TypeOption, fieldSecurityLevel: event.TypeOption,
		event.FieldAssignee: event.TypeUser, event.FieldReporter: event.TypeUser, event.FieldCreator: event.TypeUser,
		event.FieldCreated: event.TypeTime, event.FieldUpdated: event.TypeTime, fieldResolved: event.TypeTime,
		event.FieldDue: event.TypeDate, event.FieldEstimate: event.TypeDuration, fieldRemaining: event.TypeDuration,
		event.FieldSpent: event.TypeDuration, event.FieldLinks: event.TypeLinks, event.FieldLabels: event.TypeSet, fieldWatchers: event.TypeSet,
		event.FieldComponents: event.TypeSet, event.FieldFixVersions: event.TypeSet,
		fieldAffectedVersions: event.TypeSet, event.FieldParent: event.TypeRef, event.FieldChildren: event.TypeRefs,
	}
}

// laterFields are in the language but not in this version, each with why.
func laterFields() map[string]string {
	return map[string]string{
		"workLogs": "no tracker's adapter reads entries of work; spent is a field where the tracker has it",
	}
}

// readOnly fields of our ticket are made by the tracker.
var readOnly = []string{
	event.FieldKey, event.FieldURL, event.FieldCreator, event.FieldCreated, event.FieldUpdated, fieldKind, fieldResolved,
}

// ofParents is why children are never set, and never sent.
const ofParents = "children cannot be set: each child names its parent, so set %s.parent in what is done for the child"

// alwaysThere are fields that a schema need not list.
var alwaysThere = []string{event.FieldProject, event.FieldType, event.FieldParent}

// dictionary knows the fields of one side.
type dictionary struct {
	standard map[string]event.Type
	schema   event.Schema
	ours     bool // the schema speaks of this side
}

func newDictionary(schema event.Schema, ours bool) dictionary {
	d := dictionary{standard: standardTypes(), schema: schema, ours: ours}
	if ours {
		for name, f := range schema.Fields {
			if _, ok := d.standard[name]; ok && f.Type != "" {
				d.standard[name] = f.Type
			}
		}
	}
	return d
}

// key is the name of a field in event.Fields.
func fieldKey(name string, custom bool) string {
	if custom {
		return event.CustomPrefix + name
	}
	return name
}

// typeOf gives a field's type, "" while it is not known; ok is false for a name
// that does not exist.
func (d dictionary) typeOf(name string, custom bool) (t event.Type, ok bool) {
	if !custom {
		t, ok = d.standard[name]
		return t, ok
	}
	if !d.ours || len(d.schema.Fields) == 0 {
		return "", true
	}
	f, ok := d.schema.Fields[event.CustomPrefix+name]
	return f.Type, ok
}

// field is what the schema says of one of our fields.
func (d dictionary) field(name string, custom bool) (event.Field, bool) {
	if !d.ours {
		return event.Field{}, false
	}
	f, ok := d.schema.Fields[fieldKey(name, custom)]
	return f, ok
}

func (d dictionary) standardNames() []string {
	names := slices.Collect(maps.Keys(d.standard))
	names = append(names, collectionComments, collectionNotes, collectionForeign, collectionAttachments)
	slices.Sort(names)
	return names
}

func (d dictionary) customNames() []string {
	var names []string
	for name := range d.schema.Fields {
		if custom, ok := cutCustom(name); ok {
			names = append(names, custom)
		}
	}
	slices.Sort(names)
	return names
}

func cutCustom(name string) (string, bool) {
	if len(name) > len(event.CustomPrefix) && name[:len(event.CustomPrefix)] == event.CustomPrefix {
		return name[len(event.CustomPrefix):], true
	}
	return name, false
}
