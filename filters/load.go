package filters

import (
	"time"

	"parley/sync/event"
)

// sideOf returns the fields of a side; nil while there is no such side.
func (r *run) sideOf(side string) event.Fields {
	switch {
	case side == "issue" && r.issue != nil:
		return r.issue.Fields
	case side == "replica":
		return r.replica.Fields
	case side == "previous" && r.previous != nil:
		return r.previous.Fields
	}
	return nil
}

func fieldLoader(side, key string, typ event.Type) func(*run) (any, error) {
	return func(r *run) (any, error) {
		if side == "issue" && r.issue != nil {
			switch key {
			case event.FieldKey:
				return orNil(r.issue.Key), nil
			case event.FieldURL:
				return orNil(r.issue.URL), nil
			}
		}
		v, err := inward(r.sideOf(side)[key], typ)
		if side != "issue" {
			v = theirs(v)
		}
		return v, err
	}
}

// theirs marks what means nothing at our tracker.
func theirs(v any) any {
	switch v := v.(type) {
	case person:
		v.theirs = true
		return v
	case []any:
		for i := range v {
			// A list of links was made for this run: nobody else sees it.
			if l, ok := v[i].(link); ok {
				l.theirs = true
				v[i] = l
			}
		}
	}
	return v
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// commentLoader splits our comments: public and written here, internal and
// written here, those of other connections. What the peer itself wrote is in
// none of them, so that it never goes back.
func commentLoader(side, which string) func(*run) (any, error) {
	return func(r *run) (any, error) {
		switch side {
		case "issue":
			if r.issue == nil {
				return nil, nil
			}
			return r.comments(r.issue.Comments, func(c *Comment) bool {
				switch which {
				case collectionNotes:
					return c.From == "" && c.Internal
				case collectionForeign:
					return c.From != "" && c.From != r.info.Connection.Name
				}
				return c.From == "" && !c.Internal
			})
		case "previous":
			if r.previous == nil || !r.previous.CommentsSent {
				return nil, nil
			}
			return r.comments(r.previous.Comments, nil)
		}
		return r.comments(r.replica.Comments, nil)
	}
}

func (r *run) comments(in []Comment, keep func(*Comment) bool) (any, error) {
	if err := r.list(len(in)); err != nil {
		return nil, err
	}
	items := make([]item, 0, len(in))
	out := make([]any, 0, len(in))
	for i := range in {
		if keep == nil || keep(&in[i]) {
			items = append(items, item{comment: &in[i]})
			out = append(out, &items[len(items)-1])
		}
	}
	return out, nil
}

// attachmentLoader gives all files but those that came from the peer itself.
func attachmentLoader(side string) func(*run) (any, error) {
	return func(r *run) (any, error) {
		var in []Attachment
		switch {
		case side == "issue" && r.issue != nil:
			in = r.issue.Attachments
		case side == "previous" && r.previous != nil && r.previous.AttachmentsSent:
			in = r.previous.Attachments
		case side == "replica":
			in = r.replica.Attachments
		default:
			return nil, nil
		}
		if err := r.list(len(in)); err != nil {
			return nil, err
		}
		items := make([]item, 0, len(in))
		out := make([]any, 0, len(in))
		for i := range in {
			if side == "issue" && in[i].From != "" && in[i].From == r.info.Connection.Name {
				continue
			}
			items = append(items, item{attachment: &in[i]})
			out = append(out, &items[len(items)-1])
		}
		return out, nil
	}
}

func loadConnection(r *run) (any, error) {
	tags := make([]any, len(r.info.Connection.Tags))
	for i, t := range r.info.Connection.Tags {
		tags[i] = t
	}
	return map[string]any{"name": r.info.Connection.Name, "peer": r.info.Connection.Peer, "tags": tags}, nil
}

func loadTwin(r *run) (any, error) {
	if r.info.Twin == nil {
		return nil, nil
	}
	return map[string]any{"key": orNil(r.info.Twin.Key), "url": orNil(r.info.Twin.URL), "since": timeOrNil(r.info.Twin.Since)}, nil
}

func loadEvent(r *run) (any, error) {
	kinds := make([]any, len(r.info.Event.Kinds))
	for i, k := range r.info.Event.Kinds {
		kinds[i] = k
	}
	var by any
	if r.info.Event.By != nil {
		by = personOf(*r.info.Event.By)
	}
	return map[string]any{"at": timeOrNil(r.info.Event.At.Round(time.Second)), "by": by, "kinds": kinds}, nil
}
