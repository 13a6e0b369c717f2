package memstore

import (
	"bytes"
	"hash/fnv"
)

// node is one key of a persistent treap: a change copies the path to it and
// leaves every older root as it was. That makes a snapshot, a rollback and a
// crash one assignment each. The priority is a hash of the key, so the same
// keys always make the same tree.
type node struct {
	key, value  []byte
	priority    uint32
	left, right *node
}

func priorityOf(key []byte) uint32 {
	h := fnv.New32a()
	_, _ = h.Write(key) // a hash never fails
	// FNV leaves neighbouring keys with neighbouring sums; spread them.
	x := h.Sum32()
	x ^= x >> 16
	x *= 0x7feb352d
	x ^= x >> 15
	x *= 0x846ca68b
	return x ^ x>>16
}

// get returns the node of key, or nil.
func (n *node) get(key []byte) *node {
	for n != nil {
		switch c := bytes.Compare(key, n.key); {
		case c < 0:
			n = n.left
		case c > 0:
			n = n.right
		default:
			return n
		}
	}
	return nil
}

// put returns the tree with key set. It keeps key and value.
func (n *node) put(key, value []byte) *node {
	if n == nil {
		return &node{key: key, value: value, priority: priorityOf(key)}
	}
	c := *n
	switch order := bytes.Compare(key, n.key); {
	case order < 0:
		c.left = n.left.put(key, value)
		if l := c.left; l.priority > c.priority {
			// l is this call's own copy, so it may be changed in place.
			c.left, l.right = l.right, &c
			return l
		}
	case order > 0:
		c.right = n.right.put(key, value)
		if r := c.right; r.priority > c.priority {
			c.right, r.left = r.left, &c
			return r
		}
	default:
		c.value = value
	}
	return &c
}

// remove returns the tree without key.
func (n *node) remove(key []byte) *node {
	if n == nil {
		return nil
	}
	order := bytes.Compare(key, n.key)
	if order == 0 {
		return join(n.left, n.right)
	}
	c := *n
	if order < 0 {
		c.left = n.left.remove(key)
	} else {
		c.right = n.right.remove(key)
	}
	return &c
}

// join makes one tree of two, all keys of l being less than those of r.
func join(l, r *node) *node {
	switch {
	case l == nil:
		return r
	case r == nil:
		return l
	case l.priority > r.priority:
		c := *l
		c.right = join(l.right, r)
		return &c
	default:
		c := *r
		c.left = join(l, r.left)
		return &c
	}
}

// ascend calls fn for the keys from from on (strictly after it when skip is
// set), in order, until fn returns false; it tells whether to go on.
func (n *node) ascend(from []byte, skip bool, fn func(*node) bool) bool {
	if n == nil {
		return true
	}
	order := bytes.Compare(n.key, from)
	if order > 0 && !n.left.ascend(from, skip, fn) {
		return false
	}
	if (order > 0 || order == 0 && !skip) && !fn(n) {
		return false
	}
	return n.right.ascend(from, skip, fn)
}
