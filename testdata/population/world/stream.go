// Package world is what is true before anybody lives in it: the random
// streams, the places, the civil calendar, and the names people are given.
package world

import (
	"math"
	"math/rand/v2"
)

// Stream is a source of random numbers that is a function of its seed alone.
// Every person, table and day has a stream of its own, so that a person is
// the same whoever else is generated, in whatever order, on however many
// processors. It is SplitMix64 (Steele, Lea, Flood 2014): good and quick, and
// nothing that protects anything.
type Stream struct {
	state uint64
	dist  *rand.Rand
}

// NewStream makes a stream; Seed it before use.
func NewStream() *Stream {
	s := &Stream{}
	s.dist = rand.New(s)
	return s
}

// Seed starts the stream of the keys, for example (seed, account, table, day).
func (s *Stream) Seed(keys ...uint64) *Stream {
	h := uint64(0x6c65746865) // "lethe"
	for _, k := range keys {
		h = Mix(h ^ Mix(k+0x9e3779b97f4a7c15))
	}
	s.state = h
	return s
}

// Mix is SplitMix64's finaliser, a bijection of 64 bits.
func Mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Uint64 is the next 64 bits.
func (s *Stream) Uint64() uint64 {
	s.state += 0x9e3779b97f4a7c15
	return Mix(s.state)
}

// Uniform is in [0, 1).
func (s *Stream) Uniform() float64 { return float64(s.Uint64()>>11) / (1 << 53) }

// Normal has mean 0 and standard deviation 1.
func (s *Stream) Normal() float64 { return s.dist.NormFloat64() }

// Chance is true with probability p.
func (s *Stream) Chance(p float64) bool { return s.Uniform() < p }

// Below is uniform in 0 … n-1.
func (s *Stream) Below(n int) int { return int(s.Uint64() >> 32 * uint64(n) >> 32) }

// Between is uniform in lo … hi.
func (s *Stream) Between(lo, hi int) int { return lo + s.Below(hi-lo+1) }

// Poisson counts events of the mean, for small means.
func (s *Stream) Poisson(mean float64) int {
	limit, product, n := math.Exp(-mean), s.Uniform(), 0
	for product > limit {
		product *= s.Uniform()
		n++
	}
	return n
}

// Pick is one of the words.
func (s *Stream) Pick(words []string) string { return words[s.Below(len(words))] }
