// Package workload makes what the bench moves: realistic edits of tickets, about 2 KiB of JSON each. Equal arguments give
// equal edits, so the receiver knows what it should hold without being told.
package workload

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Comment is one comment of a ticket.
type Comment struct {
	ID       string `json:"id"`
	Author   string `json:"author"`
	Created  string `json:"created"`
	Internal bool   `json:"internal"`
	Body     string `json:"body"`
}

// Replica is a ticket after one edit; its comments are those that the edit added.
type Replica struct {
	Seq         uint64         `json:"seq"`
	At          int64          `json:"at"` // wall clock of the enqueue, in nanoseconds; both processes share one host
	Ticket      string         `json:"ticket"`
	Type        string         `json:"type"`
	Summary     string         `json:"summary"`
	Description string         `json:"description"`
	Status      string         `json:"status"`
	Priority    string         `json:"priority"`
	Reporter    string         `json:"reporter"`
	Assignee    string         `json:"assignee"`
	Created     string         `json:"created"`
	Updated     string         `json:"updated"`
	Labels      []string       `json:"labels"`
	Comments    []Comment      `json:"comments"`
	Fields      map[string]any `json:"fields"`
}

const words = `after the last update users report that login through the gateway fails with error code when their session
was opened before midnight we restarted the service on node two and collected the logs please check whether the certificate
chain of the proxy is complete since the new version of the client verifies it strictly a workaround is to clear the cache
customer expects an answer until friday affected systems are billing reporting and the mobile application steps to reproduce
open the dashboard choose a date range export as spreadsheet and wait for the timeout`

var text = func() string {
	list, rng := strings.Fields(words), rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for b.Len() < 1<<18 {
		b.WriteString(list[rng.IntN(len(list))])
		if b.WriteByte(' '); rng.IntN(14) == 0 {
			fmt.Fprintf(&b, "%d. ", rng.IntN(9000))
		}
	}
	return b.String()
}()

var (
	statuses   = []string{"Open", "In Progress", "Waiting", "Resolved"}
	priorities = []string{"Highest", "High", "Medium", "Low"}
	people     = []string{"ana.silva@acme.example", "jo.berg@acme.example", "li.wei@acme.example", "sam.otieno@acme.example"}
	labels     = []string{"billing", "login", "mobile", "pub-outage", "pub-sla", "internal-note", "regression", "customer"}
)

func cut(rng *rand.Rand, n int) string { at := rng.IntN(len(text) - n); return text[at : at+n] }

// TicketOf tells which of the tickets event i belongs to. Each run of 200 events is spread at random over 20 tickets, so that a ticket has
// about ten events and they come close together, as edits of one ticket do: whoever does not keep order shows it.
func TicketOf(i uint64, tickets int) uint64 {
	return (i/200*20 + rand.New(rand.NewPCG(i, 3)).Uint64N(20)) % uint64(tickets)
}

// Make makes event i (from 1) of a workload spread over the given number of tickets. Equal arguments give equal replicas.
func Make(i uint64, tickets int) Replica {
	rng := rand.New(rand.NewPCG(i, 77))
	day := func() string {
		return fmt.Sprintf("2026-%02d-%02dT%02d:%02d:%02dZ", 1+rng.IntN(11), 1+rng.IntN(28), rng.IntN(24), rng.IntN(60), rng.IntN(60))
	}
	r := Replica{
		Seq: i, Ticket: fmt.Sprintf("SUP-%d", 1000+TicketOf(i, tickets)), Type: "Incident", Summary: cut(rng, 72), Description: cut(rng, 480),
		Status: statuses[rng.IntN(4)], Priority: priorities[rng.IntN(4)], Reporter: people[rng.IntN(4)], Assignee: people[rng.IntN(4)],
		Created: day(), Updated: day(),
		Labels: []string{labels[rng.IntN(8)], labels[rng.IntN(8)], labels[rng.IntN(8)]},
		Fields: map[string]any{
			"Severity": "S" + fmt.Sprint(1+rng.IntN(4)), "Affected system": cut(rng, 30), "Customer impact": cut(rng, 60),
			"Story points": rng.IntN(13), "Root cause": cut(rng, 90), "Environment": "production", "Regression": rng.IntN(2) == 0,
		},
	}
	for c := range 3 {
		r.Comments = append(r.Comments, Comment{ID: fmt.Sprint(i*10 + uint64(c)), Author: people[rng.IntN(4)], Created: day(), Internal: c == 1, Body: cut(rng, 130)})
	}
	return r
}
