package badgerstore

import "github.com/dgraph-io/badger/v4"

// WithCommit puts before in front of each commit; its error fails the commit.
func (o Options) WithCommit(before func() error) Options {
	o.commit = func(txn *badger.Txn, version uint64) error {
		if err := before(); err != nil {
			return err
		}
		return txn.CommitAt(version, nil)
	}
	return o
}
