package flow

import (
	"slices"

	"parley/filters"
	"parley/sync/event"
	"parley/sync/twin"
)

// withdrawn is what stands at the peer in the place of a comment that was public and was
// made internal after it had left. It goes as an edit of the comment, which any peer
// understands and its filter takes like any other; a peer that cannot edit declines it.
const withdrawn = "(withdrawn by the other side)"

// withdraw offers the comments that the peer has and that are internal by now. What a
// filter does not let out any more, and is as public as it was, stays at the peer: a
// script that sends the last ten would otherwise take back the eleventh.
func (p *Path) withdraw(o *outgoing, leaving []filters.Comment, heal bool, size int) int {
	if o.known.fresh() {
		return size
	}
	for i := range o.ticket.Comments {
		c := &o.ticket.Comments[i]
		if !c.Internal {
			continue
		}
		had, known := o.known.here.at(local{id: c.ID})
		gone := event.HashValue([]any{withdrawn, c.ID})
		if !known || had.Theirs || had.State == twin.Declined || had.Hash == gone && had.State != twin.Waiting && !heal ||
			had.Hash == commentHash(c.Body, true) || slices.ContainsFunc(leaving, func(l filters.Comment) bool { return l.ID == c.ID }) {
			continue
		}
		item := event.Item{
			ID: had.ID, Kind: event.ItemComment, Author: author(c.Author), Created: wireTime(c.Created),
			Body: withdrawn, Edited: wireTime(orTime(c.Edited, o.ticket.Updated)),
		}
		size = o.offer(item, twin.Item{Local: c.ID, Hash: gone, Wire: commentHash(withdrawn, false), State: twin.Open}, size)
	}
	return size
}

// keeps notes that the peer did not withdraw a comment, if it was asked to.
func (s *settled) keeps(item twin.Item) {
	if !item.Theirs && !item.File && item.State != twin.Declined && item.Wire == commentHash(withdrawn, false) {
		s.kept++
	}
}
