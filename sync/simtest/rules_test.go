package simtest

import (
	"fmt"
	"sync"
	"time"

	"parley/filters"
	"parley/sync/flow"
)

const outgoingScript = `
replica.key      = issue.key
replica.summary  = unprefixed("[peer] ", issue.summary)
replica.status   = issue.status
replica.priority = issue.priority
replica.labels   = issue.labels
replica.links    = issue.links
replica.parent   = issue.parent
replica.comments = %s
replica.attachments = issue.attachments
`

const incomingScript = `
issue.summary  = %s
issue.status   = replica.status
issue.priority = replica.priority
issue.labels   = replica.labels
issue.links    = twinOf(replica.links)
issue.parent   = twinOf(replica.parent)
issue.fields["Key at %s"] = replica.key
issue.comments = replica.comments | map(with(#, {body: "from peer: " + .body}))
issue.attachments = replica.attachments
`

// careful asks for what other connections wrote too: the gate has to stop it.
const (
	careful   = "concat(issue.comments, issue.foreignComments)"
	incareful = "concat(issue.comments, issue.notes | map(with(#, {internal: false})))"
)

// side is one end of a connection in a kind of world.
type side struct {
	node, peer string
	flavour    flavour
}

// scripts are a side's filters. They keep nothing between two runs, so all worlds
// and all processes of a node share them.
type scripts struct {
	out   *filters.Outgoing
	in    *filters.Incoming
	scope *filters.Scope
}

// compiled are the scripts of every side that a world may have.
var compiled = sync.OnceValues(func() (map[side]scripts, error) {
	all := map[side]scripts{}
	for _, ends := range [][2]string{{"A", "B"}, {"B", "A"}, {"B", "C"}, {"C", "B"}} {
		for _, f := range []flavour{plainly, careless, strict} {
			s := side{ends[0], ends[1], f}
			var err error
			if all[s], err = s.compile(); err != nil {
				return nil, fmt.Errorf("compile the filters of %s for %s: %w", s.node, s.peer, err)
			}
		}
	}
	return all, nil
})

func (s side) compile() (c scripts, err error) {
	env := filters.Env{Schema: schema(), Key: []byte(s.node), Limits: filters.Limits{Time: time.Minute}}
	summary, comments := "replica.summary", careful
	if s.node == "B" {
		summary = `prefixed("[peer] ", replica.summary)`
	}
	if s.node == "A" && s.flavour == careless {
		comments = incareful
	}
	if c.out, err = filters.CompileOutgoing(fmt.Sprintf(outgoingScript, comments), env); err != nil {
		return c, err
	}
	if c.in, err = filters.CompileIncoming(fmt.Sprintf(incomingScript, summary, s.peer), env); err != nil {
		return c, err
	}
	c.scope, err = filters.CompileScope("true", env)
	return c, err
}

func (e *end) rules() (*flow.Rules, error) {
	n, peer, flavour := e.node, e.peer.node.name, e.node.world.flavour()
	all, err := compiled()
	if err != nil {
		return nil, err
	}
	c := all[side{n.name, peer, flavour}]
	rules := &flow.Rules{
		Outgoing: c.out, Incoming: c.in, Scope: c.scope, Start: "auto", Leave: "keep",
		Accept: filters.Accept{Comments: true, Attachments: n.name == "A" || flavour != strict},
	}
	if n.name == "B" && peer == "C" && n.world.forwards() {
		rules.Forward, rules.Egress.Foreign = []string{"A"}, []string{"A"}
	}
	if n.world.shape == holding && n.name == "A" {
		rules.Egress.Hold = hold
	}
	return rules, nil
}
