package gitlab

import (
	"context"
	"errors"
	"slices"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/marker"
	"parley/adapters/richtext"
	"parley/sync/event"
)

// A text that shows a file may be there before the file: then it is read and written once
// more. GitLab has no lock, so the write may run over an edit of the description that came in
// between. What the edit was, the API does not tell; that it was, it does, and it is told.

var errWrittenOver = errors.New("somebody's edit came between, and was written over: GitLab's page of the issue may have it among its versions")

// shown is a text as GitLab has it, in which the words of references to a file lead to it, with
// all else as it was; false if there are none.
func shown(raw string, f event.Attachment) (string, bool) {
	none := func(string) (string, bool) { return "", false }
	said := richtext.AttachmentsAsWords(point(richtext.ReferAttachments(raw, none), []event.Attachment{f}, true))
	return said, said != raw && strings.Contains(said, f.ID)
}

// repoint leads the texts that were there before a file to it, and says what did not come
// about. The file is attached by now, and the words of a reference are read as the reference: a
// text that is not led to the file shows words.
func (t *Tracker) repoint(ctx context.Context, ref event.Ref, f event.Attachment) string {
	var left []string
	say := func(what string, err error) {
		var known *adapters.Error
		if errors.As(err, &known) {
			err = known.Class // the tracker's words may hold ticket text
		}
		if err != nil {
			left = append(left, what+": "+err.Error())
		}
	}
	op := "show a file in the texts of issue " + ref.ID
	me, err := t.account(ctx)
	if err == nil && !f.Internal {
		say("the description may not show the file", t.repointDescription(ctx, op, ref, f, me))
	}
	if err == nil {
		err = t.repointNotes(ctx, op, ref, f, me)
	}
	say("a comment may not show the file", err)
	return strings.Join(left, "; ")
}

func (t *Tracker) repointDescription(ctx context.Context, op string, ref event.Ref, f event.Attachment, me user) error {
	i, err := t.issue(ctx, op, ref)
	if err != nil {
		return err
	}
	if _, ok := shown(i.Description, f); !ok {
		return nil
	}
	past, err := t.api.notes(ctx, op, i.id())
	if err != nil {
		return err
	}
	if i, err = t.issue(ctx, op, ref); err != nil {
		return err
	}
	said, ok := shown(i.Description, f)
	if !ok {
		return nil
	}
	if err := t.api.update(ctx, i.id(), map[string]any{"description": said}); err != nil {
		return err
	}
	now, err := t.api.notes(ctx, op, i.id())
	if err != nil {
		return err
	}
	if writtenOver(i, past, now, me) {
		return errWrittenOver
	}
	return nil
}

// worded begins the line that GitLab writes of an edit of a description.
const worded = "changed the description"

// writtenOver tells whether another's edit of the description stands between the reading of an
// issue and our write: it is later than what was read, and before ours.
func writtenOver(read *issue, past, now []note, me user) bool {
	over := false
	for n := range now {
		line := &now[n]
		switch {
		case !line.System || !strings.HasPrefix(*line.Body, worded):
		case slices.ContainsFunc(past, func(p note) bool { return p.ID == line.ID }):
		case isAuthor(line.Author, me):
			return over
		case line.Created.After(read.Updated):
			over = true
		}
	}
	return over
}

// repointNotes leads our account's notes to a file, each as it is read right before.
func (t *Tracker) repointNotes(ctx context.Context, op string, ref event.Ref, f event.Attachment, me user) error {
	all, err := t.api.notes(ctx, op, ref.ID)
	if err != nil {
		return err
	}
	var failed []error
	for n := range all {
		if _, ok := repointed(&all[n], f, me); !ok {
			continue
		}
		now, err := t.api.note(ctx, op, ref.ID, all[n].id())
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if said, ok := repointed(now, f, me); ok {
			failed = append(failed, t.api.editNote(ctx, ref.ID, now.id(), said))
		}
	}
	return errors.Join(failed...)
}

// repointed is the text of a note of ours that leads to a file; false if it is to stay.
func repointed(n *note, f event.Attachment, me user) (string, bool) {
	if n.System || !isAuthor(n.Author, me) || f.Internal && !n.hidden() {
		return "", false
	}
	said, ok := shown(*n.Body, f)
	text, _ := marker.Cut(said)
	return said, ok && !fileNote.MatchString(strings.TrimSpace(text))
}
