package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

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
	for flag, path := range map[string]string{"--workspace": s.workspace, "--ledger": s.ledger} {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return door.With(map[string]int{"--workspace": door.Input, "--ledger": door.Ledger}[flag],
				fmt.Errorf("%s %s is not a folder", flag, path))
		}
	}
	progress := s.door.Progress()
	o.Progress = listener{progress}
	sum, err := pipeline.Run(ctx, o)
	progress.Wait()
	if sum == nil || len(sum.Outcomes) == 0 {
		return advised(err)
	}
	var shown error
	if s.json {
		shown = s.door.JSON(report(sum, o))
	} else {
		shown = s.table(sum, o)
	}
	return errors.Join(advised(err), failures(sum), shown)
}

// failures are the errors of all datasets.
func failures(sum *pipeline.Summary) error {
	var all []error
	for _, o := range sum.Outcomes {
		err := advised(o.Err)
		if err != nil && !strings.Contains(err.Error(), o.Dataset) {
			err = door.With(door.Code(err), fmt.Errorf("dataset %s: %w", o.Dataset, err))
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}

// A listener hands what a run tells on to the door.
type listener struct{ door.Progress }

// Done ends a dataset.
func (l listener) Done(o pipeline.Outcome) { l.End(o.Dataset, string(o.Status), o.Err == nil) }
