// Package roster adds many connections at once: one template, and a file with a
// connection a line.
//
// # Promises
//
//   - Check finds all that is wrong with a file before anything is added: names,
//     variables, and filters that do not compile with them.
//   - Add puts all connections into parley.yaml, or none, whenever it is killed.
//   - A file that was added in part of its steps can be added again: what stands in
//     parley.yaml exactly so is left alone.
//
// It asks no node and makes no invitation.
package roster
