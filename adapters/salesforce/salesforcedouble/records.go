package salesforcedouble

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// refusal is why a record is not taken.
type refusal struct {
	status      int
	code, words string
	fields      []string
}

func (c *call) refused(r *refusal) { c.refuse(r.status, r.code, r.words, r.fields...) }

// stampNow is the time of a change, in whole seconds.
func (d *Double) stampNow() time.Time { return d.now().UTC().Truncate(time.Second) }

func (d *Double) show(c *call) {
	r := d.find(c.object, c.r.PathValue("id"))
	if r == nil {
		c.refuse(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
		return
	}
	if gone, _ := r["IsDeleted"].(bool); gone {
		c.refuse(http.StatusNotFound, "ENTITY_IS_DELETED", "entity is deleted")
		return
	}
	out := map[string]any{"attributes": attributes(c.object, r)}
	for _, f := range d.columns(c.object) {
		out[f.name] = show(r[f.name])
	}
	c.answer(http.StatusOK, out)
}

func prefix(object string) string {
	return map[string]string{"Case": "500", "CaseComment": "00a", "ContentVersion": "068", "ContentDocumentLink": "06A"}[object]
}

func made(id string, created bool) map[string]any {
	return map[string]any{"id": id, "success": true, "errors": []any{}, "created": created}
}

func (d *Double) insert(c *call) {
	in, blob, ok := c.fields()
	if !ok || prefix(c.object) == "" {
		c.refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "the body cannot be read")
		return
	}
	id, refused := d.add(c, in, blob)
	if refused != nil {
		c.refused(refused)
		return
	}
	out := made(id, true)
	delete(out, "created")
	c.answer(http.StatusCreated, out)
}

// add makes a record.
func (d *Double) add(c *call, in map[string]any, blob []byte) (string, *refusal) {
	now := d.stampNow()
	r := row{"IsDeleted": false, "CreatedDate": now, "CreatedById": c.me.ID}
	if c.object == "Case" {
		r["Status"], r["Priority"], r["OwnerId"], r["RecordTypeId"], r["IsEscalated"], r["Billable__c"] = "New", "Medium", c.me.ID, typeSupport, false, false
	}
	if refused := d.set(c.object, r, in); refused != nil {
		return "", refused
	}
	if refused := d.complete(c, r, blob); refused != nil {
		return "", refused
	}
	r["Id"], r["SystemModstamp"] = d.id(prefix(c.object)), now
	if c.object == "Case" {
		r["CaseNumber"] = fmt.Sprintf("%08d", len(d.tables["Case"])+1001)
		if d.opt.AssignTo != "" && !strings.EqualFold(c.r.Header.Get("Sforce-Auto-Assign"), "false") {
			r["OwnerId"] = d.opt.AssignTo
		}
	}
	d.tables[c.object] = append(d.tables[c.object], r)
	return r["Id"].(string), nil
}

