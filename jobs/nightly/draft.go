package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"lethe/jobs/door"
	"lethe/pipeline"
	"lethe/pipeline/duck"
)

// draft writes a first policy for a source.
func draft(ctx context.Context, s *settings, file string) error {
	if s.source == "" {
		return door.With(door.Usage, fmt.Errorf("name the folder that holds the tables with --source"))
	}
	d, err := pipeline.Draft(ctx, duck.Options{Source: s.source, Memory: s.memory, Threads: s.threads})
	if err != nil {
		return err
	}
	if err := s.write(file, d.Text); err != nil {
		return err
	}
	fmt.Fprintf(s.door.Err, "drafted %s, every column dropped. Only a person can decide: the population's name, the zone, of each table\n"+
		"its account column and whether rows are one or many, the five rules of admit, and the budget.\n", door.Count(d.Tables, "table"))
	return errors.Join(d.Skipped...)
}

// write makes a new file, or prints.
func (s *settings) write(file string, text []byte) error {
	if file == "" {
		_, err := s.door.Out.Write(text)
		return door.With(door.Input, err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return door.With(door.Usage, fmt.Errorf("%s exists and is left alone; name another file with --out", file))
	}
	if err != nil {
		return door.With(door.Input, fmt.Errorf("write the draft: %w", err))
	}
	_, err = f.Write(text)
	return door.With(door.Input, errors.Join(err, f.Close()))
}
