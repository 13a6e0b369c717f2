// Package hostiletest sets a peer that holds valid keys of an agreed connection, and
// lies, on a whole node, over its real bus; and a relay that reads along between two
// whole nodes. What the liar costs is measured on the node and on an honest connection
// of the same node. It is tests only.
package hostiletest
