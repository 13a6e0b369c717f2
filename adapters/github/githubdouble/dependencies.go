package githubdouble

import (
	"net/http"
	"slices"
	"strconv"
)

// BlockFromElsewhere makes an issue blocked by one of another repository.
func (d *Double) BlockFromElsewhere(number, by int64) {
	d.take(number, func(i *issue) {
		d.nextID += 3
		i.blockedBy = append(i.blockedBy, &issue{
			id: d.nextID, number: by, title: "of another repository", user: i.user, state: "open", created: i.created, updated: i.updated, elsewhere: true,
		})
	})
}

// dependencies counts those of an issue: of open issues, and of all.
func (d *Double) dependencies(i *issue) map[string]any {
	open := func(all []*issue) int {
		n := 0
		for _, other := range all {
			if other.state == "open" {
				n++
			}
		}
		return n
	}
	by, others := d.blockers(i), d.blocked(i)
	return map[string]any{"blocked_by": open(by), "blocking": open(others), "total_blocked_by": len(by), "total_blocking": len(others)}
}

func (d *Double) blockers(i *issue) []*issue {
	return slices.DeleteFunc(slices.Clone(i.blockedBy), func(other *issue) bool { return !other.there() })
}

func (d *Double) blocked(i *issue) []*issue {
	return slices.DeleteFunc(slices.Clone(d.issues), func(other *issue) bool {
		return !other.there() || !slices.Contains(other.blockedBy, i)
	})
}

func (d *Double) listBlockers(c *call) { d.listDependencies(c, "blocked_by", d.blockers) }

func (d *Double) listBlocked(c *call) { d.listDependencies(c, "blocking", d.blocked) }

func (d *Double) listDependencies(c *call, what string, of func(*issue) []*issue) {
	i := d.find(c)
	if i == nil {
		return
	}
	if d.opt.NoDependencies {
		c.fail(http.StatusNotFound, "Not Found")
		return
	}
	out := []any{}
	for _, other := range of(i) {
		out = append(out, d.issue(c, other))
	}
	d.page(c, "/issues/"+strconv.FormatInt(i.number, 10)+"/dependencies/"+what, out, nil, nil)
}

func (d *Double) addBlocker(c *call) {
	i := d.sets(c)
	var in struct {
		ID int64 `json:"issue_id"`
	}
	if i == nil || !c.body(&in) {
		return
	}
	other := d.byID(in.ID)
	switch {
	case other == nil:
		c.fail(http.StatusNotFound, "Not Found")
	case other == i || slices.Contains(i.blockedBy, other):
		c.fail(http.StatusUnprocessableEntity, "An error occurred while adding the dependency to the issue.")
	default:
		i.blockedBy = append(i.blockedBy, other)
		d.log(c, i, "blocked_by_added", nil)
		d.log(c, other, "blocking_added", nil)
		c.answer(http.StatusCreated, d.issue(c, i))
	}
}

func (d *Double) removeBlocker(c *call) {
	i := d.sets(c)
	if i == nil {
		return
	}
	id, _ := strconv.ParseInt(c.r.PathValue("issue"), 10, 64)
	other := d.byID(id)
	n := slices.Index(i.blockedBy, other)
	if other == nil || n < 0 {
		c.fail(http.StatusNotFound, "Not Found")
		return
	}
	i.blockedBy = slices.Delete(i.blockedBy, n, n+1)
	d.log(c, i, "blocked_by_removed", nil)
	d.log(c, other, "blocking_removed", nil)
	c.answer(http.StatusOK, d.issue(c, i))
}
