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

// local is what the tracker calls a comment or a file: it may number both alike.
type local struct {
	file bool
	id   string
}

func localOf(e *twin.Entry) local { return local{e.File, e.Local} }

// itemSet is what is on record of a twin's comments and files. Few are searched
// one by one; for many there is an index.
type itemSet struct {
	list    []twin.Entry
	byID    map[event.ItemID]int
	byLocal map[local]int
}

const fewItems = twin.PageLen

// readItems reads the comments and files of a twin; row is nil if there is none.
func readItems(r store.Reader, con event.ConnectionID, id event.TwinID, row *twin.Row) (*itemSet, error) {
	s := &itemSet{}
	if row == nil {
		return s, nil
	}
	err := readPages(r, con, id, row.Items, func(_ int, page twin.Page) error {
		if s.list == nil {
			s.list = page
		} else {
			s.list = append(s.list, page...)
		}
		return nil
	})
	return s, err
}

// find is the place of an item, or -1.
func (s *itemSet) find(id event.ItemID) int {
	if len(s.list) <= fewItems {
		return slices.IndexFunc(s.list, func(e twin.Entry) bool { return e.ID == id })
	}
	if s.byID == nil {
		s.byID = make(map[event.ItemID]int, len(s.list))
		for i := range s.list {
			s.byID[s.list[i].ID] = i
		}
	}
	if i, ok := s.byID[id]; ok {
		return i
	}
	return -1
}

// get is the item that the peers call id.
func (s *itemSet) get(id event.ItemID) (twin.Item, bool) {
	if i := s.find(id); i >= 0 {
		return s.list[i].Item, true
	}
	return twin.Item{}, false
}

// set records an item.
func (s *itemSet) set(id event.ItemID, item twin.Item) {
	i := s.find(id)
	if i < 0 {
		i, s.byID = len(s.list), nil
		s.list = append(s.list, twin.Entry{ID: id})
	}
	s.list[i].Item, s.byLocal = item, nil
}

// at is the item that the tracker calls so. Should there be two, one of them the
// peer's, it is that: what the peer sent never goes back.
func (s *itemSet) at(l local) (twin.Entry, bool) {
	if i := s.place(l); i >= 0 {
		return s.list[i], true
	}
	return twin.Entry{}, false
}

// place is where at finds it in the list, or -1.
func (s *itemSet) place(l local) int {
	if s == nil || l.id == "" {
		return -1
	}
	found := -1
	if len(s.list) <= fewItems {
		for i := range s.list {
			if e := &s.list[i]; e.Local == l.id && e.File == l.file && (found < 0 || e.Theirs) {
				found = i
			}
		}
	} else {
		found = s.indexed(l)
	}
	return found
}

func (s *itemSet) indexed(l local) int {
	if s.byLocal == nil {
		s.byLocal = make(map[local]int, len(s.list))
		for i := range s.list {
			at := localOf(&s.list[i])
			if had, ok := s.byLocal[at]; !ok || !s.list[had].Theirs {
				s.byLocal[at] = i
			}
		}
	}
	if i, ok := s.byLocal[l]; ok {
		return i
	}
	return -1
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
