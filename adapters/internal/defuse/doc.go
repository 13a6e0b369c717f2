// Package defuse keeps text that comes from elsewhere from being more than text where
// it is written to: a formula in a table that somebody exports, a name that a tracker
// calls, a word that it replaces.
//
// # Promises
//
//   - Text puts one character of no width before what would be acted on: it looks as
//     before.
//   - Meant takes exactly that character out again: Meant(Text(s)) = s for a text
//     without such characters, so that no edit comes from it. Formula and Line are read
//     as they were whatever the text held.
//   - Line leaves numbers, telephone numbers and words behind a sign as they are.
//   - Formula leaves what Markdown shows as it is: where the character would make an
//     end of a list, a rule, code or a mark, it is a paragraph of its own.
//
// Which signs a tracker acts on is for its adapter to say. Signs within Markdown that
// code must keep are for richtext.Disarm. It knows nothing of names: an option, a label
// or a person is written as the tracker spells it.
package defuse
