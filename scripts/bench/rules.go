//go:build linux

package main

import (
	"errors"
	"fmt"

	"parley/filters"
	"parley/sync/event"
	"parley/sync/flow"
)

// A's people work, so its outgoing filter and B's incoming one carry the load;
// the other two are what a connection both ways would have.
const (
	outgoingA = `
replica.fields["seq"]      = issue.fields["Seq"]
replica.fields["at"]       = issue.fields["At"]
replica.key                = issue.key
replica.summary            = issue.summary
replica.description        = issue.description
replica.priority           = {"Highest": "P1", "High": "P2", "Medium": "P3"}[issue.priority] ?? "P4"
replica.fields["severity"] = issue.fields["Severity"] ?? "S3"
replica.status             = issue.status == "Resolved" ? "Done" : issue.status
replica.labels             = issue.labels | filter(not (# startsWith "internal"))
replica.comments           = issue.comments | filter(not .internal)
replica.fields["impact"]   = issue.fields["Customer impact"]
replica.updated            = issue.updated
`
	incomingB = `
issue.fields["Seq"]         = replica.fields["seq"]
issue.fields["Remote key"]  = replica.key
issue.summary               = prefixed("[Acme] ", replica.summary)
issue.description           = replica.description
issue.priority              = {"P1": "Critical", "P2": "Major", "P3": "Minor"}[replica.priority] ?? "Trivial"
issue.fields["Severity"]    = replica.fields["severity"]
issue.status                = replica.status
issue.labels                = concat(replica.labels, ["acme"])
issue.comments              = replica.comments
issue.fields["Impact"]      = replica.fields["impact"]
issue.fields["Last change"] = replica.updated
`
	outgoingB = `
replica.summary            = unprefixed("[Acme] ", issue.summary)
replica.description        = issue.description
replica.priority           = {"Critical": "P1", "Major": "P2", "Minor": "P3", "Trivial": "P4"}[issue.priority]
replica.fields["severity"] = issue.fields["Severity"]
replica.status             = issue.status
replica.labels             = issue.labels | filter(# != "acme")
replica.comments           = issue.comments
replica.fields["impact"]   = issue.fields["Impact"]
`
	incomingA = `
issue.summary                   = replica.summary
issue.description               = replica.description
issue.priority                  = {"P1": "Highest", "P2": "High", "P3": "Medium"}[replica.priority] ?? "Low"
issue.fields["Severity"]        = replica.fields["severity"]
issue.status                    = replica.status == "Done" ? "Resolved" : replica.status
issue.labels                    = replica.labels
issue.comments                  = replica.comments
issue.fields["Customer impact"] = replica.fields["impact"]
`
)

func text(names ...string) map[string]event.Field {
	fields := map[string]event.Field{}
	for _, name := range names {
		fields[name] = event.Field{Type: event.TypeText, Writable: true}
	}
	return fields
}

func schemaA() event.Schema {
	fields := text("summary", "type", "fields.Severity", "fields.Affected system", "fields.Customer impact", "fields.Root cause", "fields.Environment")
	common(fields, []string{"Highest", "High", "Medium", "Low"}, []string{"Open", "In Progress", "Waiting", "Resolved"})
	fields["fields.Story points"] = event.Field{Type: event.TypeNumber, Writable: true}
	fields["fields.Regression"] = event.Field{Type: event.TypeBool, Writable: true}
	return event.Schema{Fields: fields, Comments: true, Internal: true, EditComments: true}
}

func schemaB() event.Schema {
	fields := text("summary", "fields.Remote key", "fields.Severity", "fields.Impact")
	common(fields, []string{"Critical", "Major", "Minor", "Trivial"}, []string{"Open", "In Progress", "Waiting", "Done"})
	fields["fields.Last change"] = event.Field{Type: event.TypeTime, Writable: true}
	return event.Schema{Fields: fields, Comments: true, Internal: true, EditComments: true}
}

// common adds what both trackers have.
func common(fields map[string]event.Field, priorities, statuses []string) {
	fields["description"] = event.Field{Type: event.TypeRich, Writable: true}
	fields["priority"] = event.Field{Type: event.TypeOption, Writable: true, Options: priorities}
	fields["status"] = event.Field{Type: event.TypeOption, Writable: true, Options: statuses}
	fields["labels"] = event.Field{Type: event.TypeSet, Writable: true}
	fields["key"] = event.Field{Type: event.TypeText}
	fields["updated"] = event.Field{Type: event.TypeTime}
	fields["reporter"] = event.Field{Type: event.TypeUser}
	fields["assignee"] = event.Field{Type: event.TypeUser, Writable: true}
	fields["fields.Seq"] = event.Field{Type: event.TypeNumber, Writable: true}
	fields["fields.Con"] = event.Field{Type: event.TypeNumber, Writable: true}
	fields["fields.At"] = event.Field{Type: event.TypeNumber, Writable: true}
}

// rules are those of connection number i: with several, each ticket belongs to one.
func (s *setup) rules(i int) (*flow.Rules, error) {
	schema, outgoing, incoming := schemaA(), outgoingA, incomingA
	if s.Side == "B" {
		schema, outgoing, incoming = schemaB(), outgoingB, incomingB
	}
	if s.Connections <= 1 {
		return newRules(schema, "true", outgoing, incoming)
	}
	if s.Side == "A" {
		outgoing += `replica.fields["con"] = issue.fields["Con"]`
	} else {
		incoming += `issue.fields["Con"] = replica.fields["con"]`
	}
	return newRules(schema, fmt.Sprintf(`issue.fields["Con"] == %d`, i), outgoing, incoming)
}

func newRules(schema event.Schema, mine, outgoing, incoming string) (*flow.Rules, error) {
	env := filters.Env{Schema: schema, Key: []byte("bench")}
	out, errOut := filters.CompileOutgoing(outgoing, env)
	in, errIn := filters.CompileIncoming(incoming, env)
	scope, errScope := filters.CompileScope(mine, env)
	if err := errors.Join(errOut, errIn, errScope); err != nil {
		return nil, fmt.Errorf("compile the bench's filters: %w", err)
	}
	return &flow.Rules{
		Outgoing: out, Incoming: in, Scope: scope, Start: "auto", Leave: "keep",
		Accept: filters.Accept{Comments: true, Attachments: true},
	}, nil
}
