package dp

import (
	"fmt"
	"math"
	"syscall"
	"testing"
	"time"

	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// BenchmarkDraw takes the CPU time of each mechanism for the same vector and ρ, one after
// the other in one run, by the way that Noise goes; with l0 1 all three have one Sigma.
// CPU time, because the machine's other load is in the wall's. A ratio is the library's
// time over the mechanism's.
func BenchmarkDraw(b *testing.B) {
	const cells = 100_000
	exact := make([]int64, cells)
	for _, sigma := range []float64{1, 100, 1e4, 1e6, 1e9} {
		b.Run(fmt.Sprintf("Sigma=%g", sigma), func(b *testing.B) {
			lInf := math.Max(1, sigma/100)
			want := budget.Rho(math.Round(lInf * lInf / (2 * sigma * sigma) * 1e12))
			times := map[string]time.Duration{}
			for b.Loop() {
				for _, name := range mechanisms {
					times[name] += timed(b, name, int64(lInf), want, exact)
				}
			}
			b.ReportMetric(0, "ns/op")
			for _, name := range mechanisms {
				b.ReportMetric(float64(times[name])/float64(b.N)/cells, "cpu-ns/"+name)
				b.ReportMetric(float64(times[Gaussian])/float64(times[name]), "ratio/"+name)
			}
		})
	}
}

func timed(b *testing.B, name string, lInf int64, want budget.Rho, exact []int64) time.Duration {
	m, err := mechanismOf(name)
	if err != nil {
		b.Fatal(err)
	}
	d, err := m.calibrate(ledger.Draw{Name: "d", Mechanism: name, Cells: int64(len(exact)), L0: 1, LInf: lInf}, want)
	if err != nil {
		b.Fatal(err)
	}
	start := cpu(b)
	if _, err := m.add(d, exact); err != nil {
		b.Fatal(err)
	}
	return cpu(b) - start
}

// cpu is what this process has used, of all cores.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
