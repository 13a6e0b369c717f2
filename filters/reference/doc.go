// Package reference holds what is to be said of each name of the filter
// language, and makes docs/filters/reference.md of it.
//
// Its tests promise that nothing of the language is left out, that each example
// gives what stands beside it, and that the page is the one made from here.
//
// It compiles no scripts, and decides nothing about the language.
package reference
