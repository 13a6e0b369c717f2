// Package recall remembers for a while what a tracker was asked about itself: names
// behind its ids, options, people, who is signed in. All of it can be asked for again,
// so nothing is lost with it.
//
// It promises that what failed is not remembered, that nothing is believed for longer
// than Fresh, that it does not grow without end, and that no lock is held while the
// tracker answers. Two who ask for the same at once may both ask the tracker.
package recall
