package flow

import (
	"fmt"
	"maps"
	"slices"

	"parley/sync/event"
	"parley/sync/store"
	"parley/sync/twin"
)

// readPages calls fn for every page of a twin that has so many items.
func readPages(r store.Reader, con event.ConnectionID, id event.TwinID, items int, fn func(page int, entries twin.Page) error) error {
	for n := range twin.Pages(items) {
		page, err := get[twin.Page](r, store.PageKey(con, id, n))
		if err != nil {
			return err
		}
		if page == nil {
			return fmt.Errorf("read items of twin %s: page %d is missing", id, n)
		}
		if err := fn(n, *page); err != nil {
			return err
		}
	}
	return nil
}

// items reads the comments and files of a twin; nil is one that is not there.
func items(r store.Reader, con event.ConnectionID, id event.TwinID, row *twin.Row) (map[event.ItemID]twin.Item, error) {
	all := map[event.ItemID]twin.Item{}
	if row == nil {
		return all, nil
	}
	err := readPages(r, con, id, row.Items, func(_ int, entries twin.Page) error {
		for _, e := range entries {
			all[e.ID] = e.Item
		}
		return nil
	})
	return all, err
}

// putItems writes comments and files of a twin. It counts in row, which the
// caller has to put afterwards.
func putItems(tx store.Tx, con event.ConnectionID, id event.TwinID, row *twin.Row, changed map[event.ItemID]twin.Item) error {
	if len(changed) == 0 {
		return nil
	}
	left := maps.Clone(changed)
	last := twin.Page{}
	err := readPages(tx, con, id, row.Items, func(n int, page twin.Page) error {
		dirty := false
		for i := range page {
			if item, ok := left[page[i].ID]; ok {
				dirty = dirty || page[i].Item != item
				page[i].Item = item
				delete(left, page[i].ID)
			}
		}
		last = page
		if !dirty || n == row.Items/twin.PageLen {
			return nil
		}
		return put(tx, store.PageKey(con, id, n), &page)
	})
	if err != nil {
		return err
	}
	return appendItems(tx, con, id, row, last, left)
}

// appendItems writes the last page with fresh items behind it, and more pages if
// they do not fit.
func appendItems(tx store.Tx, con event.ConnectionID, id event.TwinID, row *twin.Row, last twin.Page, fresh map[event.ItemID]twin.Item) error {
	page := row.Items / twin.PageLen
	if row.Items%twin.PageLen == 0 {
		last = nil
	}
	for _, name := range slices.Sorted(maps.Keys(fresh)) {
		if len(last) == twin.PageLen {
			if err := put(tx, store.PageKey(con, id, page), &last); err != nil {
				return err
			}
			page, last = page+1, nil
		}
		last = append(last, twin.Entry{ID: name, Item: fresh[name]})
		row.Items++
	}
	if len(last) == 0 {
		return nil
	}
	return put(tx, store.PageKey(con, id, page), &last)
}

// markItems changes how far ours of a twin got. what says so for one of them;
// false leaves it.
func markItems(tx store.Tx, con event.ConnectionID, id event.TwinID, row *twin.Row, what func(event.ItemID, twin.Item) (twin.Confirm, bool)) error {
	return readPages(tx, con, id, row.Items, func(n int, page twin.Page) error {
		dirty := false
		for i := range page {
			state, ok := what(page[i].ID, page[i].Item)
			if ok && !page[i].Theirs && page[i].State != state {
				page[i].State, dirty = state, true
			}
		}
		if !dirty {
			return nil
		}
		return put(tx, store.PageKey(con, id, n), &page)
	})
}
