// Package config reads parley.yaml.
//
// The schema is one struct, Config; a key that the struct does not have is an
// error, and so is a key of a later version. Values come in layers: Default,
// then the file, then the environment (PARLEY_NODE_DIR and the like, see
// Variables), then flags.
//
// # Promises
//
//   - Load reports everything that is wrong at once, each with its line, its
//     column, the line itself, and what to write instead.
//   - A secret never stands in the file: it is a secret.Ref, and a literal one is
//     an error that does not repeat it. So Show and every error are safe to print.
//   - What Show writes, Load reads back to the same Config.
//   - Sample loads.
//
// It compiles no filter and no scope, signs in nowhere and resolves no secret:
// the node does. YAML's anchors, aliases, tags and merge keys are refused.
package config
