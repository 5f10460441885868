package ladder

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// BandsOptions describe a ladder of equally wide bands.
type BandsOptions struct {
	// Widths are the levels, finest first, in the unit of the values. Required.
	// Each is > 0 and a whole multiple of the one before.
	Widths []float64
	// Suffix follows the width in a level's name: "y" gives "10y". Default none.
	Suffix string
	// Age makes the input completed years at the window's start.
	Age bool
	// Decimal says that values may have a fraction, so that bands are printed
	// "20-<30" rather than "20-29". A fractional width, Bottom or Top implies it.
	Decimal bool
	// Bottom and Top are the range, Bottom < Top. Values below Bottom are coded
	// into the first band, values at or above Top are one band of their own.
	Bottom, Top float64
}

// Bands returns a ladder with one level per width. The edges of a level are the
// multiples of its width strictly inside (Bottom, Top), and Top. With Bottom 18,
// Top 90 and width 10 the labels are "<20", "20-29" … "80-89", "90+" and
// Unknown: the first band holds all below its edge, the last is top-coded as
// HIPAA's safe harbour wants for ages (45 CFR 164.514(b)(2)(i)(C)).
func Bands(name string, o BandsOptions) (*Ladder, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("ladder %s: %w", name, err)
	}
	l := &Ladder{Name: name, Input: Number, Levels: []Level{open()}}
	if o.Age {
		l.Input = Age
	}
	whole := !o.Decimal && isWhole(o.Bottom) && isWhole(o.Top)
	for _, w := range o.Widths {
		whole = whole && isWhole(w)
	}
	for _, w := range o.Widths {
		edges := append(multiples(w, o.Bottom, o.Top), o.Top)
		l.Levels = append(l.Levels, banded(number(w)+o.Suffix, edges, whole))
	}
	l.Levels = append(l.Levels, top())
	return l, l.Validate()
}

// Cuts returns a Number ladder with one level, named "bands", that is cut at
// the given places. The first and the last are the ends of the range, into
// which values outside it are coded; they are no edges. [0 18.5 25 30 80] gives
// "<18.5", "18.5-<25", "25-<30", "30+" and Unknown.
func Cuts(name string, cuts []float64) (*Ladder, error) {
	if len(cuts) < 3 || len(cuts) > MaxLabels {
		return nil, fmt.Errorf("ladder %s: %d cuts: give 3 to %d, the ends of the range included", name, len(cuts), MaxLabels)
	}
	for n, c := range cuts {
		if math.IsNaN(c) || math.IsInf(c, 0) || n > 0 && c <= cuts[n-1] {
			return nil, fmt.Errorf("ladder %s: cut %d (%s) is not a finite number above the one before", name, n+1, number(c))
		}
	}
	edges := append([]float64(nil), cuts[1:len(cuts)-1]...)
	l := &Ladder{Name: name, Input: Number, Levels: []Level{open(), banded("bands", edges, false), top()}}
	return l, l.Validate()
}

func (o BandsOptions) check() error {
	var errs []error
	if !(o.Bottom < o.Top) || math.Abs(o.Bottom) > 1<<40 || math.Abs(o.Top) > 1<<40 {
		return fmt.Errorf("bottom %s and top %s are no range", number(o.Bottom), number(o.Top))
	}
	if len(o.Widths) == 0 {
		errs = append(errs, errors.New("no width: give at least one"))
	}
	for n, w := range o.Widths {
		switch {
		case !(w > 0) || math.IsInf(w, 0):
			errs = append(errs, fmt.Errorf("width %s is not above 0", number(w)))
		case (o.Top-o.Bottom)/w > MaxLabels-2:
			errs = append(errs, fmt.Errorf("width %s makes more than %d bands", number(w), MaxLabels))
		case n > 0 && (w <= o.Widths[n-1] || !isWhole(tidy(w/o.Widths[n-1]))):
			errs = append(errs, fmt.Errorf("width %s is not a multiple of %s, the one before", number(w), number(o.Widths[n-1])))
		}
	}
	return errors.Join(errs...)
}

// multiples of w strictly between lo and hi. Each is rounded to twelve digits,
// so that 3 × 0.1 and 1 × 0.3 are the same edge.
func multiples(w, lo, hi float64) []float64 {
	var edges []float64
	for k := math.Floor(lo / w); ; k++ {
		e := tidy(k * w)
		if e >= hi {
			return edges
		}
		if e > lo {
			edges = append(edges, e)
		}
	}
}

// banded is the level with the given edges, labelled with them.
func banded(name string, edges []float64, whole bool) Level {
	v := Level{Name: name, Edges: edges}
	v.Labels = append(v.Labels, "<"+number(edges[0]))
	for n := 1; n < len(edges); n++ {
		v.Labels = append(v.Labels, band(edges[n-1], edges[n], whole))
	}
	v.Labels = append(v.Labels, number(edges[len(edges)-1])+"+", Unknown)
	v.Other = v.Unknown()
	return v
}

// band prints [lo, hi).
func band(lo, hi float64, whole bool) string {
	switch {
	case !whole:
		return number(lo) + "-<" + number(hi)
	case hi-lo == 1:
		return number(lo)
	default:
		return number(lo) + "-" + number(hi-1)
	}
}

func isWhole(x float64) bool { return x == math.Trunc(x) }

func tidy(x float64) float64 {
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 12, 64), 64)
	if err != nil {
		return x
	}
	return y
}

func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
