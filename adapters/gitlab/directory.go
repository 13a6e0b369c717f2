package gitlab

import (
	"context"
	"net/url"
	"slices"
	"strconv"

	"parley/adapters/internal/recall"
)

// directory knows the project's names, and the sizes of its files. All of it can be
// asked for again: nothing is lost with it.
type directory struct {
	api    client
	memory recall.Memory
}

func newDirectory(api client) *directory { return &directory{api: api} }

func (d *directory) project(ctx context.Context) (project, error) {
	return recall.Of(&d.memory, "project", func() (project, error) { return d.api.project(ctx) })
}

// milestones are all that issues can have: those of the groups above too.
func (d *directory) milestones(ctx context.Context) ([]milestone, error) {
	return recall.Of(&d.memory, "milestones", func() ([]milestone, error) {
		l := list[milestone]{
			op: "list milestones", path: "milestones", query: url.Values{"include_ancestors": {"true"}},
			key:   func(m *milestone) string { return strconv.FormatInt(m.ID, 10) },
			sound: func(m *milestone) bool { return m.ID > 0 && m.Title != "" },
		}
		all, err := l.read(ctx, d.api)
		return all, d.api.listError(ctx, err, l.op)
	})
}

func (d *directory) milestone(ctx context.Context, title string) (*milestone, error) {
	all, err := d.milestones(ctx)
	if err != nil {
		return nil, err
	}
	n := slices.IndexFunc(all, func(m milestone) bool { return m.Title == title })
	if n < 0 {
		return nil, nil
	}
	return &all[n], nil
}

// size of a file, which never changes.
func (d *directory) size(ctx context.Context, project int64, secret, file string) (int64, error) {
	return recall.Of(&d.memory, sizeKey(secret, file), func() (int64, error) { return d.api.size(ctx, project, secret, file) })
}

// forget makes a file be measured again.
func (d *directory) forget(secret, file string) {
	d.memory.Forget(sizeKey(secret, file))
}

func sizeKey(secret, file string) string { return "size " + secret + "/" + file }
