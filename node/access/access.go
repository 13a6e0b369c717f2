// Package access says who may do what with a node: roles, and which operation needs
// which of them.
//
// # Promises
//
//   - What is not allowed is refused: an operation that the table lacks, a person who is
//     not listed, a connection that a person was not given.
//   - Table is the only place that says it; docs/access.md is made of it.
//
// It does not find out who somebody is.
package access

import (
	"fmt"
	"slices"
	"strings"
)

// Role is a set of operations that a person may ask for.
type Role string

// The roles. Each may what its row says and no more: roles are given side by side.
const (
	Viewer   Role = "viewer"   // states, counts, names
	Operator Role = "operator" // keeps the node going: content of tickets, queue, pauses, loads
	Author   Role = "author"   // changes filters
	Approver Role = "approver" // lets leave what the gate holds back
	Auditor  Role = "auditor"  // reads who did what
	Admin    Role = "admin"    // all of it
)

// Roles are all roles, in the order that people read them.
func Roles() []Role { return []Role{Viewer, Operator, Author, Approver, Auditor, Admin} }

// Deed says what an operation does, for the record.
type Deed string

// The deeds.
const (
	// Reads shows names, counts and states: no record is kept.
	Reads Deed = "reads"
	// Shows content of tickets: it is recorded that it was asked for.
	Shows Deed = "shows"
	// Changes something: it is recorded before, and how it ended after.
	Changes Deed = "changes"
)

// Rule is one operation.
type Rule struct {
	Operation string
	Deed      Deed
	// May are the roles that it takes one of; admins may everything.
	May []Role
}

// Table is every operation of a node.
func Table() []Rule {
	everybody := []Role{Viewer, Operator, Author, Approver, Auditor}
	var out []Rule
	add := func(deed Deed, may []Role, operations ...string) {
		for _, one := range operations {
			out = append(out, Rule{one, deed, may})
		}
	}
	add(Reads, everybody, "status", "key", "connections", "probe", "scope-count", "load", "tickets", "queue", "connect-state", "templates")
	add(Reads, []Role{Operator, Author}, "schema", "filter-history", "filter-diff", "template-diff", "export", "fields")
	add(Reads, []Role{Operator}, "conflicts")
	add(Reads, nil, "words")
	add(Reads, []Role{Auditor}, "audit", "audit-head", "audit-witnesses", "witnessed")
	add(Shows, []Role{Operator}, "scope-explain", "explain", "history", "conflict", "preview", "record", "match", "try")
	add(Shows, []Role{Operator, Approver}, "queue-entry")
	add(Changes, []Role{Operator}, "pause", "resume", "verify", "start-load", "abort-load", "pause-load", "resume-load", "sync", "unsync", "undo",
		"retry", "skip", "resolve", "connect", "resync")
	add(Changes, []Role{Operator, Author}, "fields-seen")
	add(Changes, []Role{Approver}, "approve")
	add(Changes, []Role{Author}, "publish")
	add(Changes, nil, "claim", "reload", "apply", "invite", "accept", "confirm", "remove-connection", "backup", "audit-prune")
	return out
}

// Of finds the rule of an operation.
func Of(operation string) (Rule, bool) {
	all := Table()
	i := slices.IndexFunc(all, func(r Rule) bool { return r.Operation == operation })
	if i < 0 {
		return Rule{Operation: operation, Deed: Changes}, false
	}
	return all[i], true
}

// Person is what somebody was given.
type Person struct {
	Roles []Role `yaml:"roles"`
	// Connections bounds them to these; empty is all.
	Connections []string `yaml:"connections,omitempty"`
}

// Denied is a refusal.
type Denied struct {
	Operation string
	// Why is for people.
	Why string
}

// Error implements error.
func (d *Denied) Error() string { return d.Why }

// May tells whether a person may do something, with a connection if it is about one.
// The error is a *Denied.
func (p Person) May(operation, connection string) error {
	rule, known := Of(operation)
	deny := func(format string, args ...any) error { return &Denied{operation, fmt.Sprintf(format, args...)} }
	switch {
	case !known:
		return deny("there is no operation %s", operation)
	case len(p.Roles) == 0:
		return deny("it takes a role, and none was given")
	case !slices.Contains(p.Roles, Admin) && !slices.ContainsFunc(rule.May, func(r Role) bool { return slices.Contains(p.Roles, r) }):
		return deny("%s takes the role %s", operation, rule.roles())
	case len(p.Connections) > 0 && connection == "":
		return deny("%s is about the whole node, and the roles are for %s", operation, strings.Join(p.Connections, ", "))
	case len(p.Connections) > 0 && !slices.Contains(p.Connections, connection):
		return deny("the roles are for %s, and not for %s", strings.Join(p.Connections, ", "), connection)
	}
	return nil
}

// roles are those that an operation takes one of.
func (r Rule) roles() string {
	var out []string
	for _, one := range r.May {
		out = append(out, string(one))
	}
	return strings.Join(append(out, string(Admin)), " or ")
}
