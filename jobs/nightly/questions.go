package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"lethe/jobs/door"
	"lethe/pipeline/plan"
	"lethe/pipeline/policy"
)

// schema prints the catalogue for researchers.
func schema(s *settings) error {
	p, err := s.policyAlone()
	if err != nil {
		return err
	}
	c := plan.NewCatalogue(p)
	if s.json {
		return s.door.JSON(c)
	}
	return c.WriteText(s.door.Out)
}

// why tells what happens to one column.
func why(s *settings, name string) error {
	table, column, ok := strings.Cut(name, ".")
	if !ok || table == "" || column == "" {
		return door.With(door.Usage, fmt.Errorf("%q is not TABLE.COLUMN, for example accounts.email", name))
	}
	p, err := s.policyAlone()
	if err != nil {
		return err
	}
	err = plan.Why(s.door.Out, p, policy.Ref{Table: table, Column: column})
	var unlisted *plan.Unlisted
	if errors.As(err, &unlisted) {
		return door.With(door.Usage, err)
	}
	return err
}

// A changeReport is the JSON of one difference.
type changeReport struct {
	Direction string   `json:"direction"`
	Path      []string `json:"path"`
	Old       string   `json:"old"`
	New       string   `json:"new"`
	What      string   `json:"what"`
}

// diff prints what a new version of a policy changes, what loosens it first.
func diff(s *settings, before, after string) error {
	was, err := loadPolicy(before)
	is, more := loadPolicy(after)
	if err := errors.Join(err, more); err != nil {
		return err
	}
	changes := policy.Diff(was, is)
	order := []policy.Direction{policy.Loosened, policy.Other, policy.Tightened}
	slices.SortStableFunc(changes, func(a, b policy.Change) int {
		return slices.Index(order, a.Direction) - slices.Index(order, b.Direction)
	})
	if s.json {
		out := []changeReport{}
		for _, c := range changes {
			out = append(out, changeReport{string(c.Direction), c.Path, c.Old, c.New, c.What})
		}
		return s.door.JSON(out)
	}
	heads := map[policy.Direction]string{
		policy.Loosened:  "LOOSENED: more leaves, of more people, or at a lower price",
		policy.Other:     "OTHER: a person must judge",
		policy.Tightened: "TIGHTENED: less leaves",
	}
	last := policy.Direction("")
	for _, c := range changes {
		if c.Direction != last {
			last = c.Direction
			fmt.Fprintln(s.door.Out, heads[last])
		}
		fmt.Fprintf(s.door.Out, "  %s: %s\n", strings.Join(c.Path, " "), door.Visible(c.What))
	}
	if len(changes) == 0 {
		fmt.Fprintln(s.door.Out, "no difference: both policies say the same")
	}
	return nil
}
