package plan

// A Tree is how the values of a measure are counted for its quantiles: in leaves
// of so many steps each, and in nodes that are made of neighbouring leaves. Each
// level is a vector of its own, in which a person is in one node of a group.
//
// It follows Hay et al., "Boosting the Accuracy of Differentially Private
// Histograms Through Consistency" (VLDB 2010): the levels say the same thing
// more than once, and the least-squares answer to all of them is better than any.
type Tree struct {
	Leaf   int64   // steps in a leaf; the last may have fewer
	Leaves int64   // 1 to maxLeaves
	Each   []int64 // leaves in a node, for each level, the largest first and 1 last
}

// A quantile is told to the leaf, and noise hides far more than 1/256 of a range
// in any group that is not huge. With levels that share ρ evenly, the mean variance
// of a rank over 256 leaves is, in units of that of one number at all of ρ, 7.2 for
// branches of 2, 7.1 of 4, 8.3 of 8, 10.0 of 16 and 42 without a tree (TestTreeShape).
const (
	maxLeaves = 256
	branches  = 4
)

func newTree(width int64) Tree {
	t := Tree{Leaf: (width + maxLeaves) / maxLeaves}
	t.Leaves = (width + t.Leaf) / t.Leaf
	return t.levels(branches)
}

func (t Tree) levels(branches int64) Tree {
	t.Each = nil
	for each := int64(1); each == 1 || each < t.Leaves; each *= branches {
		t.Each = append([]int64{each}, t.Each...)
	}
	return t
}

// nodes is how many nodes a level has.
func (t Tree) nodes(level int) int64 { return (t.Leaves + t.Each[level] - 1) / t.Each[level] }

// below visits the children of a node.
func (t Tree) below(level int, node int64) (from, to int64) {
	many := t.Each[level] / t.Each[level+1]
	return node * many, min((node+1)*many, t.nodes(level+1))
}

// under is how many subjects lie under each leaf's lower edge, and at last how
// many there are, by least squares from the noisy counts of all levels: first
// upwards, each node the mean of its own count and its children's, weighted by
// their variances; then downwards, what a node has over its children's sum shared
// out among them by theirs. It is linear in the counts.
func (t Tree) under(counts [][]float64, variances []float64) []float64 {
	last := len(t.Each) - 1
	z, v := make([][]float64, last+1), make([][]float64, last+1)
	for l := last; l >= 0; l-- {
		z[l], v[l] = make([]float64, t.nodes(l)), make([]float64, t.nodes(l))
		for i := range z[l] {
			z[l][i], v[l][i] = counts[l][i], variances[l]
			if l == last {
				continue
			}
			var sum, spread float64
			for from, to := t.below(l, int64(i)); from < to; from++ {
				sum, spread = sum+z[l+1][from], spread+v[l+1][from]
			}
			z[l][i] = (counts[l][i]*spread + sum*variances[l]) / (spread + variances[l])
			v[l][i] = spread * variances[l] / (spread + variances[l])
		}
	}
	for l := range last {
		for i := range z[l] {
			var sum, spread float64
			from, to := t.below(l, int64(i))
			for c := from; c < to; c++ {
				sum, spread = sum+z[l+1][c], spread+v[l+1][c]
			}
			for c := from; c < to; c++ {
				z[l+1][c] += v[l+1][c] / spread * (z[l][i] - sum)
			}
		}
	}
	out := make([]float64, t.Leaves+1)
	for i, n := range z[last] {
		out[i+1] = out[i] + n
	}
	return out
}

// ranks are the variances of a tree's counts under, whatever they are of.
type ranks struct {
	under, with []float64 // of each edge, and its covariance with the number of all
}

// ranks gets them from the method itself: it is linear, so the variance of what
// it gives is the sum over all counts of their variance times the square of what
// a count of 1 alone gives.
func (t Tree) ranks(variances []float64) ranks {
	r := ranks{make([]float64, t.Leaves+1), make([]float64, t.Leaves+1)}
	counts := make([][]float64, len(t.Each))
	for l := range counts {
		counts[l] = make([]float64, t.nodes(l))
	}
	for l := range counts {
		for i := range counts[l] {
			counts[l][i] = 1
			out := t.under(counts, variances)
			counts[l][i] = 0
			for j, x := range out {
				r.under[j] += x * x * variances[l]
				r.with[j] += x * out[t.Leaves] * variances[l]
			}
		}
	}
	return r
}

// of is the variance of (number under edge j) − q·(number of all).
func (r ranks) of(j int, q float64) float64 {
	all := r.under[len(r.under)-1]
	return max(0, r.under[j]-2*q*r.with[j]+q*q*all)
}

// rising is the non-decreasing sequence nearest to x in squares, by pooling
// neighbours that are out of order, and not below 0.
func rising(x []float64) []float64 {
	type pool struct {
		sum float64
		n   int
	}
	var pools []pool
	for _, v := range x {
		pools = append(pools, pool{v, 1})
		for k := len(pools) - 1; k > 0 && pools[k-1].sum*float64(pools[k].n) > pools[k].sum*float64(pools[k-1].n); k-- {
			pools[k-1] = pool{pools[k-1].sum + pools[k].sum, pools[k-1].n + pools[k].n}
			pools = pools[:k]
		}
	}
	var out []float64
	for _, p := range pools {
		for range p.n {
			out = append(out, max(0, p.sum/float64(p.n)))
		}
	}
	return out
}

// quantile is the q-quantile by a rising number under each edge, in steps from
// the lower bound: inside its leaf by the share of the leaf's people under it. It
// does not fall as q rises. ok is false where nobody is.
func (t Tree) quantile(under []float64, q float64, width int64) (v int64, ok bool) {
	wanted := q * under[t.Leaves]
	if !(wanted > 0) {
		return 0, false
	}
	for j := range t.Leaves {
		if low, high := under[j], under[j+1]; high >= wanted {
			start := j * t.Leaf
			inside := int64((wanted - low) / (high - low) * float64(t.Leaf))
			return min(start+inside, start+t.Leaf-1, width), true
		}
	}
	return width, true
}

// within are the least and the largest value, in steps from the lower bound,
// that the exact q-quantile can have but for a chance of 5 %. The quantile is in
// leaf j where the number under its lower edge is below q of all and the one under
// its upper edge is not. Of each leaf both are tested at 2.5 %, with the variance
// of the difference; the true leaf passes both with 95 % at least, so from the first
// that passes to the last that passes is where it is. No order of the noisy numbers
// is needed for that.
func (t Tree) within(under []float64, r ranks, q float64, width int64) (low, high int64, ok bool) {
	all := under[t.Leaves]
	first, last := int64(-1), int64(-1)
	for j := range t.Leaves {
		lower := under[j] - q*all - z95*root(r.of(int(j), q))
		upper := under[j+1] - q*all + z95*root(r.of(int(j)+1, q))
		if lower < 0 && upper >= 0 {
			if first < 0 {
				first = j
			}
			last = j
		}
	}
	if first < 0 {
		return 0, 0, false
	}
	return first * t.Leaf, min((last+1)*t.Leaf-1, width), true
}
