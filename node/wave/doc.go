// Package wave puts another version of a template in force, for some of the
// connections that have it: a share of them, those with a tag, or all.
//
// # Promises
//
//   - Connection by connection: each runs by its old version or by the next one.
//   - A wave stops when more than Limit percent of its connections could not be
//     upgraded, or more than Limit percent of its tickets are parked by it: those that
//     filter or gate would hold are counted before anything is put in force, those that
//     wait for a person afterwards. So does the next one, before its first: tickets meet
//     a version with their next change, which may be after the wave.
//   - It may be interrupted anywhere and run again: what is in force already is left
//     alone, and counts towards the share.
//   - What parley.yaml says follows what is in force: a crash in between is mended by
//     the next run.
//
// It decides nothing about filters: checks, tests and the comparison with what was in
// force before are the node's.
package wave
