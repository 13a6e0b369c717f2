package flow

import (
	"slices"

	"parley/filters"
	"parley/sync/event"
	"parley/sync/twin"
)

// previous is the replica that was sent last, for a script that asks; nil if there is
// none. Of comments and files the record has a hash each: one that is as it was sent is
// here whole, one that changed or is gone without what it said.
func (k *known) previous(ours *filters.Ours) *filters.Replica {
	if k.sent == nil {
		return nil
	}
	out := *k.sent
	for i := range k.here.list {
		e := &k.here.list[i]
		if e.Theirs || e.Local == "" || e.State == twin.Waiting || askedBack(e.Item) {
			continue
		}
		if e.File {
			was := filters.Attachment{Attachment: event.Attachment{ID: e.Local, Name: e.Name}}
			if at := slices.IndexFunc(ours.Attachments, func(a filters.Attachment) bool { return a.ID == e.Local }); at >= 0 {
				was = ours.Attachments[at]
			}
			out.Attachments = append(out.Attachments, was)
			continue
		}
		was := filters.Comment{Comment: event.Comment{ID: e.Local}}
		at := slices.IndexFunc(ours.Comments, func(c filters.Comment) bool { return c.ID == e.Local })
		if at >= 0 && commentHash(ours.Comments[at].Body, ours.Comments[at].Internal) == e.Hash {
			was = ours.Comments[at]
		}
		out.Comments = append(out.Comments, was)
	}
	out.CommentsSent, out.AttachmentsSent = true, true
	return &out
}

// previous is the replica that was applied last; nil if there is none. Its comments and
// files are those that the event speaks of and that were here before it.
func (in *incoming) previous() *filters.Replica {
	if in.before.Fields == nil {
		return nil
	}
	out := in.before
	out.CommentsSent, out.AttachmentsSent = true, true
	for i := range in.body.Items {
		item := &in.body.Items[i]
		had, known := in.items.get(item.ID)
		if !known || !had.Theirs || had.State == twin.Declined {
			continue
		}
		if item.Kind == event.ItemAttachment {
			out.Attachments = append(out.Attachments, filters.Attachment{Attachment: event.Attachment{ID: string(item.ID), Name: had.Name, SHA256: item.SHA256, Size: item.Size}})
			continue
		}
		was := filters.Comment{Comment: event.Comment{ID: string(item.ID)}}
		if had.Wire != 0 && had.Wire == commentHash(item.Body, item.Internal) {
			was.Body, was.Internal = item.Body, item.Internal
		}
		out.Comments = append(out.Comments, was)
	}
	return &out
}
