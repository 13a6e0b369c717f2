package gitlab

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// fresh is how long names are kept before they are asked for again.
const fresh = 5 * time.Minute

// directory knows the project's names, and the sizes of its files. All of it can be
// asked for again: nothing is lost with it.
type directory struct {
	api client

	mu   sync.Mutex // guards the field below
	kept map[string]kept
}

type kept struct {
	value any
	until time.Time
}

func newDirectory(api client) *directory { return &directory{api: api, kept: map[string]kept{}} }

// recall is load, or what it answered not long ago. No lock is held meanwhile.
func recall[T any](d *directory, key string, load func() (T, error)) (T, error) {
	d.mu.Lock()
	k, ok := d.kept[key]
	d.mu.Unlock()
	if ok && time.Now().Before(k.until) {
		return k.value.(T), nil
	}
	v, err := load()
	if err != nil {
		return v, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.kept) > 10_000 {
		clear(d.kept)
	}
	d.kept[key] = kept{value: v, until: time.Now().Add(fresh)}
	return v, nil
}

func (d *directory) project(ctx context.Context) (project, error) {
	return recall(d, "project", func() (project, error) { return d.api.project(ctx) })
}

// milestones are all that issues can have: those of the groups above too.
func (d *directory) milestones(ctx context.Context) ([]milestone, error) {
	return recall(d, "milestones", func() ([]milestone, error) {
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
	return recall(d, sizeKey(secret, file), func() (int64, error) { return d.api.size(ctx, project, secret, file) })
}

// forget makes a file be measured again.
func (d *directory) forget(secret, file string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.kept, sizeKey(secret, file))
}

func sizeKey(secret, file string) string { return "size " + secret + "/" + file }
