package githubdouble

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

type comment struct {
	id               int64
	body             string
	user             *Account
	created, updated time.Time
}

func (d *Double) addComment(c *call) {
	i := d.find(c)
	var in struct {
		Body string `json:"body"`
	}
	if i == nil || !c.body(&in) {
		return
	}
	switch {
	case strings.TrimSpace(in.Body) == "":
		c.invalid("IssueComment", "body", "missing_field")
		return
	case len([]rune(in.Body)) > mostText:
		c.fail(http.StatusUnprocessableEntity, "body is too long (maximum is 65536 characters)")
		return
	}
	d.nextID += 3
	said := &comment{id: d.nextID, body: in.Body, user: c.me, created: d.second(), updated: d.second()}
	i.comments = append(i.comments, said)
	i.updated = d.second()
	c.answer(http.StatusCreated, d.comment(c, i, said))
}

func (d *Double) comment(c *call, i *issue, said *comment) map[string]any {
	id := strconv.FormatInt(said.id, 10)
	return map[string]any{
		"id": said.id, "node_id": "IC_" + id, "body": said.body, "user": d.person(c, said.user), "author_association": "MEMBER",
		"created_at": stamp(said.created), "updated_at": stamp(said.updated), "url": d.base(c) + "/issues/comments/" + id,
		"html_url": fmt.Sprintf("%s#issuecomment-%s", d.web(i), id), "issue_url": d.address(c, i), "performed_via_github_app": nil,
	}
}

func (d *Double) listComments(c *call) {
	i := d.find(c)
	if i == nil {
		return
	}
	since, _ := time.Parse(time.RFC3339, c.r.URL.Query().Get("since"))
	out := []any{}
	for _, said := range i.comments {
		if !said.updated.Before(since) {
			out = append(out, d.comment(c, i, said))
		}
	}
	d.page(c, "/issues/"+strconv.FormatInt(i.number, 10)+"/comments", out, nil, nil)
}

// said is the comment that a path names.
func (d *Double) said(c *call) (*issue, *comment) {
	for _, i := range d.issues {
		for _, said := range i.comments {
			if i.there() && strconv.FormatInt(said.id, 10) == c.r.PathValue("comment") {
				return i, said
			}
		}
	}
	c.fail(http.StatusNotFound, "Not Found")
	return nil, nil
}

func (d *Double) readComment(c *call) {
	if i, said := d.said(c); said != nil {
		c.answer(http.StatusOK, d.comment(c, i, said))
	}
}

func (d *Double) editComment(c *call) {
	i, said := d.said(c)
	var in struct {
		Body string `json:"body"`
	}
	if said == nil || !c.body(&in) {
		return
	}
	switch {
	case said.user != c.me && !c.me.sets():
		c.fail(http.StatusForbidden, "Must have admin rights to Repository.")
		return
	case strings.TrimSpace(in.Body) == "":
		c.invalid("IssueComment", "body", "missing_field")
		return
	}
	said.body, said.updated = in.Body, d.second()
	i.updated = d.second()
	c.answer(http.StatusOK, d.comment(c, i, said))
}

func (d *Double) deleteComment(c *call) {
	i, said := d.said(c)
	if said == nil {
		return
	}
	i.comments = slices.DeleteFunc(i.comments, func(x *comment) bool { return x == said })
	i.updated = d.second()
	c.nothing()
}
