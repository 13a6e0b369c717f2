package main

import (
	"fmt"
	"io"

	"parley/node/admin"
)

// showHeld says what the gate holds back, and how to let it leave.
func showHeld(w io.Writer, e admin.QueueEntry) {
	for _, f := range e.Findings {
		note := ""
		if f.Blocked {
			note = "  (nobody can approve it)"
		}
		fmt.Fprintf(w, "found  %s%s\n", clean(f.Text), note)
	}
	for _, a := range e.Approvals {
		fmt.Fprintf(w, "approved before  %s  %s\n", a.Digest, when(a.At))
	}
	if e.Digest != "" {
		fmt.Fprintf(w, "approve  parley queue approve %s --digest %s\n", clean(e.ID), e.Digest)
	}
}
