package salesforcedouble

import (
	"net/http"
	"slices"
	"strings"
)

// column is a field of an object.
type column struct {
	name, label, kind string
	length            int
	// read only, and what a record must not be without.
	fixed bool
	// options as "value" or "value|label", off for those switched off by a leading "-".
	options    []string
	restricted bool
	unique     bool
	external   bool
	html       bool
}

// columns are the fields of an object.
func (d *Double) columns(object string) []column {
	common := []column{
		{name: "Id", label: "ID", kind: "id", fixed: true},
		{name: "IsDeleted", label: "Deleted", kind: "boolean", fixed: true},
		{name: "CreatedDate", label: "Created Date", kind: "datetime", fixed: true},
		{name: "CreatedById", label: "Created By ID", kind: "reference", fixed: true},
		{name: "SystemModstamp", label: "System Modstamp", kind: "datetime", fixed: true},
	}
	own := map[string][]column{
		"Case": d.caseColumns(),
		"CaseComment": {
			{name: "ParentId", label: "Parent ID", kind: "reference"},
			{name: "IsPublished", label: "Published", kind: "boolean"},
			{name: "CommentBody", label: "Body", kind: "textarea", length: 4000},
		},
		"ContentVersion": {
			{name: "ContentDocumentId", kind: "reference"},
			{name: "IsLatest", kind: "boolean", fixed: true},
			{name: "Title", kind: "string", length: 255},
			{name: "PathOnClient", kind: "string", length: 500},
			{name: "Description", kind: "string", length: 1000},
			{name: "FileExtension", kind: "string", fixed: true},
			{name: "ContentSize", kind: "int", fixed: true},
			{name: "VersionData", kind: "base64"},
		},
		"ContentDocumentLink": {
			{name: "ContentDocumentId", kind: "reference"},
			{name: "LinkedEntityId", kind: "reference"},
			{name: "ShareType", kind: "picklist", options: []string{"V", "C", "I"}, restricted: true},
			{name: "Visibility", kind: "picklist", options: []string{allUsers, "InternalUsers", "SharedUsers"}, restricted: true},
		},
		"User":                    {{name: "Name", kind: "string"}, {name: "Email", kind: "email"}, {name: "Username", kind: "string"}, {name: "IsActive", kind: "boolean"}},
		"Group":                   {{name: "Name", kind: "string"}, {name: "Type", kind: "picklist"}},
		"Contact":                 {{name: "Name", kind: "string"}, {name: "Email", kind: "email"}},
		"CaseStatus":              {{name: "ApiName", kind: "string"}, {name: "MasterLabel", kind: "string"}, {name: "IsClosed", kind: "boolean"}},
		"ObjectPermissions":       {{name: "SobjectType", kind: "picklist"}, {name: "ParentId", kind: "reference"}, {name: "PermissionsViewAllRecords", kind: "boolean"}},
		"PermissionSetAssignment": {{name: "PermissionSetId", kind: "reference"}, {name: "AssigneeId", kind: "reference"}},
	}[object]
	if own == nil {
		return nil
	}
	all := append(common, own...)
	return slices.DeleteFunc(all, func(c column) bool { return slices.Contains(d.opt.Hidden, object+"."+c.name) })
}

const allUsers = "AllUsers"

func (d *Double) caseColumns() []column {
	all := []column{
		{name: "CaseNumber", label: "Case Number", kind: "string", length: 30, fixed: true},
		{name: "MasterRecordId", label: "Master Record ID", kind: "reference", fixed: true},
		{name: "OwnerId", label: "Owner ID", kind: "reference"},
		{name: "ContactId", label: "Contact ID", kind: "reference"},
		{name: "ParentId", label: "Parent Case ID", kind: "reference"},
		{name: "RecordTypeId", label: "Record Type ID", kind: "reference"},
		{name: "IsClosed", label: "Closed", kind: "boolean", fixed: true},
		{name: "ClosedDate", label: "Closed Date", kind: "datetime", fixed: true},
		{name: "Subject", label: "Subject", kind: "string", length: 255},
		{name: "Description", label: "Description", kind: "textarea", length: 32000},
		{name: "Status", label: "Status", kind: "picklist", options: []string{"New", "Working", "Escalated", "On Hold", "Closed", "Merged|Merged away"}},
		{name: "Priority", label: "Priority", kind: "picklist", options: []string{"High", "Medium", "Low"}},
		{name: "Type", label: "Type", kind: "picklist", options: []string{"Mechanical", "Electrical", "Other"}},
		{name: "Origin", label: "Case Origin", kind: "picklist", options: []string{"Phone", "Email", "Web", "-Fax"}},
		{name: "Reason", label: "Case Reason", kind: "picklist", options: []string{"Installation", "Breakdown"}},
		{name: "IsEscalated", label: "Escalated", kind: "boolean"},
		{name: "SuppliedEmail", label: "Web Email", kind: "email", length: 80},
		{name: "Remote_key__c", label: "Remote key", kind: "string", length: 80},
		{name: "Details__c", label: "Details", kind: "textarea", length: 32768},
		{name: "Report__c", label: "Report", kind: "textarea", length: 32768, html: true},
		{name: "Severity__c", label: "Severity", kind: "picklist", options: []string{"sev_1|Major", "sev_2|Minor"}, restricted: true},
		{name: "Systems__c", label: "Systems", kind: "multipicklist", options: []string{"api|API", "web|Web Shop", "db|Database"}, restricted: true},
		{name: "Count__c", label: "Count", kind: "double"},
		{name: "Cost__c", label: "Cost", kind: "currency"},
		{name: "Needed_by__c", label: "Needed by", kind: "date"},
		{name: "Call_at__c", label: "Call at", kind: "datetime"},
		{name: "Billable__c", label: "Billable", kind: "boolean"},
		{name: "Level__c", label: "Level", kind: "string", length: 40},
		{name: "Tier__c", label: "Level", kind: "string", length: 40},
		{name: "Age__c", label: "Age", kind: "double", fixed: true},
	}
	if d.opt.KeyField {
		all = append(all, column{name: "Sync_Key__c", label: "Sync Key", kind: "string", length: 32, external: true, unique: !d.opt.LooseKey})
	}
	return all
}

