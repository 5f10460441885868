package dp

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"testing"

	"lethe/privacy/ledger"
)

// Four goroutines draw stretches of one vector. Each cell is drawn once and lies where
// it was, whatever the length; no two stretches come from one stream; what they read is
// overwritten.
func TestParallelDraws(t *testing.T) {
	t.Cleanup(func() func() {
		before := runtime.GOMAXPROCS(4)
		return func() { runtime.GOMAXPROCS(before) }
	}())
	next := seeded(t)
	for _, n := range []int{1, 2, perWorker - 1, 2*perWorker - 1, 2*perWorker + 1, 4*perWorker + 3, 9 * perWorker} {
		exact := make([]int64, n)
		for k := range exact {
			exact[k] = int64(k) * 1000
		}
		made := 0
		noisy := addLaw(newGaussianLaw(2).draw, exact, locked(&made, next))
		for k, y := range noisy {
			if math.Abs(float64(y-exact[k])) > 60 {
				t.Fatalf("%d cells: cell %d is off by %d", n, k, y-exact[k])
			}
		}
		if want := max(1, min(4, n/perWorker)); made != want {
			t.Errorf("%d cells: %d sources, want %d", n, made, want)
		}
	}

	n := 4 * draws(20_000)
	wide := newGaussianLaw(maxSigma).draw
	noisy := addLaw(wide, make([]int64, n), locked(new(int), next))
	if k := repeats(noisy); k > 0 {
		t.Errorf("%d pairs of neighbours come twice", k)
	}
	for a := range 4 {
		for b := range a {
			if z := correlation(noisy[a*n/4:(a+1)*n/4], noisy[b*n/4:(b+1)*n/4]); math.Abs(z) > 4.9 {
				t.Errorf("stretches %d and %d are %.1f standard errors from uncorrelated", a, b, z)
			}
		}
	}
	// Control: every goroutine with the same stream.
	same := func() *source { return sourceAt(*seed) }
	noisy = addLaw(wide, make([]int64, n), locked(new(int), same))
	if repeats(noisy) == 0 || correlation(noisy[:n/4], noisy[n/4:n/2]) < 4.9 {
		t.Error("the test does not see one stream in all goroutines")
	}
}

// locked counts what it makes; of sources that are seeded one after the other.
func locked(made *int, next func() *source) func() *source {
	var mu sync.Mutex
	return func() *source {
		mu.Lock()
		defer mu.Unlock()
		*made++
		return next()
	}
}

// repeats returns how many pairs of neighbouring cells come a second time. At a σ of
// 2^40 two pairs are alike with probability 2^-83.
func repeats(noisy []int64) (k int) {
	seen := map[[2]int64]bool{}
	for n := 1; n < len(noisy); n++ {
		pair := [2]int64{noisy[n-1], noisy[n]}
		if seen[pair] {
			k++
		}
		seen[pair] = true
	}
	return k
}

// correlation is Σxy/√(Σx²Σy²) in standard errors, 1/√n.
func correlation(x, y []int64) float64 {
	var xx, yy, xy float64
	for n := range x {
		a, b := float64(x[n]), float64(y[n])
		xx, yy, xy = xx+a*a, yy+b*b, xy+a*b
	}
	return xy / math.Sqrt(xx*yy) * math.Sqrt(float64(len(x)))
}

func TestSourcesAreWiped(t *testing.T) {
	var made []*source
	var mu sync.Mutex
	keep := func() *source {
		mu.Lock()
		defer mu.Unlock()
		made = append(made, newSource())
		return made[len(made)-1]
	}
	addLaw(newLaplaceLaw(100).draw, make([]int64, 2*perWorker), keep)
	for _, s := range made {
		if !clean(s) {
			t.Error("random bytes are left")
		}
	}
	left := keep()
	newLaplaceLaw(100).draw(left)
	if clean(left) {
		t.Error("the test does not see what an unwiped source holds")
	}
}

func clean(s *source) bool {
	return s.buf == [len(s.buf)]byte{} && s.coins == 0 && s.left == 0 && s.at == len(s.buf)
}

// Several goroutines draw several vectors of one meter, for the race detector; and the
// two of one mechanism are not alike.
func TestNoiseInParallel(t *testing.T) {
	var d []ledger.Draw
	for _, mechanism := range mechanisms {
		for k := range 2 {
			d = append(d, calibratedAs(t, mechanism, fmt.Sprint(mechanism, k), 2*perWorker, 1, 1<<30, 5e11))
		}
	}
	m := charged(t, d...)
	out := make([][]int64, len(d))
	var all sync.WaitGroup
	for k := range d {
		all.Go(func() {
			noisy, err := Noise(m, d[k].Name, make([]int64, d[k].Cells))
			if err != nil {
				t.Error(err)
			}
			out[k] = noisy
		})
	}
	all.Wait()
	var joined []int64
	for k := range out {
		joined = append(joined, out[k]...)
	}
	if k := repeats(joined); k > 0 {
		t.Errorf("%d pairs of neighbours come twice", k)
	}
}
