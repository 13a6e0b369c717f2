package azuredevopsdouble

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

type comment struct {
	id, rev, version  int64
	text, format      string
	by                *Account
	created, modified time.Time
	deleted           bool
}

type file struct {
	name string
	data []byte
}

// comment adds one to an item that is being changed.
func (d *Double) comment(c *call, w *workItem, text string, at time.Time) *comment {
	made := &comment{id: d.next(), rev: w.rev, version: 1, text: clean(text), format: "html", by: c.me, created: at, modified: at}
	w.comments = append(slices.Clone(w.comments), made)
	n, _ := w.fields["System.CommentCount"].(int)
	w.fields["System.CommentCount"], w.fields["System.History"] = n+1, made.text
	d.noteTalk(w, made)
	return made
}

func (d *Double) commentBody(c *call, w *workItem, x *comment) map[string]any {
	return map[string]any{
		"workItemId": w.id, "id": x.id, "version": x.version, "text": x.text, "renderedText": x.text, "format": x.format,
		"createdBy": c.identity(x.by), "createdDate": stamp(x.created), "modifiedBy": c.identity(x.by), "modifiedDate": stamp(x.modified),
		"isDeleted": x.deleted, "url": fmt.Sprintf("%s/_apis/wit/workItems/%d/comments/%d", c.base, w.id, x.id),
	}
}

func (d *Double) listComments(c *call) {
	w := d.shown(c)
	if w == nil {
		return
	}
	after, _ := strconv.ParseInt(c.r.URL.Query().Get("continuationToken"), 10, 64)
	out := []any{}
	all := slices.DeleteFunc(slices.Clone(w.comments), func(x *comment) bool { return x.deleted })
	body := map[string]any{"totalCount": len(all)}
	slices.Reverse(all) // newest first
	for _, x := range all {
		if after != 0 && x.id >= after {
			continue
		}
		if len(out) == c.query("$top", 200) {
			body["continuationToken"] = strconv.FormatInt(after, 10)
			break
		}
		after = x.id
		out = append(out, d.commentBody(c, w, x))
	}
	body["count"], body["comments"] = len(out), out
	c.answer(http.StatusOK, body)
}

func (d *Double) text(c *call) (string, bool) {
	var in struct {
		Text string `json:"text"`
	}
	if json.NewDecoder(c.r.Body).Decode(&in) != nil || strings.TrimSpace(in.Text) == "" {
		c.fail(http.StatusBadRequest, "VS403620", "The comment text is required.")
		return "", false
	}
	return in.Text, true
}

// addComment makes a revision, too.
func (d *Double) addComment(c *call) {
	w := d.shown(c)
	if w == nil {
		return
	}
	text, ok := d.text(c)
	if !ok {
		return
	}
	before := maps.Clone(w.fields)
	w = w.clone()
	d.commit(c, w, before, text, nil)
	c.answer(http.StatusOK, d.commentBody(c, w, w.comments[len(w.comments)-1]))
}

// theirs is a comment of the caller's.
func (d *Double) theirs(c *call) (*workItem, *comment) {
	w := d.shown(c)
	if w == nil {
		return nil, nil
	}
	n := slices.IndexFunc(w.comments, func(x *comment) bool { return x.id == c.number("comment") && !x.deleted })
	switch {
	case n < 0:
		c.fail(http.StatusNotFound, "VS403618", "The comment does not exist.")
	case w.comments[n].by.ID != c.me.ID:
		c.fail(http.StatusForbidden, "VS403619", "You may change your own comments only.")
	default:
		return w, w.comments[n]
	}
	return nil, nil
}

// editComment makes no revision: only the feed of discussions tells of it.
func (d *Double) editComment(c *call) {
	w, x := d.theirs(c)
	if w == nil {
		return
	}
	if text, ok := d.text(c); ok {
		x.text, x.modified = clean(text), d.tick()
		x.version++
		d.noteTalk(w, x)
		c.answer(http.StatusOK, d.commentBody(c, w, x))
	}
}

func (d *Double) dropComment(c *call) {
	if w, x := d.theirs(c); w != nil {
		x.deleted = true
		d.noteTalk(w, x)
		c.answer(http.StatusOK, d.commentBody(c, w, x))
	}
}

// upload keeps bytes that hang on nothing yet.
func (d *Double) upload(c *call) {
	data, err := io.ReadAll(c.r.Body)
	if err != nil || c.r.Header.Get("Content-Type") != "application/octet-stream" {
		c.fail(http.StatusBadRequest, "VS403", "The attachment could not be read.")
		return
	}
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails
	id := fmt.Sprintf("%x-%x-%x-%x-%x", raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:])
	name := c.r.URL.Query().Get("fileName")
	d.files[id] = &file{name: name, data: data}
	c.answer(http.StatusCreated, map[string]any{"id": id, "url": fmt.Sprintf("%s/_apis/wit/attachments/%s?fileName=%s", c.base, id, strings.ReplaceAll(name, " ", "%20"))})
}

func (d *Double) download(c *call) {
	f := d.files[c.r.PathValue("file")]
	if f == nil {
		c.fail(http.StatusNotFound, "VS402370", "The attachment does not exist.")
		return
	}
	c.w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = c.w.Write(f.data)
}

// Files tells how many uploads there are, with or without a relation to them.
func (d *Double) Files() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.files)
}
