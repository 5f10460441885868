package main

import (
	"context"
	"errors"

	"lethe/jobs/door"
	"lethe/pipeline"
)

// run delivers the datasets, shows how each ended, and returns what went wrong
// with any of them.
func run(ctx context.Context, s *settings) error {
	o, err := s.options()
	if err != nil {
		return err
	}
	progress := s.door.Progress()
	o.Progress = listener{progress}
	sum, err := pipeline.Run(ctx, o)
	progress.Wait()
	if sum == nil || len(sum.Outcomes) == 0 {
		return err
	}
	var shown error
	if s.json {
		shown = s.door.JSON(report(sum, o))
	} else {
		shown = s.table(sum, o)
	}
	return errors.Join(err, failures(sum), shown)
}

// failures are the errors of all datasets.
func failures(sum *pipeline.Summary) error {
	var all []error
	for _, o := range sum.Outcomes {
		all = append(all, o.Err)
	}
	return errors.Join(all...)
}

// A listener hands what a run tells on to the door.
type listener struct{ door.Progress }

// Done ends a dataset.
func (l listener) Done(o pipeline.Outcome) { l.End(o.Dataset, string(o.Status), o.Err == nil) }
