package jira

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley/adapters"
	"parley/adapters/richtext"
	"parley/sync/event"
)

// A text that shows a file may be there before the file: then the text is read and written
// once more. Jira has no lock, so the write may run over an edit that came in between. The
// changelog tells: it has what each write of the description made of it, in order. What our
// write ran over is put back, shown the file too, and looked after in the same way.

// repointRounds bounds how often an edit that was written over is put back.
const repointRounds = 4

var (
	errNotSeen  = errors.New("the changelog does not tell of our write")
	errCrowded  = errors.New("the description is being edited")
	errEditOver = errors.New("another edit came after one that was written over, which the changelog has")
)

// repoint leads the texts that were there before a file to it, and says what did not come
// about. The file is attached by now, and the words of a reference are read as the
// reference: a text that is not led to the file shows words.
func (t *Tracker) repoint(ctx context.Context, ref event.Ref, name string) string {
	var left []string
	say := func(what string, err error) {
		if err != nil {
			left = append(left, what+": "+classOf(err).Error())
		}
	}
	op := "show a file in the texts of issue " + ref.ID
	say("the description may not show the file", t.repointDescription(ctx, op, ref, name))
	say("a comment may not show the file", t.repointComments(ctx, op, ref, name))
	return strings.Join(left, "; ")
}

// classOf is an error without the tracker's words, which may hold ticket text.
func classOf(err error) error {
	var known *adapters.Error
	if errors.As(err, &known) {
		return known.Class
	}
	return err
}

// waits tells whether a text refers to a file by a name that no file of the shelf has in
// Jira.
func waits(md, name string, shelf []filed) bool {
	return slices.Contains(richtext.Attachments(md), name) && !slices.ContainsFunc(shelf, func(f filed) bool { return f.raw == name })
}

func (t *Tracker) repointDescription(ctx context.Context, op string, ref event.Ref, name string) error {
	query := only("created", "updated", "description", "attachment")
	i, err := t.issue(ctx, op, ref, query)
	if err != nil {
		return err
	}
	shelf, err := t.shelf(ctx, i)
	if err != nil {
		return err
	}
	for range repointRounds {
		md, err := t.api.toMarkdown(i.Fields["description"])
		if err != nil || !waits(md, name, shelf) {
			return err
		}
		// What the changelog has between two readings of one text is the text's own past.
		past, err := t.worded(ctx, op, ref)
		if err != nil {
			return err
		}
		again, err := t.issue(ctx, op, ref, query)
		if err != nil {
			return err
		}
		if bytes.Equal(i.Fields["description"], again.Fields["description"]) {
			return t.describe(ctx, op, ref, name, t.shown(md, shelf), shelf, past)
		}
		i = again
	}
	return errCrowded
}

// shown is a text that shows the files of the shelf.
func (t *Tracker) shown(md string, shelf []filed) any {
	return t.api.fromMarkdown(t.point(t.api.refer(md, shelf), shelf))
}

// wording is a line of the changelog about the description.
type wording struct {
	id   string
	by   string
	text string
}

// worded are the changes of the description, oldest first.
func (t *Tracker) worded(ctx context.Context, op string, ref event.Ref) ([]wording, error) {
	all, err := t.histories(ctx, op, ref)
	if err != nil {
		return nil, err
	}
	var out []wording
	for _, h := range all {
		for _, item := range h.Items {
			if item.FieldID == event.FieldDescription || item.FieldID == "" && item.Field == event.FieldDescription {
				out = append(out, wording{id: h.ID, by: h.Author.event().ID, text: lines(deref(item.ToString))})
			}
		}
	}
	return out, nil
}

// describe writes the description, and puts back what that ran over since past was all.
func (t *Tracker) describe(ctx context.Context, op string, ref event.Ref, name string, text any, shelf []filed, past []wording) error {
	me, err := t.account(ctx)
	if err != nil {
		return err
	}
	for range repointRounds {
		wrote := t.api.update(ctx, ref.ID, map[string]any{"fields": map[string]any{"description": text}})
		if wrote != nil && !errors.Is(wrote, adapters.ErrDoubt) {
			return wrote
		}
		now, err := t.worded(ctx, op, ref)
		if err != nil {
			return fmt.Errorf("whether an edit was written over is not known: %w", err)
		}
		since := slices.DeleteFunc(slices.Clone(now), func(w wording) bool {
			return slices.ContainsFunc(past, func(p wording) bool { return p.id == w.id })
		})
		n, ok := t.ours(since, text, me)
		switch {
		case !ok && wrote != nil:
			return wrote
		case !ok:
			return errNotSeen
		case n == 0:
			return nil
		case n < len(since)-1:
			return errEditOver
		}
		edit := since[n-1].text
		text, past = t.putBack(edit, name, shelf), now
	}
	return errCrowded
}

// ours is the one of some changes that our write of a text made.
func (t *Tracker) ours(since []wording, text any, me user) (int, bool) {
	var own, alike []int
	for n, w := range since {
		if w.by != me.id() {
			continue
		}
		own = append(own, n)
		// The Cloud's changelog words a document otherwise than it was written.
		if s, plain := text.(string); plain && w.text == lines(s) {
			alike = append(alike, n)
		}
	}
	switch {
	case len(own) == 1:
		return own[0], true
	case len(alike) == 1:
		return alike[0], true
	}
	return -1, false // somebody else uses the account
}

// putBack is an edit as the changelog has it, led to the file.
func (t *Tracker) putBack(edit, name string, shelf []filed) any {
	raw, err := json.Marshal(edit)
	if err != nil || edit == "" {
		return nil
	}
	md := richtext.WikiToMarkdown(edit)
	if t.api.cloud {
		return t.shown(md, shelf)
	}
	if md, err = t.api.toMarkdown(raw); err != nil || !waits(md, name, shelf) {
		return edit
	}
	return t.shown(md, shelf)
}

// repointComments leads our account's comments to a file, each as soon as it is read: a
// comment has no history that could tell of an edit in between.
func (t *Tracker) repointComments(ctx context.Context, op string, ref event.Ref, name string) error {
	i, err := t.issue(ctx, op, ref, only("created", "updated", "project", "attachment"))
	if err != nil {
		return err
	}
	shelf, err := t.shelf(ctx, i)
	if err != nil {
		return err
	}
	me, err := t.account(ctx)
	if err != nil {
		return err
	}
	done := map[string]bool{}
	for {
		all, err := t.api.comments(ctx, op, i.ID)
		if err != nil {
			return err
		}
		n := slices.IndexFunc(all, func(c comment) bool {
			md, err := t.api.toMarkdown(c.Body)
			return err == nil && c.Author.event().ID == me.id() && !done[c.ID] && waits(md, name, shelf)
		})
		if n < 0 {
			return nil
		}
		done[all[n].ID] = true
		if err := t.repointComment(ctx, op, i, &all[n], me, shelf); err != nil {
			return err
		}
	}
}

func (t *Tracker) repointComment(ctx context.Context, op string, i *issue, c *comment, me user, shelf []filed) error {
	one := []comment{*c}
	if err := t.addProperties(ctx, op, one, me); err != nil {
		return err
	}
	said, err := t.comment(&one[0], me)
	if err != nil {
		return err
	}
	step := event.Step{Marker: said.Marker, Comment: &event.CommentWrite{
		ID: said.ID, Body: t.point(t.api.refer(said.Body, shelf), shelf), Internal: said.Internal,
	}}
	body, err := t.commentBody(op, i, step)
	if err != nil {
		return err
	}
	return t.api.editComment(ctx, i.ID, said.ID, body)
}
