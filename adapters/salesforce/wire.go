package salesforce

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"parley/sync/event"
)

// record is a record as a read of all its fields answers it.
type record map[string]any

func (r record) text(field string) string {
	s, _ := r[field].(string)
	return s
}

func (r record) time(field string) time.Time { return parseTime(r.text(field)) }

// parseTime reads a time, which Salesforce writes with an offset without a colon.
func parseTime(s string) time.Time {
	for _, layout := range []string{"2006-01-02T15:04:05.999-0700", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// stamp is a time in a row of a query.
type stamp struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (s *stamp) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		s.Time = parseTime(text)
	}
	return nil
}

// caseRow is what every query of cases asks for: fields that nobody can be kept from.
type caseRow struct {
	ID       string `json:"Id"`
	Number   string `json:"CaseNumber"`
	Created  stamp  `json:"CreatedDate"`
	Modified stamp  `json:"SystemModstamp"`
	Deleted  bool   `json:"IsDeleted"`
	Master   string `json:"MasterRecordId"`
	Creator  string `json:"CreatedById"`
}

const caseFields = "Id, CaseNumber, CreatedDate, SystemModstamp, IsDeleted, MasterRecordId, CreatedById"

func (x *caseRow) whole() bool {
	return isID(x.ID, idCase) && x.Number != "" && !x.Created.IsZero() && !x.Modified.IsZero()
}

func (x *caseRow) ref() event.Ref { return event.NewRef(x.ID, x.Created.Time) }

// rowOf is the same of a record that was read whole.
func rowOf(r record) caseRow {
	deleted, _ := r["IsDeleted"].(bool)
	return caseRow{
		ID: r.text("Id"), Number: r.text("CaseNumber"), Created: stamp{r.time("CreatedDate")}, Modified: stamp{r.time("SystemModstamp")},
		Deleted: deleted, Master: r.text("MasterRecordId"), Creator: r.text("CreatedById"),
	}
}

// lock is the change time, which Salesforce's own condition goes by, and the content:
// a second holds more than one change.
func lock(r record) string {
	content := record{}
	for k, v := range r {
		if k != "attributes" && !strings.HasPrefix(k, "LastViewed") && !strings.HasPrefix(k, "LastReferenced") {
			content[k] = v
		}
	}
	raw, err := json.Marshal(content)
	if err != nil {
		raw = fmt.Appendf(nil, "%v", content)
	}
	sum := sha256.Sum256(raw)
	return r.time("SystemModstamp").Format(time.RFC3339) + "/" + hex.EncodeToString(sum[:8])
}

type commentRow struct {
	ID        string `json:"Id"`
	Case      string `json:"ParentId"`
	Body      string `json:"CommentBody"`
	Published *bool  `json:"IsPublished"`
	Author    string `json:"CreatedById"`
	Created   stamp  `json:"CreatedDate"`
	Modified  stamp  `json:"SystemModstamp"`
	Deleted   bool   `json:"IsDeleted"`
}

// internal: what does not say that it is published is for the org's own people.
func (c *commentRow) internal() bool { return c.Published == nil || !*c.Published }

type linkRow struct {
	ID         string `json:"Id"`
	Document   string `json:"ContentDocumentId"`
	Case       string `json:"LinkedEntityId"`
	Visibility string `json:"Visibility"`
	Modified   stamp  `json:"SystemModstamp"`
	Deleted    bool   `json:"IsDeleted"`
}

// allUsers is the visibility of what customers may see who see the case.
const allUsers = "AllUsers"

type versionRow struct {
	ID       string `json:"Id"`
	Document string `json:"ContentDocumentId"`
	Title    string `json:"Title"`
	Path     string `json:"PathOnClient"`
	Suffix   string `json:"FileExtension"`
	Size     *int64 `json:"ContentSize"`
	About    string `json:"Description"`
	Author   string `json:"CreatedById"`
	Created  stamp  `json:"CreatedDate"`
}

// name is the file's name. The path is what the program gave that uploaded it.
func (v *versionRow) name() string {
	path := v.Path[strings.LastIndexAny(v.Path, `/\`)+1:]
	switch {
	case path != "":
		return lines(path)
	case v.Suffix != "" && !strings.HasSuffix(v.Title, "."+v.Suffix):
		return lines(v.Title + "." + v.Suffix)
	}
	return lines(v.Title)
}

// person is a user, a queue or a contact.
type person struct {
	ID     string `json:"Id"`
	Name   string `json:"Name"`
	Email  string `json:"Email"`
	Login  string `json:"Username"`
	Active *bool  `json:"IsActive"`
}

func (p person) event() event.User {
	return event.User{ID: p.ID, Name: orDefault(p.Name, p.ID), Email: p.Email}
}

// description is the metadata of an object.
type description struct {
	Name       string       `json:"name"`
	Createable bool         `json:"createable"`
	Updateable bool         `json:"updateable"`
	Fields     []fieldInfo  `json:"fields"`
	Types      []recordType `json:"recordTypeInfos"`
}

type fieldInfo struct {
	Name       string   `json:"name"`
	Label      string   `json:"label"`
	Type       string   `json:"type"`
	Length     int      `json:"length"`
	Bytes      int      `json:"byteLength"`
	Scale      int      `json:"scale"`
	Updateable bool     `json:"updateable"`
	Createable bool     `json:"createable"`
	HTML       bool     `json:"htmlFormatted"`
	ExternalID bool     `json:"externalId"`
	Unique     bool     `json:"unique"`
	Options    []choice `json:"picklistValues"`
}

type choice struct {
	Label  string `json:"label"`
	Value  string `json:"value"`
	Active bool   `json:"active"`
}

type recordType struct {
	ID        string `json:"recordTypeId"`
	Name      string `json:"name"`
	Available bool   `json:"available"`
	Master    bool   `json:"master"`
}

func (d *description) field(name string) *fieldInfo {
	for i := range d.Fields {
		if d.Fields[i].Name == name {
			return &d.Fields[i]
		}
	}
	return nil
}
