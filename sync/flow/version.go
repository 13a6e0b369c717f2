package flow

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley/sync/envelope"
)

// wireVersions are the versions of the wire that this program speaks. Within a version
// nothing is sent that a peer may not understand, unless its hello names the capability:
// a reader refuses what it does not know. See docs/wire-format.md, §3.5.
var wireVersions = []int{1}

// errVersion: the two sides have no version of the wire in common.
var errVersion = errors.New("the two nodes have no version of the wire in common")

// speaks holds a hello to the versions that we speak, and remembers the peer's if none
// of them is ours: nothing is taken from it and nothing sent to it until it says another.
func (c *Connection) speaks(theirs envelope.Hello) error {
	common := slices.ContainsFunc(theirs.Versions, func(v int) bool { return slices.Contains(wireVersions, v) })
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	if c.session.foreign = nil; common {
		return nil
	}
	c.session.foreign = theirs.Versions
	c.session.greeted, c.session.lastErr = false, ""
	return fmt.Errorf("%s speaks %s, this node speaks %s: %w", c.Name, numbers(theirs.Versions), numbers(wireVersions), errVersion)
}

// tellVersions answers a peer that speaks no version of ours, so that its people see why
// nothing goes on. It takes nothing of the hello.
func (p *Path) tellVersions(con *Connection, theirs envelope.Hello) ([]byte, error) {
	nonce, err := p.nonce()
	if err != nil {
		return nil, err
	}
	ours, err := p.hello(con, true, nonce)
	if err != nil {
		return nil, err
	}
	ours.Answers, ours.Again = theirs.Nonce, nil
	return con.Codec.SealHello(ours)
}

// Foreign says which versions of the wire the peer speaks if none of them is ours, for
// people, or "".
func (c *Connection) Foreign() string {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	return numbers(c.session.foreign)
}

func numbers(versions []int) string {
	words := make([]string, len(versions))
	for i, v := range versions {
		words[i] = fmt.Sprint(v)
	}
	return strings.Join(words, ", ")
}

// heard remembers what the peer says that it can do.
func (s *session) heard(abilities []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.abilities = abilities
}

func (s *session) can(ability string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.abilities, ability)
}
