package zendesk

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"parley/adapters/richtext"
	"parley/sync/event"
)

// Between trackers a text refers to a file of its ticket by name. In Zendesk it has the address
// of the file, which may be carried by any comment of the ticket. Nobody can change a comment,
// so a text that comes before its file keeps the words of the reference.

// tokenPath is the part of a file's address that is its own, whichever host it is asked of.
var tokenPath = regexp.MustCompile(`/attachments/token/([A-Za-z0-9_-]+)(?:/|\?|$)`)

// addressable is an address as Markdown takes it.
var addressable = strings.NewReplacer(" ", "%20", "(", "%28", ")", "%29", "<", "%3C", ">", "%3E", `\`, "%5C")

func (f *file) is(address string) bool {
	if f.URL == address {
		return true
	}
	own, other := tokenPath.FindStringSubmatch(f.URL), tokenPath.FindStringSubmatch(address)
	return own != nil && other != nil && own[1] == other[1]
}

// filesOf are those that comments carry, oldest first; those of internal notes only for who may
// read internal notes.
func filesOf(all []comment, internal bool) []file {
	var out []file
	for n := range all {
		if internal || !all[n].internal() {
			out = append(out, all[n].Files...)
		}
	}
	return out
}

// refer makes references of the pictures and links of a text that show files: to who reads it
// elsewhere, the copy there is shown.
func refer(md string, files []file) string {
	return richtext.ReferAttachments(md, func(address string) (string, bool) {
		for n := range files {
			if f := &files[n]; f.URL != "" && f.is(address) && !f.Deleted && f.name() != "" {
				return lines(f.name()), true
			}
		}
		return "", false
	})
}

// pointed is the text of a comment that shows the files that the ticket has, the newest of each
// name. A public comment does not lead to a file of an internal note: whoever knows its address
// may be able to fetch it.
func (t *Tracker) pointed(ctx context.Context, op string, x *ticket, c *event.CommentWrite) (string, error) {
	if len(richtext.Attachments(c.Body)) == 0 {
		return c.Body, nil
	}
	all, err := t.api.comments(ctx, op, x.key())
	if err != nil {
		return "", t.believeGone(ctx, op, err)
	}
	files := filesOf(all, c.Internal)
	return richtext.PointAttachments(c.Body, func(name string, _ bool) (string, bool) {
		for _, f := range slices.Backward(files) {
			if f.name() == name && !f.Deleted && f.URL != "" {
				return addressable.Replace(f.URL), true
			}
		}
		return "", false
	}), nil
}