// Record types of cases.
const (
	typeMaster  = "012000000000000AAA"
	typeSupport = "012000000000101AAA"
	typeField   = "012000000000102AAA"
)

// fill makes what every org has.
func (d *Double) fill() {
	for name, closed := range map[string]bool{"New": false, "Working": false, "Escalated": false, "On Hold": false, "Closed": true, "Merged": true} {
		d.tables["CaseStatus"] = append(d.tables["CaseStatus"], row{"Id": d.id("01J"), "ApiName": name, "MasterLabel": name, "IsClosed": closed})
	}
	for _, a := range d.opt.Accounts {
		d.tables["User"] = append(d.tables["User"], row{"Id": a.ID, "Name": a.Name, "Email": a.Email, "Username": a.Login, "IsActive": true})
		set := d.id("0PS")
		d.tables["PermissionSetAssignment"] = append(d.tables["PermissionSetAssignment"], row{"Id": d.id("0Pa"), "PermissionSetId": set, "AssigneeId": a.ID})
		d.tables["ObjectPermissions"] = append(d.tables["ObjectPermissions"], row{"Id": d.id("110"), "SobjectType": "Case", "ParentId": set, "PermissionsViewAllRecords": a.SeesAll})
	}
	for _, a := range d.opt.Contacts {
		d.tables["Contact"] = append(d.tables["Contact"], row{"Id": a.ID, "Name": a.Name, "Email": a.Email})
	}
	for _, a := range d.opt.Queues {
		d.tables["Group"] = append(d.tables["Group"], row{"Id": a.ID, "Name": a.Name, "Type": "Queue"})
	}
}

func (d *Double) describe(c *call) {
	all := d.columns(c.object)
	if all == nil {
		c.refuse(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
		return
	}
	fields := []any{}
	for _, f := range all {
		fields = append(fields, f.show(c.object))
	}
	c.answer(http.StatusOK, map[string]any{
		"name": c.object, "label": c.object, "custom": false, "createable": true, "updateable": true, "deletable": true, "queryable": true, "fields": fields,
		"recordTypeInfos": []any{
			map[string]any{"name": "Support", "developerName": "Support", "recordTypeId": typeSupport, "available": true, "active": true, "master": false, "defaultRecordTypeMapping": true},
			map[string]any{"name": "Field service", "developerName": "Field", "recordTypeId": typeField, "available": true, "active": true, "master": false, "defaultRecordTypeMapping": false},
			map[string]any{"name": "Master", "developerName": "Master", "recordTypeId": typeMaster, "available": true, "active": true, "master": true, "defaultRecordTypeMapping": false},
		},
	})
}

func (f column) show(object string) map[string]any {
	options := []any{}
	for _, o := range f.options {
		value, label, named := strings.Cut(strings.TrimPrefix(o, "-"), "|")
		if !named {
			label = value
		}
		options = append(options, map[string]any{"value": value, "label": label, "active": o[0] != '-', "defaultValue": false, "validFor": nil})
	}
	bytes := 3 * f.length
	if object == "CaseComment" {
		bytes = f.length
	}
	updateable := !f.fixed && !(object == "CaseComment" && f.name != "IsPublished")
	return map[string]any{
		"name": f.name, "label": f.label, "type": f.kind, "length": f.length, "byteLength": bytes, "scale": 2, "precision": 18, "digits": 0,
		"createable": !f.fixed, "updateable": updateable, "nillable": true, "custom": strings.HasSuffix(f.name, "__c"), "calculated": f.name == "Age__c",
		"externalId": f.external, "unique": f.unique, "htmlFormatted": f.html, "restrictedPicklist": f.restricted, "picklistValues": options,
		"extraTypeInfo": nil, "referenceTo": []any{}, "relationshipName": nil,
	}
}
