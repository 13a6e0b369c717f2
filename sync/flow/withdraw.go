package flow

import (
	"slices"
	"sync"
	"time"

	"parley/filters"
	"parley/sync/event"
	"parley/sync/fuse"
	"parley/sync/twin"
)

// withdrawn is what stands at the peer in the place of a comment that was public and was
// made internal, or deleted, after it had left. A file is asked back without a word.
const withdrawn = "(withdrawn by the other side)"

// askedBack tells an item that one side asked the other to take away.
func askedBack(i twin.Item) bool {
	gone := commentHash(withdrawn, false)
	return i.File && i.Hash == gone || !i.File && i.Wire == gone
}

// withdraw asks for the comments and files back that the peer has and that are internal
// by now, or not there any more. What a filter does not let out any more, and is as
// public as it was, stays at the peer: a script that sends the last ten would otherwise
// take back the eleventh.
func (p *Path) withdraw(o *outgoing, leaving []filters.Comment, heal bool, size int) (int, error) {
	if o.known.fresh() {
		return size, nil
	}
	public := p.public(o, leaving)
	fused := o.trial
	for i := range o.known.here.list {
		e := &o.known.here.list[i]
		if e.Theirs || e.Local == "" || e.State == twin.Declined || public[i] == isPublic ||
			askedBack(e.Item) && e.State != twin.Waiting && !heal {
			continue
		}
		if public[i] == isMissing {
			if !p.missed(o, e.ID) {
				continue
			}
			if until, why := p.fusedOnce(o, &fused); why != "" {
				return size, &awaitError{at: until, reason: why}
			}
		}
		size = o.offer(retraction(e, o.ticket.Updated), p.gone(e), size)
	}
	return size, nil
}

// The ways in which one of our items stands in our ticket.
type standing byte

const (
	isMissing standing = iota
	isInternal
	isPublic
)

// public tells of each item on record how it stands in the ticket.
func (p *Path) public(o *outgoing, leaving []filters.Comment) []standing {
	k := &o.known
	found := make([]standing, len(k.here.list))
	set := func(l local, private func(had twin.Item) bool) {
		i := k.here.place(l)
		if i < 0 {
			return
		}
		found[i] = isPublic
		p.missing.found(o.con.ID, k.here.list[i].ID)
		if private(k.here.list[i].Item) {
			found[i] = isInternal
		}
	}
	for i := range o.ticket.Comments {
		c := &o.ticket.Comments[i]
		set(local{id: c.ID}, func(had twin.Item) bool {
			return c.Internal && had.Hash != commentHash(c.Body, true) && !slices.ContainsFunc(leaving, func(l filters.Comment) bool { return l.ID == c.ID })
		})
	}
	for i := range o.ticket.Attachments {
		a := &o.ticket.Attachments[i]
		set(local{file: true, id: a.ID}, func(twin.Item) bool { return a.Internal && !o.rules.Egress.InternalComments })
	}
	return found
}

// retraction asks for an item back. It says nothing of what became of it here.
func retraction(e *twin.Entry, at time.Time) event.Item {
	if e.File {
		return event.Item{ID: e.ID, Kind: event.ItemAttachment, Withdrawn: true}
	}
	return event.Item{ID: e.ID, Kind: event.ItemComment, Body: withdrawn, Edited: wireTime(at), Withdrawn: true}
}

// gone is what is on record of an item that is asked back.
func (p *Path) gone(e *twin.Entry) twin.Item {
	hash := commentHash(withdrawn, false)
	if e.File {
		return twin.Item{Local: e.Local, File: true, Hash: hash, State: twin.Open, Name: e.Name}
	}
	return twin.Item{Local: e.Local, Hash: event.HashValue([]any{withdrawn, e.Local}), Wire: hash, State: twin.Open}
}

// fusedOnce asks the fuse, once for a ticket: what is missing in many tickets within a
// minute was not deleted by a person.
func (p *Path) fusedOnce(o *outgoing, asked *bool) (time.Time, string) {
	if *asked {
		return time.Time{}, ""
	}
	*asked = true
	return p.fused(o.con, fuse.Deletes, o.known.ref.String())
}

// missed tells whether an item that is not in its ticket counts as deleted: not at the
// first look. What is not seen is not what is deleted.
func (p *Path) missed(o *outgoing, id event.ItemID) bool {
	if o.trial {
		return true
	}
	now := p.Now()
	until := p.missing.since(o.con.ID, id, now).Add(p.ConfirmGone)
	if !now.Before(until) {
		return true
	}
	p.standby(o, until, "a comment or a file is not there any more; it is looked for once more before the other side is asked for it")
	return false
}

// missingSet holds since when comments and files are missing. It is in memory: another
// process looks twice once more.
type missingSet struct {
	mu    sync.Mutex
	items map[missingItem]time.Time
}

type missingItem struct {
	con  event.ConnectionID
	item event.ItemID
}

func (m *missingSet) since(con event.ConnectionID, id event.ItemID, now time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.items == nil {
		m.items = map[missingItem]time.Time{}
	}
	at, known := m.items[missingItem{con, id}]
	if !known || at.After(now) {
		at = now
		m.items[missingItem{con, id}] = at
	}
	return at
}

// found forgets an item that is there, or was asked back.
func (m *missingSet) found(con event.ConnectionID, id event.ItemID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.items, missingItem{con, id})
}

// keeps notes that the peer did not take an item back, if it was asked to.
func (s *settled) keeps(item twin.Item) {
	if !item.Theirs && item.State != twin.Declined && askedBack(item) {
		s.kept++
	}
}
