package zendeskdouble

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

// export is the incremental export by cursor: every ticket once, in the order of the
// time that counts all changes, without the last minute.
func (d *Double) export(c *call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.me.Role != "admin" {
		c.answer(http.StatusForbidden, map[string]any{"error": "Forbidden", "description": "You do not have access to this page. Please contact the account owner of this help desk for further help."})
		return
	}
	if d.exportLimited(c) {
		return
	}
	q := c.r.URL.Query()
	cursor := q.Get("cursor")
	var gen, id int64
	if cursor != "" {
		raw, err := base64.StdEncoding.DecodeString(cursor)
		at, number, ok := strings.Cut(strings.TrimSuffix(string(raw), "|"), ".0||")
		gen, _ = strconv.ParseInt(at, 10, 64)
		id, _ = strconv.ParseInt(number, 10, 64)
		if err != nil || !ok {
			c.answer(http.StatusBadRequest, map[string]any{"error": "InvalidPaginationParameter", "description": "cursor is not valid"})
			return
		}
	} else {
		start, err := strconv.ParseInt(q.Get("start_time"), 10, 64)
		if err != nil || start > d.now().Add(-d.opt.ExportLag).Unix() {
			c.answer(http.StatusUnprocessableEntity, map[string]any{"error": "StartTimeTooRecent", "description": "Too recent start_time. Use a start_time older than 60 seconds"})
			return
		}
		gen, id = start, 0
	}
	d.exportPage(c, gen, id, cursor)
}

func (d *Double) exportPage(c *call, gen, id int64, cursor string) {
	// A second is exported once all of it is a minute ago.
	last := d.now().Add(-d.opt.ExportLag).Unix() - 1
	var rows []*ticket
	for _, t := range d.tickets {
		g := t.generated.Unix()
		if g <= last && (g > gen || g == gen && t.id > id) {
			rows = append(rows, t)
		}
	}
	slices.SortFunc(rows, func(a, b *ticket) int {
		return cmp.Or(cmp.Compare(a.generated.Unix(), b.generated.Unix()), cmp.Compare(a.id, b.id))
	})
	size, err := strconv.Atoi(c.r.URL.Query().Get("per_page"))
	if err != nil || size < 1 {
		size = 1000
	}
	end := len(rows) <= size
	if !end {
		rows = rows[:size]
	}
	out := map[string]any{"end_of_stream": end, "after_cursor": nil, "after_url": nil, "before_cursor": nil, "before_url": nil}
	if cursor != "" {
		out["after_cursor"] = cursor
	}
	if n := len(rows); n > 0 {
		out["after_cursor"] = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%d.0||%d|", rows[n-1].generated.Unix(), rows[n-1].id))
	}
	// Within a page nothing is said of the order of one second's tickets.
	slices.SortStableFunc(rows, func(a, b *ticket) int {
		return cmp.Or(cmp.Compare(a.generated.Unix(), b.generated.Unix()), cmp.Compare(b.id, a.id))
	})
	shown := []any{}
	for _, t := range rows {
		shown = append(shown, d.json(t))
	}
	out["tickets"] = shown
	c.answer(http.StatusOK, out)
}

func (d *Double) exportLimited(c *call) bool {
	if d.opt.ExportLimit == 0 {
		return false
	}
	d.exports = slices.DeleteFunc(d.exports, func(at time.Time) bool { return d.now().Sub(at) >= time.Minute })
	if len(d.exports) >= d.opt.ExportLimit {
		c.w.Header().Set("Retry-After", "53")
		c.answer(http.StatusTooManyRequests, map[string]any{"error": "APIRateLimitExceeded", "description": "Number of allowed incremental ticket export API requests per minute exceeded"})
		return true
	}
	d.exports = append(d.exports, d.now())
	return false
}
