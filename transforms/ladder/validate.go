package ladder

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
)

// Validate checks what the comments of Ladder and Level promise, nesting
// included, and returns every breach. A ladder of this package's constructors
// has passed it.
func (l *Ladder) Validate() error {
	last := len(l.Levels) - 1
	if last < 1 || l.Levels[0].Name != Source || l.Levels[last].Name != Top {
		return fmt.Errorf("ladder %s: the first level is not %q or the last not %q", l.Name, Source, Top)
	}
	var errs []error
	if !slices.Contains([]Input{Text, Number, Date, Age}, l.Input) {
		errs = append(errs, fmt.Errorf("input %q", l.Input))
	}
	if l.Input != Text && (l.Fold || l.Shape != "" || l.RefuseOther) {
		errs = append(errs, errors.New("fold, shape and refuse are for text"))
	}
	if _, err := regexp.Compile(l.Shape); err != nil {
		errs = append(errs, fmt.Errorf("shape: %w", err))
	}
	if top := l.Levels[last]; !slices.Equal(top.Labels, []string{Top}) || top.Edges != nil || top.Values != nil {
		errs = append(errs, errors.New("the last level has more than its label"))
	}
	names := map[string]bool{}
	for n := range l.Levels {
		v := &l.Levels[n]
		if v.Name == "" || v.Name == "0" || names[v.Name] {
			errs = append(errs, fmt.Errorf("level %d: name %q is empty, reserved or used twice", n, v.Name))
		}
		names[v.Name] = true
		if n < last {
			errs = append(errs, l.validLevel(v))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("ladder %s: %w", l.Name, err)
	}
	for n := 1; n < last; n++ {
		if err := l.nested(&l.Levels[n-1], &l.Levels[n]); err != nil {
			return fmt.Errorf("ladder %s: level %s: %w", l.Name, l.Levels[n].Name, err)
		}
	}
	return nil
}

// validLevel checks one level below Top by itself.
func (l *Ladder) validLevel(v *Level) error {
	if !v.Finite() {
		if v.Edges != nil || v.Values != nil || v.Name != Source && v.Prefix == 0 {
			return fmt.Errorf("level %s has no labels", v.Name)
		}
		return nil
	}
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("level %s: "+format, append([]any{v.Name}, args...)...))
	}
	seen := map[string]bool{}
	for _, label := range v.Labels {
		if label == "" || label == Top || seen[label] {
			bad("label %q is empty, reserved or used twice", label)
		}
		seen[label] = true
	}
	if v.Labels[v.Unknown()] != Unknown {
		bad("the last label is not %q", Unknown)
	}
	if len(v.Labels)-1 > MaxLabels {
		bad("%d labels", len(v.Labels))
	}
	if l.Input == Text {
		errs = append(errs, l.validValues(v))
	} else {
		errs = append(errs, validEdges(v))
	}
	return errors.Join(errs...)
}

func (l *Ladder) validValues(v *Level) error {
	if v.Values == nil || v.Edges != nil {
		return fmt.Errorf("level %s: text needs values and no edges", v.Name)
	}
	if v.Other < 0 || v.Other >= len(v.Labels) {
		return fmt.Errorf("level %s: other %d is no label", v.Name, v.Other)
	}
	for key, at := range v.Values {
		if at < 0 || at >= len(v.Labels) || key != l.Canonical(key) || v.Prefix > 0 && len(key) != v.Prefix {
			return fmt.Errorf("level %s: key %q is not in the form that values are compared in, or has no label", v.Name, key)
		}
	}
	return nil
}

func validEdges(v *Level) error {
	if len(v.Edges) == 0 || v.Values != nil || v.Prefix != 0 || len(v.Labels) != len(v.Edges)+2 {
		return fmt.Errorf("level %s: %d edges for %d labels", v.Name, len(v.Edges), len(v.Labels))
	}
	for n, e := range v.Edges {
		if math.IsNaN(e) || math.IsInf(e, 0) || n > 0 && e <= v.Edges[n-1] {
			return fmt.Errorf("level %s: the edges do not ascend", v.Name)
		}
	}
	return nil
}

// nested checks that coarse is a function of the labels of fine. Both are below
// Top. What lies under a level without labels is open: a mask's longer prefix
// decides the shorter one, and a value as collected decides everything.
func (l *Ladder) nested(fine, coarse *Level) error {
	if !fine.Finite() {
		if fine.Prefix > 0 && (coarse.Prefix == 0 || coarse.Prefix >= fine.Prefix) {
			return fmt.Errorf("keeps %d characters, the level before %d", coarse.Prefix, fine.Prefix)
		}
		return nil
	}
	if !coarse.Finite() {
		return errors.New("has no labels, the level before has")
	}
	if l.Input != Text {
		for _, e := range coarse.Edges {
			if _, ok := slices.BinarySearch(fine.Edges, e); !ok {
				return fmt.Errorf("edge %v is none of the level before", e)
			}
		}
		return nil
	}
	return nestedValues(fine, coarse)
}

func nestedValues(fine, coarse *Level) error {
	parent := map[int]int{fine.Unknown(): coarse.Unknown()}
	join := func(key string, from, to int) error {
		if first, seen := parent[from]; seen && first != to {
			return fmt.Errorf("%q goes to %q, others of %q to %q", key, coarse.Labels[to], fine.Labels[from], coarse.Labels[first])
		}
		parent[from] = to
		return nil
	}
	errs := []error{join("a value not listed", fine.Other, coarse.Other)}
	if coarse.Prefix == 0 && len(coarse.Values) != len(fine.Values) {
		errs = append(errs, fmt.Errorf("%d keys where the level before has %d", len(coarse.Values), len(fine.Values)))
	}
	for key, from := range fine.Values {
		short := key
		if coarse.Prefix > 0 {
			short = key[:min(coarse.Prefix, len(key))]
		}
		to, ok := coarse.Values[short]
		if !ok {
			errs = append(errs, fmt.Errorf("key %q is missing", short))
			continue
		}
		errs = append(errs, join(key, from, to))
	}
	return errors.Join(errs...)
}
