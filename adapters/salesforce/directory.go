package salesforce

import (
	"context"
	"slices"

	"parley/adapters"
	"parley/adapters/internal/recall"
	"parley/sync/event"
)

// directory knows what stands behind API names and ids. All of it can be asked for
// again: nothing is lost with it.
type directory struct {
	api      client
	keyField string
	memory   recall.Memory
}

func newDirectory(api client, keyField string) *directory {
	return &directory{api: api, keyField: keyField}
}

// forget drops what is kept of the metadata: what the account sees may have changed.
func (d *directory) forget() {
	d.memory.Forget("catalog")
}

// definition is a field of cases: its API name, its name here, how its values read.
type definition struct {
	fieldInfo
	name string
	kind event.Type
}

// active are the labels that may be chosen.
func (d *definition) active() []string {
	var out []string
	for _, o := range d.Options {
		if o.Active {
			out = append(out, o.Label)
		}
	}
	return out
}

// label is the name of a value.
func (d *definition) label(value string) string {
	for _, o := range d.Options {
		if o.Value == value {
			return o.Label
		}
	}
	return value
}

// value is what stands for a label.
func (d *definition) value(label string) (string, bool) {
	for _, o := range d.Options {
		if o.Active && o.Label == label {
			return o.Value, true
		}
	}
	return "", false
}

// catalog is what the account sees of cases.
type catalog struct {
	description
	// fields by their names here.
	fields map[string]*definition
	// closed are the statuses that end a case, by their API names.
	closed map[string]bool
	// keyed says that the field for the marker is there and can be used.
	keyed bool
	// comments are what is known of the body of comments.
	body, published *fieldInfo
	mayComment      bool
}

func (c *catalog) status() *definition { return c.fields[event.FieldStatus] }

// standard are the fields of cases that have a name of their own here.
func standard() map[string]string {
	return map[string]string{
		"Subject": event.FieldSummary, "Description": event.FieldDescription, "Status": event.FieldStatus,
		"Priority": event.FieldPriority, "Type": event.FieldType,
	}
}

// hidden tells fields that are read in a way of their own, or are another spelling of
// one that is: they are no custom fields. References are none either, see kindOf.
func hidden(f *fieldInfo, keyField string) bool {
	switch f.Name {
	case keyField, "CaseNumber", "CreatedDate", "LastModifiedDate", "SystemModstamp", "IsDeleted", "IsClosed", "Comments",
		"LastViewedDate", "LastReferencedDate", "ContactPhone", "ContactMobile", "ContactEmail", "ContactFax":
		return true
	}
	return f.Label == ""
}

func (d *directory) catalog(ctx context.Context) (*catalog, error) {
	return recall.Of(&d.memory, "catalog", func() (*catalog, error) {
		about, err := d.api.describe(ctx, "Case")
		if err != nil {
			return nil, err
		}
		comments, err := d.api.describe(ctx, "CaseComment")
		if err != nil {
			return nil, err
		}
		const op = "read the statuses"
		states, err := rows[struct {
			Name   string `json:"ApiName"`
			Closed *bool  `json:"IsClosed"`
		}](ctx, d.api, op, "query", "SELECT ApiName, IsClosed FROM CaseStatus")
		if err != nil {
			return nil, err
		}
		c := &catalog{description: about, fields: map[string]*definition{}, closed: map[string]bool{}}
		for _, s := range states {
			if s.Name == "" || s.Closed == nil {
				return nil, incomplete(op, adapters.ErrConfiguration)
			}
			c.closed[s.Name] = *s.Closed
		}
		c.body, c.published = comments.field("CommentBody"), comments.field("IsPublished")
		c.mayComment = comments.Createable && c.body != nil && c.body.Createable
		c.add(d.keyField)
		key := about.field(d.keyField)
		c.keyed = key != nil && key.ExternalID && key.Unique && key.Createable
		return c, c.seesEnough()
	})
}

// seesEnough: without these a case cannot be told from an empty one.
func (c *catalog) seesEnough() error {
	for api, name := range standard() {
		if _, ok := c.fields[name]; !ok && api != "Priority" && api != "Type" {
			return &adapters.Error{
				Class: adapters.ErrConfiguration, Op: "read the metadata of Case", Err: errNoField{api},
				Hint: "let the account see the field (field-level security), in its permission set",
			}
		}
	}
	return nil
}

