package node

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"parley/node/secret"
	"parley/sync/connection"
)

// Names of the node's own keys in the vault.
const (
	identityName  = "node.identity"
	operatingName = "node.operating"
)

// identity is who the node is.
type identity struct {
	document  connection.Document
	operating connection.Operating
}

// CreateIdentity draws the node's keys and keeps them in the vault. A vault
// that has an identity keeps it.
func CreateIdentity(vault *secret.Vault) error {
	if _, err := vault.Get(identityName); err == nil {
		return nil
	} else if !errors.Is(err, secret.ErrNotFound) {
		return fmt.Errorf("look for the node's identity: %w", err)
	}
	key, err := connection.NewIdentity(rand.Reader)
	if err != nil {
		return err
	}
	operating, err := connection.NewOperating(rand.Reader)
	if err != nil {
		return err
	}
	raw, err := operating.Secret()
	if err != nil {
		return err
	}
	// The identity comes last: with it, all is there.
	if err := vault.Set(operatingName, secret.NewValue(hex.EncodeToString(raw))); err != nil {
		return fmt.Errorf("keep the operating keys: %w", err)
	}
	if err := vault.Set(identityName, secret.NewValue(hex.EncodeToString(key.Seed()))); err != nil {
		return fmt.Errorf("keep the identity: %w", err)
	}
	return nil
}

func loadIdentity(vault *secret.Vault) (identity, error) {
	seed, err := hexSecret(vault, identityName)
	if err != nil {
		return identity{}, err
	}
	raw, err := hexSecret(vault, operatingName)
	if err != nil {
		return identity{}, err
	}
	operating, err := connection.ParseOperating(raw)
	if err != nil {
		return identity{}, fmt.Errorf("read the operating keys: %w", err)
	}
	if len(seed) != ed25519.SeedSize {
		return identity{}, fmt.Errorf("the identity has %d bytes", len(seed))
	}
	document, err := connection.Certify(ed25519.NewKeyFromSeed(seed), 1, operating)
	return identity{document: document, operating: operating}, err
}

func hexSecret(vault *secret.Vault, name string) ([]byte, error) {
	value, err := vault.Get(name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	raw, err := hex.DecodeString(value.Reveal())
	if err != nil {
		return nil, fmt.Errorf("read %s: not as it was written", name)
	}
	return raw, nil
}
