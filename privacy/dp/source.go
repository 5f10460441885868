package dp

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
)

// source draws the random decisions that the exact mechanisms are made of. Each
// has exactly the probability it says: it is made with integers, from random
// words, of which as many are read as it takes. One goroutine has one source.
type source struct {
	fill  func([]byte) // of the operating system; another one only in tests
	buf   [4096]byte
	at    int    // where the unread bytes of buf begin
	coins uint64 // bits that no coin has used
	left  int    // how many of them
}

func newSource() *source {
	return newSourceOf(func(b []byte) { rand.Read(b) }) // which ends the program rather than fail
}

func newSourceOf(fill func([]byte)) *source {
	s := &source{fill: fill}
	s.wipe()
	return s
}

// wipe overwrites what was read: it tells the noise, and so the exact answer.
func (s *source) wipe() {
	clear(s.buf[:])
	s.at = len(s.buf)
	s.coins, s.left = 0, 0
}

// word returns 64 random bits.
func (s *source) word() uint64 {
	if s.at == len(s.buf) {
		s.fill(s.buf[:])
		s.at = 0
	}
	w := binary.LittleEndian.Uint64(s.buf[s.at:])
	s.at += 8
	return w
}

// coin is true with probability 1/2.
func (s *source) coin() bool {
	if s.left == 0 {
		s.coins, s.left = s.word(), 64
	}
	heads := s.coins&1 == 1
	s.coins >>= 1
	s.left--
	return heads
}

// below returns a uniform integer from 0 to n−1, n at least 1. It is the high word
// of n·word, where as many low words are left out as make the rest a multiple of n
// (Lemire, "Fast Random Integer Generation in an Interval", ACM TOMACS 29, 2019).
func (s *source) below(n uint64) uint64 {
	high, low := bits.Mul64(s.word(), n)
	if low < n {
		for least := -n % n; low < least; {
			high, low = bits.Mul64(s.word(), n)
		}
	}
	return high
}

// chance is true with probability p = (a + f/2^64)/b, a < b.
//
// With U uniform in [0, 1) it says whether U < p. The first 64 bits u of U decide
// unless they are the first 64 of p, q = ⌊p·2^64⌋. Then the rest of U has to be
// compared with the rest of p, which is the division's remainder over b.
func (s *source) chance(a, f, b uint64) bool {
	for {
		q, rest := bits.Div64(a, f, b)
		if u := s.word(); u != q {
			return u < q
		}
		a, f = rest, 0
	}
}

// decay is true with probability exp(−γ), γ = (a + f/2^64)/b, a < b: Algorithm 1
// of Canonne, Kamath and Steinke for γ < 1. k is the first number at which a chance
// of γ/k fails. P(k > n) = γ^n/n!, so P(k is odd) = Σ (−γ)^n/n!. The chance of γ/k
// is one of 1/k and one of γ, so that no product grows with k.
func (s *source) decay(a, f, b uint64) bool {
	k := uint64(1)
	for (k == 1 || s.chance(1, 0, k)) && s.chance(a, f, b) {
		k++
	}
	return k%2 == 1
}

// decayOne is true with probability exp(−1): the same at γ = 1, where the first
// chance, of 1, is not drawn.
func (s *source) decayOne() bool {
	k := uint64(2)
	for s.chance(1, 0, k) {
		k++
	}
	return k%2 == 1
}

// decayBy is true with probability exp(−n−γ), γ as in decay.
func (s *source) decayBy(n, a, f, b uint64) bool {
	for ; n > 0; n-- {
		if !s.decayOne() {
			return false
		}
	}
	return s.decay(a, f, b)
}

// exponential draws X = u + t·v >= 0, u < t, with P(X = x) ∝ exp(−x/t): u is uniform
// and kept with probability exp(−u/t), which it is in at least 63 of 100 rounds, and
// v is how often a chance of exp(−1) holds.
func (s *source) exponential(t uint64) (u, v uint64) {
	u = s.below(t)
	for !s.decay(u, 0, t) {
		u = s.below(t)
	}
	for s.decayOne() {
		v++
	}
	return u, v
}
