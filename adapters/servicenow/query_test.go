package servicenow

import (
	"strings"
	"testing"
)

func TestQuery_RowsAreHeldToEachCondition(t *testing.T) {
	t.Parallel()
	r := row{
		"state": {Value: "2"}, "short_description": {Value: "Mail is Down"}, "sys_updated_on": {Value: "2026-01-02 03:04:05"},
		"assigned_to": {}, "priority": {Value: "10"}, "city": {Value: "Zürich"},
	}
	for text, want := range map[string]bool{
		"state=2": true, "state=1": false, "state!=1": true, "state!=2": false, "state=2.0": true, "stateIN1,2": true, "stateIN1,3": false,
		"stateNOT IN1,3": true, "priority>9": true, "priority<9": false, "priority>=10": true, "priority<=9.5": false,
		"short_description=mail is down": true, "short_descriptionLIKEis d": true, "short_descriptionNOT LIKEis d": false,
		"short_descriptionSTARTSWITHmail": true, "short_descriptionENDSWITHup": false,
		"assigned_toISEMPTY": true, "assigned_toISNOTEMPTY": false,
		"sys_updated_on>=2026-01-02 03:04:05": true, "sys_updated_on>2026-01-02 03:04:05": false, "sys_updated_on<2026-01-03 00:00:00": true,
		"state=1^ORpriority=10": true, "state=1^ORpriority=11": false, "state=2^priority=11": false, "state=2^EQ": true,
		// What the database makes of accents is its own.
		"city=zurich": true,
	} {
		q, err := parseQuery(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, known := q.meets(r); got != want || !known {
			t.Errorf("%s: got %v, %v, want %v", text, got, known, want)
		}
	}
	q, err := parseQuery("colour=red")
	if err != nil {
		t.Fatal(err)
	}
	if _, known := q.meets(r); known {
		t.Error("a row without the field says whether it fulfils the query")
	}
}

// FuzzQuery_SaysWhatItRead: what is sent means what was read, and nothing in it is a
// script or reaches beyond its conditions.
func FuzzQuery_SaysWhatItRead(f *testing.F) {
	for _, s := range []string{"active=true^priority<=2^ORstate=1", "aLIKEb^ORDERBYc", "a.bNOT IN1,2", "xjavascript:y", "^^", "NQa=1", "a=1^NQb=2", "a=OR"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := parseQuery(s)
		if err != nil {
			return
		}
		text, err := q.encode("sys_id")
		if err != nil {
			t.Fatalf("%q was taken and cannot be sent: %v", s, err)
		}
		text = strings.TrimSuffix(text, "ORDERBYsys_id")
		if strings.Contains(strings.ToLower(text), "javascript:") || strings.Contains(text, "^NQ") || strings.Contains(text, "ORDERBY") && strings.HasPrefix(text, "ORDERBY") {
			t.Errorf("%q is sent as %q", s, text)
		}
		again, err := parseQuery(strings.TrimSuffix(text, "^"))
		if err != nil {
			t.Fatalf("%q is sent as %q: %v", s, text, err)
		}
		if second, _ := again.encode("sys_id"); strings.TrimSuffix(second, "ORDERBYsys_id") != text {
			t.Errorf("%q is sent as %q, that as %q", s, text, second)
		}
	})
}
