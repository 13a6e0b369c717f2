package rest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"parley/adapters"
)

// kept is the refresh token that counts: each may replace the one before (RFC 6749,
// section 6; RFC 9700, section 4.14), which is then worth nothing.
type kept struct {
	// For tells what it replaces: with another token entered, what was kept is void.
	For   string `json:"for"`
	Token string `json:"token"`
	// Expires is when it ends, Used when it was last taken; zero if not known.
	Expires time.Time `json:"expires,omitzero"`
	Used    time.Time `json:"used,omitzero"`

	name   string
	keeper adapters.Keeper
	// unkept is set as long as what stands here is not on disk.
	unkept bool
}

// recall reads what is kept for the refresh token entered.
func recall(o OAuth) (*kept, error) {
	digest := sha256.Sum256([]byte(o.URL.String() + "\n" + o.Client + "\n" + o.Refresh))
	k := &kept{For: hex.EncodeToString(digest[:]), Token: o.Refresh, name: o.Name, keeper: o.Keeper}
	if o.Keeper == nil || o.Name == "" {
		return nil, fmt.Errorf("a refresh token needs a place to keep the one that replaces it")
	}
	text, err := o.Keeper.Kept(o.Name)
	if err != nil {
		return nil, fmt.Errorf("read the refresh token that is kept: %w", err)
	}
	was := kept{}
	if json.Unmarshal([]byte(text), &was) == nil && was.For == k.For && was.Token != "" {
		k.Token, k.Expires, k.Used = was.Token, was.Expires, was.Used
	}
	return k, nil
}

// replace takes the token of an answer, "" for none, and puts it on disk before
// anything is done with the access token that came with it.
func (k *kept) replace(token string, expires time.Time) error {
	if token != "" && token != k.Token {
		k.Token, k.unkept = token, true
	}
	if !expires.IsZero() {
		k.Expires = expires
	}
	k.Used = time.Now().Truncate(time.Second).UTC()
	return k.settle()
}

// settle puts on disk what is not. Without it nothing more is asked for: the next
// answer would bring another token that a restart forgets.
func (k *kept) settle() error {
	if k == nil || !k.unkept {
		return nil
	}
	text, err := json.Marshal(k)
	if err == nil {
		err = k.keeper.Keep(k.name, string(text))
	}
	if err != nil {
		return &adapters.Error{
			Class: adapters.ErrTransient, Op: "keep the new refresh token", Err: err,
			Hint: "make room on the node's disk: until then the tracker is not asked, and a restart now would need a new sign-in",
		}
	}
	k.unkept = false
	return nil
}
