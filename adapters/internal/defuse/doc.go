// Package defuse keeps text that comes from elsewhere from being more than text where
// it is written to: a formula in a table that somebody exports, a name that a tracker
// calls, a word that it replaces.
//
// # Promises
//
//   - Text puts one character of no width before what would be acted on: it looks as
//     before.
//   - Meant takes exactly that character out again: Meant(Text(s)) = s for a text
//     without such characters, so that no edit comes from it.
//
// Which signs a tracker acts on is for its adapter to say. Signs within Markdown that
// code must keep are for richtext.Disarm.
package defuse
