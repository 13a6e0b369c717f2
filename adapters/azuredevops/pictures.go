package azuredevops

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/adapters/richtext"
	"parley/sync/event"
)

// Between trackers a text refers to a file of its ticket by name; here it shows the file by
// the address of its relation. Only files that hang on the work item are meant: what an
// editor uploads for a text alone is shown where it came from.

// fileAddress is the address of an upload.
var fileAddress = regexp.MustCompile(`(?i)/_apis/wit/attachments/([0-9a-f-]{36})(?:\?[^\s]*)?$`)

// refer makes references of what a text shows of an item's files.
func refer(md string, shelf []event.Attachment) string {
	if len(shelf) == 0 {
		return richtext.ReferAttachments(md, func(string) (string, bool) { return "", false })
	}
	return richtext.ReferAttachments(md, func(address string) (string, bool) {
		m := fileAddress.FindStringSubmatch(address)
		if m == nil {
			return "", false
		}
		n := slices.IndexFunc(shelf, func(f event.Attachment) bool { return strings.EqualFold(f.ID, m[1]) })
		if n < 0 {
			return "", false
		}
		return shelf[n].Name, true
	})
}

// point leads references to an item's files, the newest of each name. What Markdown is to
// show and there is no file for stays as words.
func point(md string, i *item, format string) string {
	if i == nil || len(richtext.Attachments(md)) == 0 {
		return asWords(md, format)
	}
	shelf, err := files(i)
	if err != nil {
		return asWords(md, format)
	}
	return asWords(richtext.PointAttachments(md, func(name string, _ bool) (string, bool) {
		for _, f := range slices.Backward(shelf) {
			n := slices.IndexFunc(i.Relations, func(r relation) bool { return r.Rel == relFile && strings.EqualFold(r.last(), f.ID) })
			if f.Name == name && n >= 0 {
				bare, _, _ := strings.Cut(i.Relations[n].URL, "?")
				return bare + "?fileName=" + url.QueryEscape(name), true
			}
		}
		return "", false
	}), format)
}

func asWords(md, format string) string {
	if strings.EqualFold(format, formatMarkdown) {
		return richtext.AttachmentsAsWords(md)
	}
	return md
}

// referTicket makes references in the texts of a ticket.
func referTicket(ticket *event.Ticket) {
	if s, ok := ticket.Fields[event.FieldDescription].(string); ok {
		ticket.Fields[event.FieldDescription] = refer(s, ticket.Attachments)
	}
	for n := range ticket.Comments {
		ticket.Comments[n].Body = refer(ticket.Comments[n].Body, ticket.Attachments)
	}
}

// referEdits does the same in what was said of a description. That an address took the
// place of the words of a reference is no edit.
func referEdits(all []adapters.Edit, shelf []event.Attachment) []adapters.Edit {
	var out []adapters.Edit
	for _, e := range all {
		if before, ok := e.Old.(string); ok && e.Field == event.FieldDescription {
			e.Old = refer(before, shelf)
		}
		if after, ok := e.New.(string); ok && e.Field == event.FieldDescription {
			if e.New = refer(after, shelf); e.New == e.Old {
				continue
			}
		}
		out = append(out, e)
	}
	return out
}

// repoint leads the texts that were there before a file to it, and returns the version that
// the item has then. The file is attached by now, and the words of a reference are read as
// the reference: what fails here is shown as words.
func (t *Tracker) repoint(ctx context.Context, ref event.Ref, name, version string) string {
	op := "show a file in the texts of work item " + ref.ID
	i, err := t.item(ctx, op, ref)
	if err != nil {
		return version
	}
	shelf, err := files(i)
	if err != nil {
		return version
	}
	waits := func(raw, format string) (string, bool) {
		md := refer(toMarkdown(raw, format), nil)
		return refer(md, shelf), slices.Contains(richtext.Attachments(md), name)
	}
	me, err := t.account(ctx)
	if err != nil {
		return version
	}
	all, err := t.api.comments(ctx, op, i.text(refProject), i.key())
	if err != nil {
		return version
	}
	for n := range all {
		s := &all[n]
		if _, ok := waits(s.Text, s.Format); !ok || s.By.event().ID != me.ID {
			continue
		}
		body, m := cutComment(s.Text, s.Format)
		text := commentText(point(refer(body, shelf), i, s.Format), m, s.Format)
		_, _ = t.api.comment(ctx, op, http.MethodPatch, "{project}/_apis/wit/workItems/{id}/comments/{comment}",
			text, i.text(refProject), i.key(), strconv.FormatInt(s.number(), 10))
	}
	at, err := t.dir.description(ctx, i.text(refProject), i.text(refType))
	if err != nil {
		return version
	}
	if md, ok := waits(i.text(at), i.Formats[at]); ok {
		text := fromMarkdown(point(md, i, i.Formats[at]), i.Formats[at])
		after, err := t.api.update(ctx, op, i.key(), []operation{testRev(i.version()), {Op: "add", Path: "/fields/" + at, Value: text}})
		if err == nil {
			return after.version()
		}
	}
	return version
}