type errNoField struct{ name string }

// Error implements error.
func (e errNoField) Error() string { return "the account does not see the field " + e.name }

// add takes the fields in. Labels need not be unique: where two fields have one, each
// has its API name behind it.
func (c *catalog) add(keyField string) {
	named := standard()
	labels := map[string]int{}
	for _, f := range c.Fields {
		labels[f.Label]++
	}
	for _, f := range c.Fields {
		def := &definition{fieldInfo: f, name: named[f.Name], kind: kindOf(&f)}
		if def.kind == "" || hidden(&f, keyField) {
			continue
		}
		if def.name == "" {
			def.name = event.CustomPrefix + f.Label
			if labels[f.Label] > 1 {
				def.name += " (" + f.Name + ")"
			}
		}
		def.Options = uniqueLabels(def.Options)
		c.fields[def.name] = def
	}
}

// uniqueLabels: two values of one label are told apart by their API names.
func uniqueLabels(all []choice) []choice {
	out, seen := slices.Clone(all), map[string]bool{}
	for i, o := range out {
		if out[i].Label == "" {
			out[i].Label = o.Value
		}
		if seen[out[i].Label] {
			out[i].Label += " (" + o.Value + ")"
		}
		seen[out[i].Label] = true
	}
	return out
}

// kindOf is the type of a field's values; "" where there is none for them.
func kindOf(f *fieldInfo) event.Type {
	switch f.Type {
	case "string", "email", "phone", "url":
		return event.TypeText
	case "textarea":
		if f.HTML || f.Name == "Description" {
			return event.TypeRich
		}
		return event.TypeText
	case "picklist":
		return event.TypeOption
	case "multipicklist":
		return event.TypeOptions
	case "boolean":
		return event.TypeBool
	case "int", "double", "currency", "percent":
		return event.TypeNumber
	case "date":
		return event.TypeDate
	case "datetime":
		return event.TypeTime
	}
	return ""
}

// projects are the record types that the account may use; the master one stands for
// none at all, where there is no other.
func (c *catalog) projects() []recordType {
	var out, master []recordType
	for _, t := range c.Types {
		switch {
		case t.Master:
			master = append(master, t)
		case t.Available && t.Name != "":
			out = append(out, t)
		}
	}
	if len(out) == 0 {
		return master
	}
	return out
}

// project is the name of the record type that a case has.
func (c *catalog) project(id string) any {
	for _, t := range c.Types {
		if t.ID == id || id == "" && t.Master {
			return t.Name
		}
	}
	return nil
}

// people are users, queues and contacts by their ids. Those that are hidden or gone
// have their id for a name.
func (d *directory) people(ctx context.Context, ids ...string) (map[string]person, error) {
	out, missing := map[string]person{}, map[string][]string{}
	for _, id := range ids {
		if _, done := out[id]; done || id == "" {
			continue
		}
		out[id] = person{ID: id}
		if v, ok := d.memory.Get("person " + id); ok {
			out[id] = v.(person)
		} else if len(id) == 18 {
			missing[id[:3]] = append(missing[id[:3]], id)
		}
	}
	for prefix, soql := range map[string]string{
		idUser: "SELECT Id, Name, Email, Username, IsActive FROM User WHERE Id IN ", idQueue: "SELECT Id, Name FROM Group WHERE Id IN ",
		idContact: "SELECT Id, Name, Email FROM Contact WHERE Id IN ",
	} {
		for part := range slices.Chunk(missing[prefix], chunk) {
			found, err := rows[person](ctx, d.api, "read people", "query", soql+oneOf(part))
			if err != nil {
				return nil, err
			}
			for _, p := range found {
				out[p.ID] = p
			}
			for _, id := range part {
				d.memory.Keep("person "+id, out[id])
			}
		}
	}
	return out, nil
}

// search are the people for whom a condition holds, by where they are kept.
func (d *directory) search(ctx context.Context, soql string) ([]person, error) {
	return recall.Of(&d.memory, "search "+soql, func() ([]person, error) {
		return rows[person](ctx, d.api, "look a person up", "query", soql)
	})
}
