package connection

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// nonceSize is how many bytes each side adds to the words.
const nonceSize = 32

// commitment binds the acceptor to a nonce without telling it.
func commitment(nonce []byte) octets {
	sum := sha256.Sum256(append([]byte("parley nonce 1\n"), nonce...))
	return sum[:]
}

// Words are four words that a person reads to another one.
type Words [4]string

// String is the words as they are read.
func (w Words) String() string { return strings.Join(w[:], " ") }

// ParseWords reads what a person typed; case, commas and hyphens do not matter. ok is
// false if it is not four words.
func ParseWords(text string) (w Words, ok bool) {
	said := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r < 'a' || r > 'z' })
	if len(said) != len(w) {
		return w, false
	}
	copy(w[:], said)
	return w, true
}

// Unknown are those of w that are no words of pairings: misheard or mistyped.
func (w Words) Unknown() []string {
	known := strings.Fields(wordList)
	return slices.DeleteFunc(slices.Clone(w[:]), func(word string) bool { return slices.Contains(known, word) })
}

// Words are what our admin reads to the other side's, and what is read to ours, if
// nobody stands between the two: they are made of all public keys, nonces, terms and
// addresses of the pairing.
func (a Agreement) Words() (ours, theirs Words, err error) {
	var confirm confirmText
	var offer offerText
	if err := read(a.Confirm, &confirm); err != nil {
		return ours, theirs, fmt.Errorf("words of the pairing: %w", err)
	}
	if err := read(a.Offer, &offer); err != nil {
		return ours, theirs, fmt.Errorf("words of the pairing: %w", err)
	}
	said, err := transcript(a.Ask, offer.Offer)
	if err != nil {
		return ours, theirs, err
	}
	route, err := write(a.Route)
	if err != nil {
		return ours, theirs, fmt.Errorf("words of the pairing: %w", err)
	}
	place := sha256.Sum256(route)
	all := append([]byte("parley words 1\n"), said...)
	all = append(append(all, place[:]...), confirm.Nonce...)
	sum := sha256.Sum256(all)
	inviters, acceptors := wordsOf([4]byte(sum[:4])), wordsOf([4]byte(sum[4:8]))
	if a.Side == Inviter {
		return inviters, acceptors, nil
	}
	return acceptors, inviters, nil
}

func wordsOf(raw [4]byte) (w Words) {
	list := strings.Fields(wordList)
	for i, b := range raw {
		w[i] = list[b]
	}
	return w
}

// wordList has a word for each byte. No two begin with the same four letters, or differ
// in one letter only.
const wordList = `
	acorn album alder alpine amber anchor angle apple apron arch arrow aspen
	atlas autumn avocado badge bagel balcony bamboo banjo barrel basil basket beacon
	beaver bicycle birch biscuit blanket blossom bonfire border bottle branch bridge bronze
	bucket buffalo butter cabin cactus camera candle canvas captain caravan carpet castle
	cedar cellar cherry chimney cinema circus citrus clover cobalt coffee compass copper
	coral cotton cradle crystal cushion cymbal daisy dancer desert diamond dinner dolphin
	donkey dragon drummer eagle easel echo eclipse elephant emerald engine fabric falcon
	feather fiddle finger flamingo flute forest fountain fossil furnace galaxy garden garlic
	gazelle giraffe glacier goblet gondola gravel guitar hammer harbor harvest hazel hedge
	helmet heron hickory honey horizon hotel igloo indigo island ivory jacket jaguar
	jasmine jelly jigsaw journey jungle juniper kayak kernel lagoon lantern lavender lemon
	leopard library lilac linen lizard lobster lotus lumber magnet mammoth mango maple
	marble meadow melon mercury mirror mitten mosaic muffin museum mustard napkin nectar
	needle nickel noodle nutmeg oasis oboe ocean octopus olive onion opal orange
	orbit orchid ostrich otter oyster paddle palace panther papaya parrot pebble pelican
	pencil pepper piano pigeon pillow planet plum pony potato prairie puzzle pyramid
	quarry quilt rabbit radish raven ribbon river rocket rooster ruby rudder salmon
	sapphire saxophone scarlet shadow shovel silver skillet sledge spider squirrel stable sugar
	summit sunset swallow tablet teapot temple thimble thunder ticket tiger timber toast
	tomato tornado trumpet tulip tunnel turtle umbrella valley vanilla velvet vessel village
	violin volcano vulture waffle walnut walrus whistle window winter wombat yacht yellow
	zebra zenith zigzag zipper
`
