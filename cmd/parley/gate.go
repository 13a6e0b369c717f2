package main

import (
	"fmt"
	"io"
	"strings"

	"parley/node/admin"
)

// approvalText says who let what leave, and when.
func approvalText(a admin.GateApproval) string {
	return strings.TrimSpace(fmt.Sprintf("%s  %s  %s  %s", a.Digest, when(a.At), clean(a.By), clean(strings.Join(a.Found, "; "))))
}

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
		fmt.Fprintf(w, "approved before  %s\n", approvalText(a))
	}
	if e.Digest != "" {
		fmt.Fprintf(w, "approve  parley queue approve %s --digest %s\n", clean(e.ID), e.Digest)
	}
}
