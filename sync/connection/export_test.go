package connection

import "strings"

// WordList are all words of pairings.
func WordList() []string { return strings.Fields(wordList) }
