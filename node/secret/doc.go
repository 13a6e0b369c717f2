// Package secret keeps what must not be read by people: the passwords and
// tokens that a node signs in with, and the keys that its files are sealed with.
//
// Two files in the node's folder hold it all. master.key is 32 random bytes; it
// may live elsewhere (FindKey). secrets.vault is a list of named secrets:
//
//	master key ──HKDF──▶ key of the vault ──AES-256-GCM, name as additional data──▶ secret, root
//	           ──HKDF──▶ key of backups
//	root       ──HKDF──▶ key per purpose (store, blobs, markers)
//
// The root is the master key until that is changed for the first time (Rekey).
//
// # Promises
//
//   - A sealed secret opens only under the name it was sealed for, and only whole.
//   - A crash in the middle of Set or Delete leaves the vault as it was before or
//     as it is after.
//   - A crash in the middle of Rekey leaves the old master key in force or the new one,
//     each in its place; nothing that was sealed or written is lost.
//   - A Value does not show itself: not in fmt, JSON, text, YAML, slog or
//     zerolog, and not as a field of something else that is printed. Reveal is
//     the only way to the text.
//   - Files that others on the machine can read are refused, with what to do.
//
// It does not defend against the user it runs as, or root: who can read both
// files has the secrets. It does not notice that somebody put an older vault
// back, or removed an entry. One process writes a vault at a time: the node that
// owns the folder, or the CLI while that node is stopped.
package secret