// complete does what is particular to an object.
func (d *Double) complete(c *call, r row, blob []byte) *refusal {
	switch c.object {
	case "CaseComment":
		parent := d.alive(r["ParentId"])
		if parent == nil {
			return &refusal{http.StatusBadRequest, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []string{"ParentId"}}
		}
		if r["IsPublished"] == nil {
			r["IsPublished"] = false
		}
		if d.opt.Touching {
			parent["SystemModstamp"] = d.stampNow()
		}
	case "ContentVersion":
		return d.file(c, r, blob)
	case "ContentDocumentLink":
		if d.alive(r["LinkedEntityId"]) == nil || d.find("ContentDocument", fmt.Sprint(r["ContentDocumentId"])) == nil {
			return &refusal{http.StatusBadRequest, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", nil}
		}
		if r["Visibility"] == nil {
			r["Visibility"] = "InternalUsers"
		}
	}
	return nil
}

func (d *Double) alive(id any) row {
	s, _ := id.(string)
	r := d.find("Case", s)
	if r == nil || r["IsDeleted"] == true {
		return nil
	}
	return r
}

// set takes values in, all or none of them.
func (d *Double) set(object string, r row, in map[string]any) *refusal {
	next := row{}
	for name, v := range in {
		all := d.columns(object)
		n := slices.IndexFunc(all, func(f column) bool { return f.name == name })
		if n < 0 {
			return &refusal{http.StatusBadRequest, "INVALID_FIELD", fmt.Sprintf("No such column '%s' on sobject of type %s", name, object), nil}
		}
		if all[n].fixed {
			return &refusal{http.StatusBadRequest, "INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: " + name + ". Please check the security settings of this field and verify that it is read/write for your profile or permission set.", []string{name}}
		}
		value, refused := d.value(object, all[n], v, r)
		if refused != nil {
			return refused
		}
		next[name] = value
	}
	merged := row{}
	for name, v := range r {
		merged[name] = v
	}
	for name, v := range next {
		merged[name] = v
	}
	if object == "Case" {
		closed := merged["Status"] == "Closed" || merged["Status"] == "Merged"
		merged["IsClosed"] = closed
		if d.opt.Refuse != nil {
			if words, fields := d.opt.Refuse(merged); words != "" {
				return &refusal{http.StatusBadRequest, "FIELD_CUSTOM_VALIDATION_EXCEPTION", words, fields}
			}
		}
	}
	for name, v := range merged {
		r[name] = v
	}
	return nil
}

// value is what a field makes of a value.
func (d *Double) value(object string, f column, v any, r row) (any, *refusal) {
	wrong := &refusal{http.StatusBadRequest, "JSON_PARSER_ERROR", fmt.Sprintf("Cannot deserialize %s from value %v", f.kind, v), nil}
	switch f.kind {
	case "boolean":
		if _, ok := v.(bool); !ok {
			return nil, wrong
		}
		return v, nil
	case "double", "currency", "int":
		if _, ok := v.(float64); !ok && v != nil {
			return nil, wrong
		}
		return v, nil
	}
	s, ok := v.(string)
	switch {
	case v == nil:
		return nil, nil //nolint:nilnil // null is a value
	case !ok:
		return nil, wrong
	}
	if s = strings.Trim(s, " \t\r\n"); s == "" {
		return nil, nil //nolint:nilnil // an empty text is none
	}
	switch f.kind {
	case "datetime":
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return nil, wrong
		}
		return at.UTC(), nil
	case "date":
		if _, err := time.Parse(time.DateOnly, s); err != nil {
			return nil, wrong
		}
	case "picklist", "multipicklist":
		if refused := f.restrict(s); refused != nil {
			return nil, refused
		}
	}
	if n := max(utf8.RuneCountInString(s), f.counted(object, s)); f.length > 0 && n > f.length {
		return nil, &refusal{http.StatusBadRequest, "STRING_TOO_LONG", fmt.Sprintf("%s: data value too large: (max length=%d)", f.label, f.length), []string{f.name}}
	}
	if f.unique {
		for _, other := range d.tables[object] {
			have, _ := other[f.name].(string)
			if strings.EqualFold(have, s) && other["Id"] != r["Id"] && other["IsDeleted"] != true {
				return nil, &refusal{http.StatusBadRequest, "DUPLICATE_VALUE", "duplicate value found: " + f.name + " duplicates value on record with id: " + fmt.Sprint(other["Id"]), nil}
			}
		}
	}
	return s, nil
}

// counted: the body of a comment is counted in bytes.
func (f column) counted(object, s string) int {
	if object == "CaseComment" {
		return len(s)
	}
	return 0
}

func (f column) restrict(s string) *refusal {
	if !f.restricted {
		return nil
	}
	for one := range strings.SplitSeq(s, ";") {
		if !slices.ContainsFunc(f.options, func(o string) bool { value, _, _ := strings.Cut(o, "|"); return value == one }) {
			return &refusal{
				http.StatusBadRequest, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
				f.label + ": bad value for restricted picklist field: " + one,
				[]string{f.name},
			}
		}
	}
	return nil
}

func (d *Double) change(c *call) {
	in, ok := decode(c.body)
	r := d.find(c.object, c.r.PathValue("id"))
	switch {
	case !ok:
		c.refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "the body cannot be read")
		return
	case r == nil:
		c.refuse(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: "+c.r.PathValue("id"))
		return
	case r["IsDeleted"] == true:
		c.refuse(http.StatusNotFound, "ENTITY_IS_DELETED", "entity is deleted")
		return
	}
	if since, err := http.ParseTime(c.r.Header.Get("If-Unmodified-Since")); err == nil && r["SystemModstamp"].(time.Time).After(since) {
		c.answer(http.StatusPreconditionFailed, nil)
		return
	}
	if refused := d.set(c.object, r, in); refused != nil {
		c.refused(refused)
		return
	}
	r["SystemModstamp"] = d.stampNow()
	c.answer(http.StatusNoContent, nil)
}

