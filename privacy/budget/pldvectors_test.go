package budget

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"
)

// A vector is one composition of testdata/pld_vectors.json, whose script says what is in it.
type vector struct {
	Interval float64
	Parts    []vectorPart
	Epsilons [][2]*float64 // δ in 1e-18; ε, or nil where it is infinite
}

// A vectorPart is kind, parameters, times.
type vectorPart struct {
	kind       string
	parameters [2]float64
	times      int
}

func (p *vectorPart) UnmarshalJSON(text []byte) error {
	var fields []json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	last := len(fields) - 1
	for i, f := range fields[1:last] {
		if err := json.Unmarshal(f, &p.parameters[i]); err != nil {
			return err
		}
	}
	if err := json.Unmarshal(fields[last], &p.times); err != nil {
		return err
	}
	return json.Unmarshal(fields[0], &p.kind)
}

func (p vectorPart) pld(interval float64) (*PLD, error) {
	a, b := p.parameters[0], p.parameters[1]
	switch p.kind {
	case "gaussian":
		return GaussianPLD(interval, a)
	case "laplace":
		return LaplacePLD(interval, a)
	case "discrete_gaussian":
		return DiscreteGaussianPLD(interval, a, int(b))
	case "discrete_laplace":
		return DiscreteLaplacePLD(interval, a, int(b))
	case "selection":
		return SelectionPLD(interval, Epsilon(a), Delta(b))
	}
	return nil, fmt.Errorf("kind %q is unknown", p.kind)
}

func (v vector) pld() (*PLD, error) {
	var parts []Part
	for _, part := range v.Parts {
		p, err := part.pld(v.Interval)
		if err != nil {
			return nil, err
		}
		parts = append(parts, Part{p, part.times})
	}
	return Compose(parts...)
}

// reference checks p's ε at δ against that of dp-accounting. Both connect the dots on the same grid, so both lie from the
// exact ε to the excess above it. Beyond that:
//
//   - Theirs has an FFT whose error, in δ, is neither bounded nor added. Some 20 units of 2^-53 for each of up to 8
//     FFTs are 2e-14. As δ'(ε) = δ − P(L > ε), that is 2e-14/(P(L > ε) − δ) in ε.
//   - Ours is not above the largest possible loss, theirs not above that of the grid.
func (v vector) reference(p *PLD, delta Delta, theirs *float64) (off float64, err error) {
	got, err := p.EpsilonAt(delta)
	if err != nil {
		return 0, err
	}
	if theirs == nil || got == math.MaxUint64 {
		if theirs != nil || got != math.MaxUint64 {
			return 0, fmt.Errorf("δ %v: got ε %v, want infinite: %v", delta, got, theirs == nil)
		}
		return 0, nil
	}
	eps := float64(got) / 1e9
	off = eps - min(*theirs, p.most())
	if math.Abs(off) <= excess(p, delta) {
		return off, nil
	}
	c, err := newCurve(p, p.tiltForDelta(float64(delta)/1e18))
	if err != nil {
		return off, err
	}
	k := min(max(0, int(math.Ceil(eps/v.Interval))-c.window.lowest), c.window.size-1)
	if bound := excess(p, delta) + 2e-14/(c.above[k]-float64(delta)/1e18); !(math.Abs(off) <= bound) {
		return off, fmt.Errorf("%v: δ %v: got ε %v, want %.10f to within %.2g", v.Parts, delta, eps, *theirs, bound)
	}
	return off, nil
}

// excess is twice what PLD's doc says about the grid, n·h²/8·(1+λ): that is linear in h² and takes the tilt for λ, and the
// Laplace mechanism is connected twice (see LaplacePLD). The tilt is at most 8/h, so that it is never much above 2·n·h. One
// unit of ε is for rounding up, one for arithmetic.
func excess(p *PLD, delta Delta) float64 {
	runs := 0.0
	for _, c := range p.parts {
		runs += float64(c.times)
	}
	return runs*p.interval*p.interval/4*(1+p.tiltForDelta(float64(delta)/1e18)) + 2e-9
}

func readVectors(t *testing.T) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/pld_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	return vectors
}

func TestPLDAgreesWithDPAccounting(t *testing.T) {
	vectors := readVectors(t)
	if len(vectors) < 100 {
		t.Fatalf("got %d vectors, want 100 or more", len(vectors))
	}
	kinds, worst, infinite := map[string]int{}, map[Delta]float64{}, 0
	for i, v := range vectors {
		p, err := v.pld()
		if err != nil {
			t.Fatalf("vector %d: %v", i, err)
		}
		for _, part := range v.Parts {
			kinds[part.kind]++
		}
		for _, e := range v.Epsilons {
			delta := Delta(*e[0])
			off, err := v.reference(p, delta, e[1])
			if err != nil {
				t.Errorf("vector %d: %v", i, err)
			}
			if e[1] == nil {
				infinite++
			} else if relative := math.Abs(off) / *e[1]; relative > worst[delta] {
				worst[delta] = relative
			}
		}
	}
	t.Logf("%d compositions of %v; %d infinite; largest relative difference by δ: %v", len(vectors), kinds, infinite, worst)
}

func TestDPAccountingTellsRoundingDown(t *testing.T) {
	found := 0
	vectors := readVectors(t)[:20]
	for _, v := range vectors {
		p, err := v.pld()
		if err != nil {
			t.Fatal(err)
		}
		e := v.Epsilons[0]
		if _, err := v.reference(roundedDown(p), Delta(*e[0]), e[1]); err != nil {
			found++
		}
	}
	// Near a largest loss, one point of one mechanism may not show.
	if found < 18 {
		t.Errorf("the first mechanism rounded down: found in %d of %d vectors, want 18 or more", found, len(vectors))
	}
}
