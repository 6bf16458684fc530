// Package bytewise works on eight bytes at once, as one word, for the loops of the stitcher that look at every
// pixel of a slide. It knows nothing of pixels.
package bytewise

import (
	"encoding/binary"
	"math/bits"
)

// Ones times a byte is a word of that byte.
const Ones = 0x01010101_01010101

const highs = Ones * 0x80

// Load is the word of the first eight bytes.
func Load(b []uint8) uint64 { return binary.LittleEndian.Uint64(b) }

// Store writes a word to the first eight bytes.
func Store(b []uint8, word uint64) { binary.LittleEndian.PutUint64(b, word) }

// AtLeast is 1 in every byte of the word that is at least the limit, and 0 in the others. With its highest bit set no
// byte borrows from the next; what the highest bits say is put right afterwards.
func AtLeast(word uint64, limit uint8) uint64 {
	low := (word | highs) - uint64(limit&0x7f)*Ones // its highest bits: of the lower seven, are they at least the limit's?
	if limit < 0x80 {
		low |= word
	} else {
		low &= word
	}
	return low >> 7 & Ones
}

// Count is how many bytes are 1 in a word whose bytes are 0 or 1.
func Count(word uint64) int { return bits.OnesCount64(word) }

// Greatest is the larger of every two bytes. Where their highest bits differ, these tell; else what AtLeast does.
func Greatest(a, b uint64) uint64 {
	low := (a | highs) - b&^highs
	first := (a&^b | low&^(a^b)) >> 7 & Ones * 0xff // all bits of the bytes that a has
	return a&first | b&^first
}

// GreatestOfPairs is the larger of each byte and its neighbour: the four of a word.
func GreatestOfPairs(word uint64) uint32 {
	word = Greatest(word, word>>8) & 0x00ff00ff_00ff00ff
	word = (word | word>>8) & 0x0000ffff_0000ffff
	return uint32(word | word>>16)
}

// Pairs joins each byte with its neighbour, bit by bit: the four of a word.
func Pairs(word uint64) uint32 {
	word = (word | word>>8) & 0x00ff00ff_00ff00ff
	word = (word | word>>8) & 0x0000ffff_0000ffff
	return uint32(word | word>>16)
}
