// Package template reads templates of connections: filters, tables and tests that many
// connections share, each with variables of its own.
//
// A template is a folder, templates/NAME beside parley.yaml:
//
//	template.yaml       version, description, vars
//	outgoing.parley     what leaves
//	incoming.parley     what enters
//	scope.parley        which tickets belong on a connection that says no scope of its own
//	tables/*.yaml       the filters' tables
//	tests/*.yaml        the filters' tests
//
// A version that is used is kept: Keep copies the folder to templates/NAME@VERSION.DIGEST,
// where the digest is made of the content.
//
// # Promises
//
//   - Find gives a version as it was kept, whatever became of the folder that people
//     edit; a kept folder that was changed is an error.
//   - A version is kept once: Keep refuses another content under the same number.
//   - Keep that is killed leaves the whole copy, or none that Find sees.
//   - Values finds all that is wrong with a connection's variables.
//
// It compiles no filter, reads no table and runs no test.
package template
