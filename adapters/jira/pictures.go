package jira

import (
	"context"
	"maps"
	"net/url"
	"regexp"
	"slices"

	"parley/adapters/richtext"
	"parley/sync/event"
)

// Between trackers a text refers to a file of its ticket by name. Wiki text does too, by the
// name that the file has in Jira, which holds our marker. An Atlassian document can point at
// what the media service has, which this API does not tell, or at an address: that of the
// file, as a picture where it stands alone, else as a link.

var (
	// contentPath and filePath are the addresses of a file's bytes: of a picture and of a link.
	contentPath = regexp.MustCompile(`/rest/api/3/attachment/content/([0-9]+)$`)
	filePath    = regexp.MustCompile(`/secure/(?:attachment|thumbnail)/([0-9]+)/[^/]*$`)
	// pictureLink is a picture that stands in a line, which a document can only link to.
	pictureLink = regexp.MustCompile(`(^|[^!\\])(\[(?:[^\[\]\\\n]|\\.)*\]\([^()\s]*/rest/api/3/attachment/content/[0-9]+\))`)
)

// filed is a file of an issue: its name in Jira, and the one that it was given.
type filed struct{ id, raw, name string }

// shelf are the files of an issue, oldest first.
func (t *Tracker) shelf(ctx context.Context, i *issue) ([]filed, error) {
	me, err := t.account(ctx)
	if err != nil {
		return nil, err
	}
	all, err := files(i, me)
	if err != nil {
		return nil, err
	}
	var raw []attachment
	if err := i.field("attachment", &raw); err != nil {
		return nil, err
	}
	out := make([]filed, 0, len(all))
	for _, f := range all {
		n := slices.IndexFunc(raw, func(a attachment) bool { return a.ID.String() == f.ID })
		out = append(out, filed{f.ID, raw[n].Name, f.Name})
	}
	return out, nil
}

// refer makes references of what a text shows of the issue's files.
func (c client) refer(md string, shelf []filed) string {
	if len(shelf) == 0 {
		return md
	}
	if c.cloud {
		md = pictureLink.ReplaceAllString(md, "$1!$2")
	}
	return richtext.ReferAttachments(md, func(address string) (string, bool) {
		raw, named := richtext.AttachmentName(address)
		id := contentPath.FindStringSubmatch(address)
		if id == nil {
			id = filePath.FindStringSubmatch(address)
		}
		for _, f := range shelf {
			if named && f.raw == raw || id != nil && f.id == id[1] {
				return f.name, true
			}
		}
		return "", false
	})
}

// point leads references to the issue's files, the newest of each name.
func (t *Tracker) point(md string, shelf []filed) string {
	return richtext.PointAttachments(md, func(name string, picture bool) (string, bool) {
		for _, f := range slices.Backward(shelf) {
			switch {
			case f.name != name:
			case !t.api.cloud:
				return richtext.AttachmentURL(f.raw), true
			case picture:
				return t.web.JoinPath("rest/api/3/attachment/content", f.id).String(), true
			default:
				return t.web.JoinPath("secure/attachment", f.id, url.PathEscape(f.raw)).String(), true
			}
		}
		return "", false
	})
}

// pointed is a step whose texts show the issue's files.
func (t *Tracker) pointed(ctx context.Context, i *issue, step event.Step) (event.Step, error) {
	description, _ := step.Fields[event.FieldDescription].(string)
	said := ""
	if step.Comment != nil {
		said = step.Comment.Body
	}
	if len(richtext.Attachments(description))+len(richtext.Attachments(said)) == 0 {
		return step, nil
	}
	shelf, err := t.shelf(ctx, i)
	if err != nil {
		return step, err
	}
	if description != "" {
		step.Fields = maps.Clone(step.Fields)
		step.Fields[event.FieldDescription] = t.point(description, shelf)
	}
	if step.Comment != nil {
		c := *step.Comment
		c.Body = t.point(said, shelf)
		step.Comment = &c
	}
	return step, nil
}

// referTicket makes references in the texts of a ticket.
func (t *Tracker) referTicket(ticket *event.Ticket, shelf []filed) {
	if s, ok := ticket.Fields[event.FieldDescription].(string); ok {
		ticket.Fields[event.FieldDescription] = t.api.refer(s, shelf)
	}
	for n := range ticket.Comments {
		ticket.Comments[n].Body = t.api.refer(ticket.Comments[n].Body, shelf)
	}
}
