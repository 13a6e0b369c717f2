package secret

import (
	"errors"
)

// Keeper keeps what a tracker replaces a secret with, in the vault under names that
// are the node's own; see adapters.Keeper.
type Keeper struct{ Vault *Vault }

const keeperPrefix = "node.tracker."

// Kept returns what was kept last under a name; "" if nothing was.
func (k Keeper) Kept(name string) (string, error) {
	value, err := k.Vault.Get(keeperPrefix + name)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return value.Reveal(), err
}

// Keep seals value and puts it on disk.
func (k Keeper) Keep(name, value string) error {
	return k.Vault.Set(keeperPrefix+name, NewValue(value))
}
