// Package once is what adapters do alike with the rows of a list that comes in pages.
//
// # Promises
//
//   - What moves between two pages, and is on both, counts once.
//
// How pages are asked for is the adapter's. What moves forward between two pages is on
// neither: that, too, is the adapter's to find out.
package once
