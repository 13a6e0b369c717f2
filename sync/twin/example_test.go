package twin_test

import (
	"fmt"
	"slices"
	"time"

	"parley/sync/event"
	"parley/sync/twin"
)

// What leaves is what the peer has not confirmed, however often the ticket was
// looked at or edited in between.
func ExampleRow_Differs() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	row := &twin.Row{State: twin.Live}
	ticket := event.Fields{"summary": "Printer on fire", "status": "Open"}
	say := func() {
		fields, hashes := row.Differs(ticket, false)
		if len(fields) == 0 {
			fmt.Println("nothing to say")
			return
		}
		fmt.Println("sends", fields)
		row.Append(event.Seq(1), hashes, false, now)
	}
	say()
	say()
	row.Settle(event.Outcome{Seq: 1, Verdict: event.Applied})
	ticket["status"] = "Resolved"
	say()
	// Output:
	// sends map[status:Open summary:Printer on fire]
	// nothing to say
	// sends map[status:Resolved]
}

// Both sides changed the summary without knowing of each other. They agreed who
// wins then; both decide alike, and no other field is held up by it.
func ExampleRow_Merge() {
	row := &twin.Row{State: twin.Live, Local: map[string]twin.Base{}}
	row.SetLocal(event.Fields{"summary": "Printer on fire", "status": "Open"}, time.Time{})
	got := row.Merge(twin.Incoming{
		Ours:   event.Fields{"summary": "Printer smokes", "status": "Open"},
		Wanted: event.Fields{"summary": "Printer burns", "status": "Waiting"},
		Cause:  event.CauseEdit,
	}, twin.Policy{Winner: "acme", Us: "acme", Them: "globex"})
	fmt.Println("write:    ", got.Write)
	fmt.Println("stands:   ", got.Kept)
	fmt.Println("conflicts:", got.Conflicts)
	// Output:
	// write:     map[status:Waiting]
	// stands:    [summary]
	// conflicts: [summary]
}

// What a write made of a field is read back: what the tracker did to it is told
// from what a person did meanwhile, which is to leave as an edit.
func ExampleCompare() {
	before, want := "Printer on fire", "Printer on fire in room 7"
	for _, got := range []string{want, before, "Printer on fire in r", "Fire is out"} {
		fmt.Printf("%-26s%s\n", got, twin.Compare(event.TypeText, before, want, got))
	}
	// Output:
	// Printer on fire in room 7 kept
	// Printer on fire           ignored
	// Printer on fire in r      normalised
	// Fire is out               foreign
}

// A loss is kept with its reason, until the field is written or changed.
func ExampleRelost() {
	lost := []string{twin.Loss("status", event.CodeWorkflow), twin.Loss("due", "")}
	changed := func(field string) bool { return field == "due" }
	for _, l := range twin.Relost(lost, changed, nil) {
		field, why := twin.LossOf(l)
		fmt.Println(field, why)
	}
	// Output:
	// status workflow
}

// Sets merge entry by entry: what both sides added stands, and what one took out
// is told from what the other never had.
func ExampleRow_SendSets() {
	row := &twin.Row{}
	types := map[string]event.Field{"labels": {Type: event.TypeSet}}
	labels := func(all ...any) event.Fields { return event.Fields{"labels": all} }
	row.SendSets(1, true, labels("printer", "fire"), labels("printer", "fire"))

	// The peer took out "fire" and added "smoke"; meanwhile "urgent" was added here.
	got := row.Merge(twin.Incoming{
		Ours:   labels("printer", "fire", "urgent"),
		Wanted: labels("printer", "smoke"),
		Seen:   1, Types: types,
	}, twin.Policy{Winner: twin.Newest})
	set, _ := got.Write["labels"].([]any)
	slices.SortFunc(set, func(a, b any) int { return len(fmt.Sprint(a)) - len(fmt.Sprint(b)) })
	fmt.Println(set)
	// Output:
	// [smoke urgent printer]
}
