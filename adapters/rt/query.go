package rt

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// quote makes a TicketSQL literal.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// sqlTime writes a time for a query, a date or a date custom field. RT reads
// it in the account's zone, and T…Z as a date without a time.
func sqlTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// inQueues limits a query to our queues.
func (t *Tracker) inQueues(query string) string {
	var terms []string
	for _, q := range t.set.queues {
		terms = append(terms, "Queue = "+quote(q))
	}
	return both(strings.Join(terms, " OR "), query)
}

// both joins two conditions; an empty one does not limit.
func both(a, b string) string {
	switch {
	case strings.TrimSpace(a) == "":
		return b
	case strings.TrimSpace(b) == "":
		return a
	}
	return "( " + a + " ) AND ( " + b + " )"
}

// rows is what every list of tickets asks for.
func rows(query string, limit int, order ...string) url.Values {
	v := url.Values{
		"query":    {query},
		"fields":   {"Created,LastUpdated,Status"},
		"per_page": {strconv.Itoa(min(limit, pageSize))},
	}
	for _, column := range order {
		name, down := strings.CutPrefix(column, "-")
		v.Add("orderby", name)
		if down {
			v.Add("order", "DESC")
		} else {
			v.Add("order", "ASC")
		}
	}
	return v
}
