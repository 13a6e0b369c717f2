package flow

import (
	"testing"
	"time"

	"parley/sync/event"
)

// TestMissing_WhatIsNotedWhileAPageIsReadIsFoundByAnotherPass: the row of a task that
// found no place may be younger than what the page saw.
func TestMissing_WhatIsNotedWhileAPageIsReadIsFoundByAnotherPass(t *testing.T) {
	t.Parallel()
	m, con := newMissing(), event.ConnectionID{1}
	m.note(con, time.Time{})
	if at := m.place(con); at.kind != 0 {
		t.Fatalf("a pass begins with kind %d", at.kind)
	}
	m.begin(con)
	m.note(con, time.Time{}) // while the first page is read
	for kind := range len(rouseKinds) {
		m.advance(con, kind+1, nil)
	}
	if !m.some(time.Now()) {
		t.Error("no pass follows, and the task is never brought up")
	}
}
