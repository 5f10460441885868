package dp

import (
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"testing"
)

var seed = flag.Uint64("seed", rand.Uint64(), "where the seeded tests begin; each prints it")

// seeded returns a maker of sources of replayable words, each of its own.
func seeded(t *testing.T) func() *source {
	t.Logf("-seed %d", *seed)
	next := *seed
	return func() *source {
		next++
		return sourceAt(next)
	}
}

func sourceAt(n uint64) *source {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], n)
	stream := rand.NewChaCha8(key)
	return newSourceOf(func(b []byte) { stream.Read(b) })
}

// scripted returns a source of the listed words, and then of all ones, above any digit.
func scripted(words ...uint64) *source {
	return newSourceOf(func(b []byte) {
		for n := range b {
			b[n] = 0xff
		}
		for n, w := range words {
			binary.LittleEndian.PutUint64(b[8*n:], w)
		}
		words = nil
	})
}
