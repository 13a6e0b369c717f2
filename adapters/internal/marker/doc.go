// Package marker puts the marker of a step into a text and takes it out again, for
// trackers that have no better place for it.
//
// # Promises
//
//   - A marker is a line of its own, at the end of the text.
//   - Cut finds it in each of the forms, wherever people have moved the line, and
//     leaves a text as if it had never been there. The last one counts.
//   - Text that looks like a marker is changed by Append: only ours may count.
//
// Whose text it is, and so whether a marker in it is to be believed, is for the
// adapter to decide.
package marker
