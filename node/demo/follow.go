package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"parley/node/admin"
)

// followEvery is how often files and nodes are looked at.
const followEvery = time.Second

// follow hands edited filters and configurations to their node, and tells when
// something waits for a person; until ctx ends.
func (d *demo) follow(ctx context.Context) {
	parked := map[*company]int{}
	for {
		for _, c := range d.companies {
			if name := c.edited(); name != "" {
				err := c.admin.Reload(ctx)
				if ctx.Err() == nil {
					d.say.reloaded(c, name, err)
				}
			}
			if con, err := c.connection(ctx); err == nil && con != nil {
				d.say.parked(c, con, parked[c])
				parked[c] = con.Parked
			}
		}
		if !pause(ctx, followEvery) {
			return
		}
	}
}

// edited names a file of the company's that changed since the last call; "" is
// none.
func (c *company) edited() string {
	found := ""
	for _, name := range []string{c.filter("out"), c.filter("in"), c.config()} {
		state := "gone"
		if info, err := os.Stat(name); err == nil {
			state = fmt.Sprint(info.Size(), info.ModTime().UnixNano())
		}
		if c.files[name] != state {
			c.files[name], found = state, name
		}
	}
	return found
}

func (p *printer) reloaded(c *company, name string, err error) {
	file := filepath.Join(c.id, filepath.Base(name))
	if err != nil {
		p.line("%s  %s", p.stamp(time.Now()), p.paint(yellow, fmt.Sprintf("%s: %s's node keeps the old one:", file, c.name)))
		p.line("%s", lines(err.Error()))
		return
	}
	p.line("%s  %s", p.stamp(time.Now()), p.paint(dim, fmt.Sprintf("%s: %s's node has taken it", file, c.name)))
}

func (p *printer) parked(c *company, con *admin.Connection, before int) {
	if con.Parked > before {
		p.line("%s  %s", p.stamp(time.Now()), p.paint(yellow, fmt.Sprintf("%s: %d waiting for a person; why: parley --config %s queue list", c.name, con.Parked, c.config())))
	}
}
