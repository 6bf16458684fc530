// Package planes stands on both sides of the network: pixels become planes of normalised numbers, and planes of
// probabilities bytes, as masks and region files hold them. It sits below segment, and is a package of its own for the
// sake of its assembly (gen writes it, by avo), which makes what the portable loops make.
package planes

//go:generate go run ./gen -out planes_amd64.s -stubs planes_amd64.go -pkg planes

import (
	"encoding/binary"
	"math"
)

// Norm is the number that stands for each byte of red, green and blue.
type Norm [3][256]float32

// Split makes numbers of a row of pixels, four bytes each of which the last counts for nothing. The planes have room
// for as many.
func Split(red, green, blue []float32, row []uint8, norm *Norm) {
	n := len(row) / 4
	red, green, blue = red[:n], green[:n], blue[:n]
	done := splitFast(red, green, blue, row, norm)
	splitPlain(red[done:], green[done:], blue[done:], row[4*done:], norm)
}

func splitPlain(red, green, blue []float32, row []uint8, norm *Norm) {
	green, blue = green[:len(red)], blue[:len(red)]
	for x := range red {
		px := binary.LittleEndian.Uint32(row[4*x:])
		red[x], green[x], blue[x] = norm[0][px&0xff], norm[1][px>>8&0xff], norm[2][px>>16&0xff]
	}
}

// one is the bits of 1. Those of the numbers from 0 to 1 are the whole numbers up to it.
const one = 0x3f800000

// Levels makes probability × 255, rounded to nearest, of as many values as dst has room for, and what lies outside 0
// to 1 the nearer of both. It returns the place of the first value that is not a number, where it ends; -1 if there is
// none.
func Levels(dst []uint8, src []float32) (nan int) {
	src = src[:len(dst)]
	for x := 0; x < len(dst); {
		if x += levelsFast(dst[x:], src[x:]); x == len(dst) {
			break
		}
		end := min(x+step, len(dst)) // what the assembly left is not for it, or too short
		if n := levelsPlain(dst[x:end], src[x:end]); n >= 0 {
			return x + n
		}
		x = end
	}
	return -1
}

// The numbers of values and of pixels that the assembly takes at once.
const (
	step      = 32
	splitStep = 8
)

func levelsPlain(dst []uint8, src []float32) (nan int) {
	for x, p := range src {
		switch {
		case math.Float32bits(p) <= one: // which all are that a softmax made
			dst[x] = uint8(int32(float32(p*255) + 0.5))
		case p != p:
			return x
		default:
			dst[x] = saturated(p)
		}
	}
	return -1
}

// saturated is probability × 255 of any number. The explicit conversion keeps compilers from fusing the
// multiplication and the addition, so that all machines round alike; so it does in levelsPlain.
func saturated(p float32) uint8 { return uint8(min(max(float32(p*255)+0.5, 0), 255)) }
