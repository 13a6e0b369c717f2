package jiradouble

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

type asked struct {
	JQL        string   `json:"jql"`
	Fields     []string `json:"fields"`
	Properties []string `json:"properties"`
	Max        int      `json:"maxResults"`
	Start      int      `json:"startAt"`
	Token      string   `json:"nextPageToken"`
}

// row is an issue as the index has it.
type row struct {
	i *issue
	s *snapshot
}

// indexed are the rows that a query finds, in its order; mu is held.
func (d *Double) indexed(c *call, jql string) ([]row, error) {
	q, err := parse(jql)
	if err != nil {
		return nil, err
	}
	if q.where == nil {
		return nil, fmt.Errorf("Unbounded JQL queries are not allowed here. Please add a search restriction to your query.") //nolint:staticcheck,revive // Jira's words
	}
	var out []row
	if c.me == nil {
		return out, nil
	}
	shows := d.now().Add(-d.opt.Lag)
	env := &env{d: d, me: c.me}
	for _, i := range d.issues {
		n := len(i.index) - 1
		for n >= 0 && i.index[n].at.Add(i.late).After(shows) {
			n--
		}
		if n < 0 || i.index[n].gone {
			continue
		}
		env.row = row{i, &i.index[n]}
		ok, err := q.where.holds(env)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, env.row)
		}
	}
	// An empty index tells the same of a wrong query.
	if len(d.issues) == 0 {
		env.row = row{&issue{fields: d.blank(c.me)}, &snapshot{fields: d.blank(c.me)}}
		if _, err := q.where.holds(env); err != nil {
			return nil, err
		}
	}
	q.sort(out)
	return out, nil
}

func (q *query) sort(rows []row) {
	slices.SortFunc(rows, func(a, b row) int {
		for _, o := range q.order {
			var n int
			switch o.field {
			case "created":
				n = a.s.created.Compare(b.s.created)
			case "updated":
				n = a.s.updated.Compare(b.s.updated)
			default:
				n = cmp.Compare(a.i.number, b.i.number)
			}
			if o.down {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return cmp.Compare(b.i.id, a.i.id)
	})
}

func (d *Double) rowShown(r row, a *asked) map[string]any {
	out := d.shown(r.i, r.s.fields, r.s.created, r.s.updated, a.Fields)
	if len(a.Properties) > 0 {
		out["properties"] = r.i.chosen(a.Properties)
	}
	return out
}

// searchCloud pages by a token that holds the last row: rows that move are not
// left out, but may come again.
func (d *Double) searchCloud(c *call) {
	if d.opt.BeforeSearch != nil {
		d.opt.BeforeSearch()
	}
	var a asked
	if !c.body(&a) {
		return
	}
	if len(a.Properties) > 5 {
		c.fail(http.StatusBadRequest, "At most 5 properties can be requested.")
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	rows, err := d.indexed(c, a.JQL)
	if err != nil {
		c.fail(http.StatusBadRequest, err.Error())
		return
	}
	start := 0
	if a.Token != "" {
		raw, err := base64.StdEncoding.DecodeString(a.Token)
		created, id, ok := strings.Cut(string(raw), " ")
		if err != nil || !ok {
			c.fail(http.StatusBadRequest, "The nextPageToken is invalid.")
			return
		}
		start = after(rows, created, id)
	}
	size := a.Max
	if size <= 0 {
		size = 50
	}
	end := min(start+min(size, 100), len(rows))
	all := []any{}
	for _, r := range rows[start:end] {
		all = append(all, d.rowShown(r, &a))
	}
	out := map[string]any{"issues": all, "isLast": end == len(rows)}
	if end < len(rows) {
		last := rows[end-1]
		out["nextPageToken"] = base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(end) + " " + strconv.FormatInt(last.i.id, 10)))
	}
	c.answer(http.StatusOK, out)
}

// after is where the rows go on behind the last one shown; if that moved, at its
// old place less one.
func after(rows []row, place, id string) int {
	n, _ := strconv.Atoi(place)
	for k := min(n, len(rows)) - 1; k >= 0; k-- {
		if strconv.FormatInt(rows[k].i.id, 10) == id {
			return k + 1
		}
	}
	return max(min(n, len(rows))-1, 0)
}

// searchDC pages by number: rows that move shift those behind them.
func (d *Double) searchDC(c *call) {
	if d.opt.BeforeSearch != nil {
		d.opt.BeforeSearch()
	}
	q := c.r.URL.Query()
	a := asked{JQL: q.Get("jql"), Fields: split(q["fields"]), Start: c.number("startAt", 0), Max: c.number("maxResults", 0)}
	if c.r.Method == http.MethodPost && !c.body(&a) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	rows, err := d.indexed(c, a.JQL)
	if err != nil {
		c.fail(http.StatusBadRequest, err.Error())
		return
	}
	size := a.Max
	if size <= 0 {
		size = 50
	}
	start := min(max(a.Start, 0), len(rows))
	end := min(start+min(size, 1000), len(rows))
	all := []any{}
	for _, r := range rows[start:end] {
		all = append(all, d.rowShown(r, &a))
	}
	c.answer(http.StatusOK, map[string]any{"startAt": start, "maxResults": size, "total": len(rows), "issues": all})
}

// instant reads a time of JQL: to the minute, text in the account's zone.
func (d *Double) instant(s string) (time.Time, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.UnixMilli(n).Truncate(time.Minute), nil
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006/01/02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, d.opt.Zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("Date value '%s' for field is invalid.", s) //nolint:staticcheck,revive // Jira's words
}
