package dp

import (
	"flag"
	"fmt"
	"runtime"
	"sync"

	"github.com/google/differential-privacy/go/v3/noise"

	"lethe/privacy/ledger"
)

// Noise returns exact with the metered draw's noise added to each cell. The result
// is integers within ±2^53; it is a new slice, exact is left alone.
//
// Errors come from the draw, the number of cells, and a value beyond ±2^53, which
// no plan allows. They wrap the meter's: a draw that is not listed, or was taken
// already. Once the draw is taken it is gone, also when Noise then fails: nothing
// is ever drawn twice.
func Noise(m *ledger.Meter, name string, exact []int64) ([]int64, error) {
	noisy, err := draw(m, name, exact)
	if err != nil {
		return nil, fmt.Errorf("noise for %q: %w", name, err)
	}
	return noisy, nil
}

func draw(m *ledger.Meter, name string, exact []int64) ([]int64, error) {
	d, err := m.Take(name)
	if err != nil {
		return nil, err
	}
	if err := guard(d); err != nil {
		return nil, err
	}
	if int64(len(exact)) != d.Cells {
		return nil, fmt.Errorf("%d cells where the draw has %d", len(exact), d.Cells)
	}
	if err := guardExact(exact); err != nil {
		return nil, err
	}
	of, err := mechanismOf(d.Mechanism)
	if err != nil {
		return nil, err
	}
	return of.add(d, exact)
}

func addLibrary(d ledger.Draw, exact []int64) ([]int64, error) {
	if err := quiet(); err != nil {
		return nil, err
	}
	// The library finds σ again from the same arguments by the same code.
	if s := sigmaFor(d.L0, d.LInf, d.Epsilon, d.Delta); !same(s, d.Sigma) {
		return nil, fmt.Errorf("the library would use σ %v, charged is σ %v: was the draw calibrated elsewhere?", s, d.Sigma)
	}
	noisy := make([]int64, len(exact))
	for n, x := range exact {
		y, err := noise.Gaussian().AddNoiseInt64(x, d.L0, d.LInf, d.Epsilon, d.Delta)
		if err != nil {
			return nil, err // of the arguments, which guard has checked
		}
		noisy[n] = min(max(y, -maxExact), maxExact)
	}
	return noisy, nil
}

func addGaussian(d ledger.Draw, exact []int64) ([]int64, error) {
	return addLaw(newGaussianLaw(d.Sigma).draw, exact, newSource), nil
}

func addLaplace(d ledger.Draw, exact []int64) ([]int64, error) {
	return addLaw(newLaplaceLaw(d.Sigma).draw, exact, newSource), nil
}

// perWorker is the least number of cells that a goroutine is started for, about a
// millisecond of drawing.
const perWorker = 2048

// addLaw draws on every core, a stretch of cells and a source of its own each.
func addLaw(law func(*source) int64, exact []int64, newSource func() *source) []int64 {
	noisy := make([]int64, len(exact))
	workers := max(1, min(runtime.GOMAXPROCS(0), len(exact)/perWorker))
	var all sync.WaitGroup
	for w := range workers {
		from, to := w*len(exact)/workers, (w+1)*len(exact)/workers
		all.Go(func() {
			s := newSource()
			defer s.wipe()
			for n := from; n < to; n++ {
				noisy[n] = min(max(exact[n]+law(s), -maxExact), maxExact)
			}
		})
	}
	all.Wait()
	return noisy
}

// quiet sends the library's log to standard error. By itself glog writes files
// into the temporary folder; its switch is a flag of the standard set, which is
// set here without anything being parsed.
var quiet = sync.OnceValue(func() error {
	if err := flag.Set("logtostderr", "true"); err != nil {
		return fmt.Errorf("keep the library from writing log files: %w", err)
	}
	return nil
})
