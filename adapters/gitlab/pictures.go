package gitlab

import (
	"context"
	"maps"
	"slices"
	"strings"

	"parley/adapters/richtext"
	"parley/sync/event"
)

// Between trackers a text refers to a file of its ticket by name. In GitLab it has the address
// of an upload, which is not known before the file is there.

// refer makes references of what a text shows of an issue's files.
func (i *issue) refer(md string, files []event.Attachment) string {
	return richtext.ReferAttachments(md, func(address string) (string, bool) {
		id, ok := i.upload(address)
		n := slices.IndexFunc(files, func(f event.Attachment) bool { return f.ID == id })
		if !ok || n < 0 {
			return "", false
		}
		return files[n].Name, true
	})
}

// point leads references to files, the newest of each name. A text that everybody reads does not
// lead to a file of internal notes: whoever knows its address may fetch it.
func point(md string, files []event.Attachment, internal bool) string {
	return richtext.PointAttachments(md, func(name string, _ bool) (string, bool) {
		for _, f := range slices.Backward(files) {
			if f.Name == name && (internal || !f.Internal) {
				return "/uploads/" + f.ID, true
			}
		}
		return "", false
	})
}

// pointed is a step whose texts show the issue's files.
func (t *Tracker) pointed(ctx context.Context, op string, i *issue, step event.Step) (event.Step, error) {
	description, _ := step.Fields[event.FieldDescription].(string)
	said := ""
	if step.Comment != nil {
		said = step.Comment.Body
	}
	if len(richtext.Attachments(description))+len(richtext.Attachments(said)) == 0 {
		return step, nil
	}
	me, err := t.account(ctx)
	if err != nil {
		return step, err
	}
	all, err := t.talk(ctx, op, i, me)
	if err != nil {
		return step, err
	}
	now, _ := cutMarker(i.Description, isAuthor(i.Author, me))
	files, err := t.files(ctx, op, i, now, all)
	if err != nil {
		return step, err
	}
	if description != "" {
		step.Fields = maps.Clone(step.Fields)
		step.Fields[event.FieldDescription] = point(description, files, false)
	}
	if step.Comment != nil {
		c := *step.Comment
		// A note that is nothing but a link is a file, not a comment: this one stays words.
		if c.Body = point(said, files, c.Internal); fileNote.MatchString(strings.TrimSpace(c.Body)) {
			c.Body = said
		}
		step.Comment = &c
	}
	return step, nil
}
