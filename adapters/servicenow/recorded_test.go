package servicenow

// Recorded bodies are decoded by what is internal: the types of the wire.

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/adapters/internal/contract"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// recordedColumns are columns of recorded bodies with what ServiceNow's dictionary has
// them as.
func recordedColumns() map[string]element {
	out := map[string]element{}
	for kind, names := range map[string]string{
		"glide_date_time": "sys_created_on sys_updated_on opened_at closed_at resolved_at reopened_time work_start work_end sla_due " +
			"due_date activity_due expected_start follow_up approval_set",
		"glide_duration": "business_duration calendar_duration time_worked",
		"integer": "state impact urgency priority severity escalation notify hold_reason incident_state reassignment_count reopen_count " +
			"business_stc calendar_stc child_incidents order sys_mod_count",
		"boolean": "active made_sla knowledge",
		"string":  "number short_description description close_code close_notes category subcategory contact_type correlation_id approval",
	} {
		for name := range strings.FieldsSeq(names) {
			out[name] = element{name: name, kind: kind, label: name, length: 4000}
		}
	}
	for name, of := range map[string]string{
		"assigned_to": "sys_user", "caller_id": "sys_user", "opened_by": "sys_user", "closed_by": "sys_user", "resolved_by": "sys_user",
		"assignment_group": "sys_user_group", "problem_id": "problem", "cmdb_ci": "cmdb_ci", "company": "core_company", "location": "cmn_location",
		"parent": "task", "parent_incident": "incident", "rfc": "change_request", "caused_by": "change_request",
	} {
		out[name] = element{name: name, kind: "reference", label: name, reference: of}
	}
	out["watch_list"] = element{name: "watch_list", kind: "glide_list", label: "watch_list", reference: "sys_user"}
	return out
}

// recordedTicket reads a record of a task table whole.
func recordedTicket(t *testing.T, r row) error {
	t.Helper()
	ticket, err := settle(r)
	if err != nil {
		return err
	}
	set := settings{table: r.value("sys_class_name"), calculated: true}
	tracker := &Tracker{set: set}
	read := 0
	for _, def := range set.definitions(recordedColumns()) {
		c, there := r[def.name]
		if !there {
			continue
		}
		v, err := tracker.valueOf(t.Context(), &def, c, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", def.name, err)
		}
		if m, ok := v.(map[string]any); ok && m["id"] == "" {
			return fmt.Errorf("%s: a reference to nothing", def.name)
		}
		read++
	}
	if read < 30 || ticket.key() == "" || ticket.version(stamp{}) == "" {
		return fmt.Errorf("only %d fields of %s were read", read, ticket.key())
	}
	return nil
}

// recordedRow reads a body by what it is about. Some recordings have the word "string"
// in place of every value: only their form can be read.
func recordedRow(t *testing.T, r row) error {
	t.Helper()
	_, isFile := r["file_name"]
	_, isUser := r["user_name"]
	switch {
	case r.value("number") == "string":
		if r["cmdb_ci"].Value != "string" {
			return errors.New("a reference is not read")
		}
		return nil
	case isFile:
		_, err := fileOf(r)
		return err
	case isUser:
		if u := userOf(r); !isID(u.ID) || u.Login == "" || u.event().Name == "" || u.created == "" {
			return errIncomplete
		}
		return nil
	case r.value("sys_class_name") != "":
		return recordedTicket(t, r)
	}
	return errors.New("nobody knows how to read it")
}

// recordedBody reads one answer: a record or a list of them.
func recordedBody(t *testing.T, raw []byte) (int, error) {
	t.Helper()
	var one struct {
		Result row `json:"result"`
	}
	var list struct {
		Result []row `json:"result"`
	}
	if rest.Decode(raw, &one) == nil && len(one.Result) > 0 {
		return 1, recordedRow(t, one.Result)
	}
	if err := rest.Decode(raw, &list); err != nil {
		return 0, err
	}
	for n, r := range list.Result {
		if err := recordedRow(t, r); err != nil {
			return n, fmt.Errorf("row %d: %w", n, err)
		}
	}
	return len(list.Result), nil
}

func recordings(t *testing.T) string {
	t.Helper()
	dir, err := contract.Dir()
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	if err != nil {
		t.Logf("no recorded bodies are read: %v", err)
		return ""
	}
	return filepath.Join(dir, "servicenow")
}

func TestRecorded_EveryBodyIsRead(t *testing.T) {
	t.Parallel()
	dir := recordings(t)
	if dir == "" {
		return
	}
	all, err := filepath.Glob(filepath.Join(dir, "recorded", "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, path := range all {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(path)
		switch {
		case strings.HasPrefix(name, "delete"):
			// A deletion answers nothing, which the recording writes as {}.
			var v map[string]any
			if err := json.Unmarshal(raw, &v); err != nil || len(v) != 0 {
				t.Errorf("%s: %v, %v", name, v, err)
			}
			continue
		case strings.Contains(name, "Binary"):
			continue // the bytes of a file
		}
		n, err := recordedBody(t, raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		rows += n
	}
	if len(all) < 16 || rows < 1200 {
		t.Errorf("%d bodies with %d rows were read, want some 16 with 1200", len(all), rows)
	}
}

// TestRecorded_EverySampleOfTheDocumentationIsRead: those that show a record, in value
// mode with links.
func TestRecorded_EverySampleOfTheDocumentationIsRead(t *testing.T) {
	t.Parallel()
	dir := recordings(t)
	if dir == "" {
		return
	}
	raw, err := os.ReadFile(filepath.Join(dir, "official-docs-samples.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []struct{ Operation, Kind, Text string }
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, s := range all {
		if s.Kind != "response" || strings.Contains(s.Operation, "/attributes") || !strings.HasPrefix(s.Text, "{") {
			continue // attributes of files are not used; the rest describes types, or shows nothing
		}
		if _, err := recordedBody(t, []byte(s.Text)); err != nil {
			t.Errorf("%s: %v", s.Operation, err)
		}
		read++
	}
	if read != 9 {
		t.Errorf("%d samples were read, want 9", read)
	}
}

func TestRecorded_ValuesAreWhatTheyStandFor(t *testing.T) {
	t.Parallel()
	dir := recordings(t)
	if dir == "" {
		return
	}
	raw, err := os.ReadFile(filepath.Join(dir, "recorded", "Table", "queryTableByName-default.json"))
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		Result []row `json:"result"`
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	r, err := settle(out.Result[0])
	if err != nil {
		t.Fatal(err)
	}
	if got := r.created.UTC().Format("2006-01-02T15:04:05Z"); r.key() != "INC0000060" || got != "2016-12-12T15:19:57Z" {
		t.Errorf("got %s of %s", r.key(), got)
	}
	if got := r.value("resolved_by"); got != "5137153cc611227c000bbd1bd8cd2007" {
		t.Errorf("resolved_by is %q", got)
	}
	v, err := scalar(&definition{element: element{name: "calendar_duration"}, kind: event.TypeDuration}, "1970-01-02 02:04:45")
	if err != nil || v != float64(26*3600+4*60+45) {
		t.Errorf("a duration reads as %v, %v", v, err)
	}
}
