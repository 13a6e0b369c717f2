package githubdouble

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (d *Double) listIssues(c *call) {
	if d.noIssues {
		c.fail(http.StatusNotFound, "Not Found")
		return
	}
	q := c.r.URL.Query()
	since, _ := time.Parse(time.RFC3339, q.Get("since"))
	var rows []*issue
	for _, i := range d.issues {
		if i.there() && !i.unshown && !i.updated.Before(since) && d.matches(i, q) {
			rows = append(rows, i)
		}
	}
	by := func(i *issue) time.Time { return i.created }
	if q.Get("sort") == "updated" {
		by = func(i *issue) time.Time { return i.updated }
	}
	order := func(a, b *issue) int { return cmp.Or(by(a).Compare(by(b)), cmp.Compare(b.number, a.number)) }
	if q.Get("sort") != "updated" {
		order = func(a, b *issue) int { return cmp.Compare(a.number, b.number) }
	}
	if q.Get("direction") != "asc" {
		up := order
		order = func(a, b *issue) int { return -up(a, b) }
	}
	slices.SortFunc(rows, order)
	out := []any{}
	for _, i := range rows {
		out = append(out, d.issue(c, i))
	}
	d.page(c, "/issues", out, func(n int) string {
		return strconv.FormatInt(rows[n].number, 10) + " " + rows[n].updated.Format(time.RFC3339)
	}, func(cursor string) int {
		number, at, _ := strings.Cut(cursor, " ")
		n, _ := strconv.ParseInt(number, 10, 64)
		updated, _ := time.Parse(time.RFC3339, at)
		mark := &issue{number: n, updated: updated}
		k, found := slices.BinarySearchFunc(rows, mark, order)
		if found {
			k++
		}
		return k
	})
}

func (d *Double) matches(i *issue, q url.Values) bool {
	state := cmp.Or(q.Get("state"), "open")
	if state != "all" && state != i.state {
		return false
	}
	if who := q.Get("creator"); who != "" && (i.user == nil || !strings.EqualFold(i.user.Login, who)) {
		return false
	}
	if who := q.Get("assignee"); who != "" && who != "*" && !slices.ContainsFunc(i.assignees, func(a *Account) bool { return strings.EqualFold(a.Login, who) }) {
		return false
	}
	if kind := q.Get("type"); kind != "" && kind != i.kind {
		return false
	}
	if all := q.Get("labels"); all != "" {
		for name := range strings.SplitSeq(all, ",") {
			if !slices.ContainsFunc(i.labels, func(s string) bool { return strings.EqualFold(s, name) }) {
				return false
			}
		}
	}
	return true
}

// page answers one page, with the Link header. place names a row for a cursor, and
// behind finds the first row after one; both are nil where there are no cursors.
func (d *Double) page(c *call, path string, rows []any, place func(int) string, behind func(string) int) {
	size := min(c.number("per_page", 30), 100)
	page := c.number("page", 1)
	from := (page - 1) * size
	after := c.r.URL.Query().Get("after")
	switch {
	case after != "" && behind != nil:
		raw, err := base64.StdEncoding.DecodeString(after)
		if err != nil {
			c.fail(http.StatusUnprocessableEntity, "Invalid cursor")
			return
		}
		from = behind(string(raw))
	case behind != nil && d.opt.Deep > 0 && page*size > d.opt.Deep:
		c.fail(http.StatusUnprocessableEntity,
			"Pagination with the page parameter is not supported for large datasets, please use cursor based pagination (after/before)")
		return
	}
	from = min(from, len(rows))
	to := min(from+size, len(rows))
	link := func(n int, rel, after string) string {
		// What was asked for stays as it was, the place comes last.
		var q []string
		for part := range strings.SplitSeq(c.r.URL.RawQuery, "&") {
			if name, _, _ := strings.Cut(part, "="); part != "" && name != "page" && name != "after" {
				q = append(q, part)
			}
		}
		if after != "" {
			q = append(q, "after="+url.QueryEscape(after))
		}
		q = append(q, "page="+strconv.Itoa(n))
		return fmt.Sprintf("<%s/repositories/%d%s?%s>; rel=%q", c.root(), repositoryID, path, strings.Join(q, "&"), rel)
	}
	var links []string
	if page > 1 {
		links = append(links, link(page-1, "prev", ""))
	}
	if to < len(rows) {
		cursor := ""
		if place != nil && d.opt.Deep > 0 {
			cursor = base64.StdEncoding.EncodeToString([]byte(place(to - 1)))
		}
		links = append(links, link(page+1, "next", cursor), link((len(rows)+size-1)/size, "last", ""))
	}
	if len(links) > 0 {
		c.w.Header().Set("Link", strings.Join(links, ", "))
	}
	c.answer(http.StatusOK, slices.Clip(rows[from:to]))
}
