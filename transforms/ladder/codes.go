package ladder

import (
	"errors"
	"fmt"
)

// Other is the label that Codes gives to unlisted values under OtherTop.
const Other = "other"

// What Codes does with a value that is present but not listed.
const (
	OtherRefuse  = "refuse"  // the row is dropped and counted: Ladder.RefuseOther
	OtherUnknown = "unknown" // it is Unknown
	OtherTop     = "top"     // it has the label "other"
)

// Codes returns a Text ladder over a closed list of codes. Level 0 is finite:
// the codes in the order given, "other" under OtherTop, and Unknown; the only
// other level is Top. Codes are compared exactly, after trimming. other is
// OtherRefuse, OtherUnknown or OtherTop.
func Codes(name string, codes []string, other string) (*Ladder, error) {
	l := &Ladder{Name: name, Input: Text, RefuseOther: other == OtherRefuse}
	v := Level{Name: Source, Values: map[string]int{}}
	var errs []error
	if len(codes) == 0 || len(codes) > MaxLabels-1 {
		errs = append(errs, fmt.Errorf("%d codes: give 1 to %d", len(codes), MaxLabels-1))
	}
	for _, c := range codes {
		_, twice := v.Values[c]
		switch {
		case twice:
			errs = append(errs, fmt.Errorf("code %q is listed twice", c))
		case c == "" || c != l.Canonical(c):
			errs = append(errs, fmt.Errorf("code %q is empty or has spaces around it", c))
		case c == Unknown || c == Top || c == Other && other == OtherTop:
			errs = append(errs, fmt.Errorf("code %q is a label that the ladder makes itself", c))
		}
		v.Values[c] = len(v.Labels)
		v.Labels = append(v.Labels, c)
	}
	switch other {
	case OtherRefuse, OtherUnknown:
		v.Labels = append(v.Labels, Unknown)
		v.Other = v.Unknown()
	case OtherTop:
		v.Labels = append(v.Labels, Other, Unknown)
		v.Other = v.Unknown() - 1
	default:
		errs = append(errs, fmt.Errorf("other %q is none of %s, %s, %s", other, OtherRefuse, OtherUnknown, OtherTop))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("ladder %s: %w", name, err)
	}
	l.Levels = []Level{v, top()}
	return l, l.Validate()
}
