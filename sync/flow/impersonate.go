package flow

import (
	"slices"

	"parley/filters"
	"parley/sync/event"
)

// worded is a comment as it is to stand here, id being that of the one that stands here
// already: in the name of the person whom the script names, if the gate and the tracker let
// that be, else in ours, below the line that says whose it is.
func (in *incoming) worded(c filters.Comment, schema event.Schema, id string) *event.CommentWrite {
	out := &event.CommentWrite{ID: id, Body: c.Body, Internal: c.Internal}
	switch {
	case id != "": // no edit makes it another one's
		at := -1
		if in.ours != nil {
			at = slices.IndexFunc(in.ours.Comments, func(have event.Comment) bool { return have.ID == id })
		}
		if at >= 0 && c.As.ID != "" && in.ours.Comments[at].Author.ID == c.As.ID {
			return out
		}
	case schema.Impersonate && in.rules.Accept.MayWriteAs(c.As):
		out.As = c.As.ID
		return out
	}
	out.Body = c.Line + c.Body
	return out
}