func (d *Double) upsert(c *call) {
	field, value := c.r.PathValue("field"), c.r.PathValue("value")
	all := d.columns(c.object)
	if !slices.ContainsFunc(all, func(f column) bool { return f.name == field && f.external }) {
		c.refuse(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: "+field)
		return
	}
	in, ok := decode(c.body)
	if !ok {
		c.refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "the body cannot be read")
		return
	}
	for _, r := range d.tables[c.object] {
		have, _ := r[field].(string)
		if !strings.EqualFold(have, value) || r["IsDeleted"] == true {
			continue
		}
		if refused := d.set(c.object, r, in); refused != nil {
			c.refused(refused)
			return
		}
		r["SystemModstamp"] = d.stampNow()
		c.answer(http.StatusOK, made(r["Id"].(string), false))
		return
	}
	in[field] = value
	id, refused := d.add(c, in, nil)
	if refused != nil {
		c.refused(refused)
		return
	}
	c.answer(http.StatusCreated, made(id, true))
}

func (d *Double) remove(c *call) {
	r := d.find(c.object, c.r.PathValue("id"))
	if r == nil || r["IsDeleted"] == true {
		c.refuse(http.StatusNotFound, "ENTITY_IS_DELETED", "entity is deleted")
		return
	}
	r["IsDeleted"], r["SystemModstamp"] = true, d.stampNow()
	c.answer(http.StatusNoContent, nil)
}

// Merge makes one case a part of another, as the button does.
func (d *Double) Merge(master, loser string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.find("Case", loser)
	r["IsDeleted"], r["MasterRecordId"], r["SystemModstamp"] = true, master, d.stampNow()
}

// Purge empties the recycle bin.
func (d *Double) Purge() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tables["Case"] = slices.DeleteFunc(d.tables["Case"], func(r row) bool { return r["IsDeleted"] == true })
}

// Commit makes a case that shows only now, with a change time that is long over.
func (d *Double) Commit(subject string, ago time.Duration) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := d.stampNow().Add(-ago)
	id := d.id("500")
	d.tables["Case"] = append(d.tables["Case"], row{
		"Id": id, "CaseNumber": fmt.Sprintf("%08d", len(d.tables["Case"])+1001), "IsDeleted": false, "CreatedDate": at, "SystemModstamp": at,
		"CreatedById": d.opt.Accounts[len(d.opt.Accounts)-1].ID, "OwnerId": d.opt.Accounts[0].ID, "Subject": subject, "Status": "New",
	})
	return id
}

// Value is a field of a case as it is kept.
func (d *Double) Value(id, field string) any {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.find("Case", id)[field]
}

// Set changes a field as a person does who is in the org.
func (d *Double) Set(id, field string, v any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.find("Case", id)
	r[field], r["SystemModstamp"] = v, d.stampNow()
}

// Hide hides a field from the accounts; Show lets them see all again.
func (d *Double) Hide(field string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opt.Hidden = append(slices.Clone(d.opt.Hidden), field)
}

// Field is a field of any record as it is kept.
func (d *Double) Field(object, id, field string) any {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.find(object, id)[field]
}

// Links are the ids of the links of a case to files with a visibility.
func (d *Double) Links(id, visibility string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, r := range d.tables["ContentDocumentLink"] {
		if r["LinkedEntityId"] == id && r["Visibility"] == visibility {
			out = append(out, fmt.Sprint(r["Id"]))
		}
	}
	return out
}

// Reshare gives all links of a case another visibility.
func (d *Double) Reshare(id, visibility string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.tables["ContentDocumentLink"] {
		if r["LinkedEntityId"] == id {
			r["Visibility"] = visibility
		}
	}
}

// SeeAll gives all accounts View All on cases, or takes it away.
func (d *Double) SeeAll(all bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.tables["ObjectPermissions"] {
		r["PermissionsViewAllRecords"] = all
	}
}
