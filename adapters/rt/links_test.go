package rt_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"parley/adapters"
	"parley/sync/event"
)

// TestTrap_ALinkThatIsRefusedIsTold: RT says no with 200, and a no to a link keeps
// neither the fields nor the other links back.
func TestTrap_ALinkThatIsRefusedIsTold(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	var put []map[string]any
	no := `"Couldn't resolve '99' into a link."`
	f.on("PUT ticket/12", func(w http.ResponseWriter, r *http.Request) {
		var record map[string]any
		if err := json.NewDecoder(r.Body).Decode(&record); err != nil {
			t.Error(err)
		}
		put = append(put, record)
		said := `"Ticket 12: Subject changed from 's' to 'x'"`
		if record["AddRefersTo"] != nil {
			said = `"Ticket 12 refers to Ticket 13.",` + no
			f.json("GET ticket/12", 200, strings.Replace(ticketJSON, `"_hyperlinks":[]`, `"_hyperlinks":[{"type":"ticket","ref":"refers-to","id":"13"}]`, 1))
		}
		answer(w, 200, `[`+said+`]`)
	})
	tracker := f.open(nil)
	step := event.Step{Kind: event.StepUpdate, Ref: ref12, Fields: event.Fields{
		event.FieldSummary: "x", event.FieldLinks: event.LinksValue([]event.Link{{Type: "refers to", ID: "99"}, {Type: "refers to", ID: "13"}}),
	}}
	w, err := tracker.Write(t.Context(), step, nil)
	if err != nil || w.Partly != "RT did not take these links: refers to #99" {
		t.Errorf("said %q, %v", w.Partly, err)
	}
	if len(put) != 2 || put[0]["Subject"] != "x" || slices.ContainsFunc(put, func(r map[string]any) bool { return len(r) != 1 }) {
		t.Errorf("sent %v", put)
	}

	// A right that is missing is for an admin to give.
	no = `"Ticket 12: Permission Denied"`
	f.json("GET ticket/12", 200, ticketJSON)
	_, err = tracker.Write(t.Context(), step, nil)
	wantClass(t, err, adapters.ErrDenied, "Permission Denied")
}
