package jiradouble

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

type comment struct {
	id               int64
	author           *Account
	body             any
	created, updated time.Time
	visibility       any
	props            map[string]any
}

type saying struct {
	Body       any `json:"body"`
	Visibility any `json:"visibility"`
	Properties []struct {
		Key   string          `json:"key"`
		Value json.RawMessage `json:"value"`
	} `json:"properties"`
}

func (d *Double) said(c *call) (*saying, bool) {
	var s saying
	if !c.body(&s) {
		return nil, false
	}
	if d.opt.Cloud {
		if err := isDocument(s.Body); err != nil {
			c.failField("comment", err.Error())
			return nil, false
		}
	} else if text, ok := s.Body.(string); !ok || text == "" {
		c.failField("comment", "Comment body can not be empty!")
		return nil, false
	}
	return &s, true
}

func (s *saying) to(x *comment) {
	x.body, x.visibility = s.Body, s.Visibility
	for _, p := range s.Properties {
		var v any
		_ = json.Unmarshal(p.Value, &v)
		x.props[p.Key] = v
	}
}

func (d *Double) comment(i *issue, x *comment, properties bool) map[string]any {
	out := map[string]any{
		"id": strconv.FormatInt(x.id, 10), "author": d.user(x.author), "updateAuthor": d.user(x.author), "body": x.body,
		"created": d.time(x.created), "updated": d.time(x.updated),
		"self": d.self("issue/" + strconv.FormatInt(i.id, 10) + "/comment/" + strconv.FormatInt(x.id, 10)),
	}
	if x.visibility != nil {
		out["visibility"] = x.visibility
	}
	if d.opt.Cloud {
		out["jsdPublic"] = !d.opt.Service || !hidden(x)
	}
	if properties {
		all := []any{}
		for k, v := range x.props {
			all = append(all, map[string]any{"key": k, "value": v})
		}
		out["properties"] = all
	}
	return out
}

func hidden(x *comment) bool {
	m, _ := x.props["sd.public.comment"].(map[string]any)
	return m["internal"] == true
}

func (d *Double) addComment(c *call) {
	s, ok := d.said(c)
	if !ok {
		return
	}
	d.with(c, func(i *issue) {
		d.nextID++
		x := &comment{id: d.nextID, author: c.me, created: d.now().Truncate(time.Millisecond), props: map[string]any{}}
		x.updated = x.created
		s.to(x)
		i.comments = append(i.comments, x)
		d.touch(i)
		c.answer(http.StatusCreated, d.comment(i, x, false))
	})
}

func (d *Double) editComment(c *call) {
	s, ok := d.said(c)
	if !ok {
		return
	}
	d.with(c, func(i *issue) {
		n := slices.IndexFunc(i.comments, func(x *comment) bool { return strconv.FormatInt(x.id, 10) == c.r.PathValue("comment") })
		switch {
		case n < 0:
			c.fail(http.StatusNotFound, "Can not find a comment for the id.")
			return
		case i.comments[n].author != c.me:
			c.fail(http.StatusBadRequest, "You do not have the permission to edit this comment.")
			return
		}
		s.to(i.comments[n])
		i.comments[n].updated = d.now().Truncate(time.Millisecond)
		d.touch(i)
		c.answer(http.StatusOK, d.comment(i, i.comments[n], false))
	})
}

func (d *Double) readComment(c *call) {
	d.with(c, func(i *issue) {
		for _, x := range i.comments {
			if "comment/"+strconv.FormatInt(x.id, 10) == c.r.PathValue("rest") {
				c.answer(http.StatusOK, d.comment(i, x, false))
				return
			}
		}
		c.fail(http.StatusNotFound, "Can not find a comment for the id.")
	})
}

func (d *Double) listComments(c *call) {
	d.with(c, func(i *issue) {
		at := min(c.number("startAt", 0), len(i.comments))
		end := min(at+min(c.number("maxResults", 50), 100), len(i.comments))
		// The Cloud shows properties by another call only.
		properties := !d.opt.Cloud && slices.Contains(split(c.r.URL.Query()["expand"]), "properties")
		all := []any{}
		for _, x := range i.comments[at:end] {
			all = append(all, d.comment(i, x, properties))
		}
		c.answer(http.StatusOK, map[string]any{"startAt": at, "maxResults": 100, "total": len(i.comments), "comments": all})
	})
}

// commentBy is a comment anywhere; mu is held.
func (d *Double) commentBy(c *call, id string) (*issue, *comment) {
	if c.me == nil {
		return nil, nil
	}
	for _, i := range d.issues {
		for _, x := range i.comments {
			if !i.gone && strconv.FormatInt(x.id, 10) == id {
				return i, x
			}
		}
	}
	return nil, nil
}

func (d *Double) commentsByID(c *call) {
	var body struct {
		IDs []int64 `json:"ids"`
	}
	if !c.body(&body) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	all := []any{}
	for _, id := range body.IDs {
		if i, x := d.commentBy(c, strconv.FormatInt(id, 10)); x != nil {
			all = append(all, d.comment(i, x, slices.Contains(split(c.r.URL.Query()["expand"]), "properties")))
		}
	}
	c.answer(http.StatusOK, map[string]any{"startAt": 0, "maxResults": 1000, "total": len(all), "isLast": true, "values": all})
}

func (d *Double) commentProperty(c *call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, x := d.commentBy(c, c.r.PathValue("comment"))
	if x == nil || x.props[c.r.PathValue("key")] == nil {
		c.fail(http.StatusNotFound, "The property does not exist.")
		return
	}
	key := c.r.PathValue("key")
	c.answer(http.StatusOK, map[string]any{"key": key, "value": x.props[key]})
}
