package plan

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestTreeShape measures what is said at branches: the mean variance of
// a rank over all leaves, in units of one σ² at the whole ρ, by branching. ρ is
// shared evenly over the levels, so a level's variance is the number of levels.
func TestTreeShape(t *testing.T) {
	mean := map[int64]float64{}
	for _, branches := range []int64{2, 4, 8, 16, 256} {
		tree := Tree{Leaf: 1, Leaves: maxLeaves}.levels(branches)
		variances := make([]float64, len(tree.Each))
		for i := range variances {
			variances[i] = float64(len(variances))
		}
		r := tree.ranks(variances)
		for j := range maxLeaves + 1 {
			mean[branches] += r.of(j, float64(j)/maxLeaves) / (maxLeaves + 1)
		}
		t.Logf("branching %d, %d levels: mean variance %.2f", branches, len(tree.Each), mean[branches])
	}
	for _, b := range []int64{2, 4, 8, 256} {
		if mean[branches] > mean[b] {
			t.Errorf("branching %d has variance %.2f, %d has %.2f", branches, mean[branches], b, mean[b])
		}
	}
}

// TestTreeVariance holds ranks against simulation: within 5 standard errors of
// a variance, √(2/trials), at each edge, which 257 edges fail by chance in 1e-4 runs.
func TestTreeVariance(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	const trials = 4000
	for _, leaves := range []int64{7, 16, 17, 100, 256} {
		tree := Tree{Leaf: 1, Leaves: leaves}.levels(branches)
		variances := []float64{9, 25, 4, 16}[:len(tree.Each)]
		r := tree.ranks(variances)
		sum := make([]float64, leaves+1)
		for range trials {
			counts := make([][]float64, len(tree.Each))
			for l := range counts {
				for range tree.nodes(l) {
					counts[l] = append(counts[l], math.Sqrt(variances[l])*rng.NormFloat64())
				}
			}
			under := tree.under(counts, variances)
			all := under[leaves]
			for j, x := range under {
				d := x - 0.3*all
				sum[j] += d * d / trials
			}
		}
		for j, got := range sum {
			if want := r.of(j, 0.3); math.Abs(got-want) > 5*math.Sqrt(2.0/trials)*want {
				t.Errorf("%d leaves, edge %d: variance %.2f, want %.2f", leaves, j, got, want)
			}
		}
	}
}

// TestTreeNoNoise: consistent counts go through the tree unchanged.
func TestTreeNoNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for leaves := int64(1); leaves <= 256; leaves += 5 {
		tree := Tree{Leaf: 1, Leaves: leaves}.levels(branches)
		counts, variances := make([][]float64, len(tree.Each)), []float64{3, 4, 5, 2}[:len(tree.Each)]
		for l := range counts {
			counts[l] = make([]float64, tree.nodes(l))
		}
		want := make([]float64, leaves+1)
		for i := range leaves {
			n := float64(rng.IntN(50))
			want[i+1] = want[i] + n
			for l := range counts {
				counts[l][i/tree.Each[l]] += n
			}
		}
		for j, got := range tree.under(counts, variances) {
			if math.Abs(got-want[j]) > 1e-6 {
				t.Fatalf("%d leaves, edge %d: got %v, want %v", leaves, j, got, want[j])
			}
		}
	}
}
