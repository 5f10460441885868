package ladder

import (
	"errors"
	"fmt"
	"strings"
)

// MasksOptions describe a ladder that keeps fewer and fewer leading characters.
type MasksOptions struct {
	// Alphabet is "digits" (0-9), "letters" (A-Z) or "alphanumeric" (0-9, A-Z).
	// Required. Letters are compared upper-cased.
	Alphabet string
	// Length is the number of characters of a value, 1 to 64. Required.
	Length int
	// Keep are the numbers of characters kept, descending, each from 1 to
	// Length-1. Required; one level each, named "first3" for 3.
	Keep []int
}

var alphabets = map[string]struct{ letters, class string }{
	"digits":       {"0123456789", "[0-9]"},
	"letters":      {"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "[A-Z]"},
	"alphanumeric": {"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", "[0-9A-Z]"},
}

// Masks returns a Text ladder of masks, "75***" for a five-digit code of which
// two are kept. A level's domain is every prefix there can be, whether any
// person has it or not; where that is more than MaxLabels the level has no
// labels and cannot be published. A value that is not Length characters of the
// alphabet is Unknown.
func Masks(name string, o MasksOptions) (*Ladder, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("ladder %s: %w", name, err)
	}
	a := alphabets[o.Alphabet]
	l := &Ladder{
		Name:   name,
		Input:  Text,
		Fold:   true,
		Shape:  fmt.Sprintf("^%s{%d}$", a.class, o.Length),
		Levels: []Level{open()},
	}
	for _, keep := range o.Keep {
		v := Level{Name: fmt.Sprintf("first%d", keep), Prefix: keep}
		if all := prefixes(a.letters, keep); all != nil {
			v.Values = make(map[string]int, len(all))
			for n, p := range all {
				v.Values[p] = n
				v.Labels = append(v.Labels, p+strings.Repeat("*", o.Length-keep))
			}
			v.Labels = append(v.Labels, Unknown)
			v.Other = v.Unknown()
		}
		l.Levels = append(l.Levels, v)
	}
	l.Levels = append(l.Levels, top())
	return l, l.Validate()
}

func (o MasksOptions) check() error {
	var errs []error
	if _, ok := alphabets[o.Alphabet]; !ok {
		errs = append(errs, fmt.Errorf("alphabet %q is none of digits, letters, alphanumeric", o.Alphabet))
	}
	if o.Length < 1 || o.Length > 64 {
		errs = append(errs, fmt.Errorf("length %d is not from 1 to 64", o.Length))
	}
	if len(o.Keep) == 0 {
		errs = append(errs, errors.New("nothing is kept: give at least one number of characters"))
	}
	for n, k := range o.Keep {
		if k < 1 || k >= o.Length {
			errs = append(errs, fmt.Errorf("keep %d is not from 1 to %d", k, o.Length-1))
		}
		if n > 0 && k >= o.Keep[n-1] {
			errs = append(errs, fmt.Errorf("keep %d stands after %d: list the most first", k, o.Keep[n-1]))
		}
	}
	return errors.Join(errs...)
}

// prefixes are all words of n letters in order, nil if more than MaxLabels.
func prefixes(letters string, n int) []string {
	words := []string{""}
	for range n {
		if len(words)*len(letters) > MaxLabels {
			return nil
		}
		var longer []string
		for _, w := range words {
			for _, c := range letters {
				longer = append(longer, w+string(c))
			}
		}
		words = longer
	}
	return words
}
