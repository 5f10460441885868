// Package generate writes a whole source: accounts in chunks, every table of a
// chunk by as many workers as there are processors, every file one row group
// per chunk.
//
// The bytes depend on the options alone. A row is a function of (seed,
// account, table, day); the order of rows is the order of accounts; a file
// gets its row groups in the order of the chunks, whoever makes them. Memory
// holds one chunk and one buffer per worker and table, whatever the number of
// accounts.
package generate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"lethe/testdata/population/people"
	"lethe/testdata/population/sheet"
	"lethe/testdata/population/tables"
	"lethe/testdata/population/world"
)

// Options say what is written where.
type Options struct {
	Out      string    // Required. A folder that does not exist yet.
	Accounts int       // Required. At least 1.
	Days     int       // Required. 1 to 366.
	Seed     uint64    // The same seed is the same people.
	Minutes  int       // Accounts with minute and hourly rows. Default 0.
	First    world.Day // Required. The first day of data.
	Level    int       // zstd, 1 to 22. Default: 19 up to 50,000 accounts, 1 above.
	Progress io.Writer // Required. A line per chunk, and a table of rows.
}

const (
	chunkSize     = 1 << 16 // accounts; a multiple of people.Block
	maxGroupRows  = 1 << 19 // rows of a row group that a table may write early
	smallAccounts = 50_000
)

// Run writes the source. It fails if the folder exists, and leaves nothing
// behind when it fails later.
func Run(o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	if _, err := os.Stat(o.Out); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s exists: remove it or name another folder", o.Out)
	}
	if o.Level == 0 {
		o.Level = 1
		if o.Accounts <= smallAccounts {
			o.Level = 19
		}
	}
	partial := filepath.Clean(o.Out) + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return err
	}
	defer os.RemoveAll(partial)
	if err := write(o, partial); err != nil {
		return err
	}
	return os.Rename(partial, o.Out)
}

func (o Options) check() error {
	var problems []error
	if o.Out == "" {
		problems = append(problems, errors.New("no folder to write to: give -out"))
	}
	if o.Accounts < 1 {
		problems = append(problems, fmt.Errorf("%d accounts: give 1 or more", o.Accounts))
	}
	if o.Days < 1 || o.Days > 366 {
		problems = append(problems, fmt.Errorf("%d days: give 1 to 366", o.Days))
	}
	if o.Level < 0 || o.Level > 22 {
		problems = append(problems, fmt.Errorf("zstd level %d: give 1 to 22, or 0 for the default", o.Level))
	}
	return errors.Join(problems...)
}

func write(o Options, folder string) error {
	last := o.First + world.Day(o.Days) - 1
	calendar, err := world.NewCalendar(o.First, last)
	if err != nil {
		return err
	}
	census := &people.Census{Seed: o.Seed, Places: world.NewPlaces(), First: o.First, Days: o.Days}
	src := tables.Source{Census: census, Calendar: calendar}
	if err := writeCommunes(census.Places, folder); err != nil {
		return err
	}
	run, err := newRun(o, src, folder)
	if err != nil {
		return err
	}
	for from := 0; from < o.Accounts; from += chunkSize {
		crowd, err := run.draw(int64(from), min(chunkSize, o.Accounts-from))
		if err != nil {
			return err
		}
		if err := run.chunk(crowd); err != nil {
			return err
		}
		fmt.Fprintf(o.Progress, "%d of %d accounts, %d rows\n", from+len(crowd), o.Accounts, run.rows())
	}
	return run.close()
}

func writeCommunes(places *world.Places, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	out, err := os.Create(filepath.Join(folder, "communes.csv"))
	if err != nil {
		return err
	}
	defer out.Close()
	if err := places.WriteCSV(out); err != nil {
		return err
	}
	return out.Close()
}

// run is one execution: the files, and a set of tables per worker.
type run struct {
	o       Options
	src     tables.Source
	workers [][]tables.Table
	files   [][]*sheet.File // table, day (one if not daily)
	minutes int             // accounts still wanted for minute rows
	crowd   []people.Person
}

func newRun(o Options, src tables.Source, folder string) (*run, error) {
	r := &run{o: o, src: src, minutes: o.Minutes}
	for range runtime.GOMAXPROCS(0) {
		r.workers = append(r.workers, tables.All(src))
	}
	for _, t := range r.workers[0] {
		paths := []string{t.Name + ".parquet"}
		if t.Daily {
			paths = paths[:0]
			for d := range o.Days {
				day := o.First + world.Day(d)
				paths = append(paths, filepath.Join(t.Name, "day="+day.String(), "part-0.parquet"))
			}
		}
		var files []*sheet.File
		for _, path := range paths {
			f, err := sheet.Create(filepath.Join(folder, path), t.Sheet, o.Level)
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
		r.files = append(r.files, files)
	}
	return r, nil
}

// draw makes the persons of a chunk and marks those with minute rows: the
// first who have a watch and a mat.
func (r *run) draw(from int64, n int) ([]people.Person, error) {
	if r.crowd == nil {
		r.crowd = make([]people.Person, n)
	}
	crowd := r.crowd[:n]
	const part = 1 << 12
	var group errgroup.Group
	group.SetLimit(len(r.workers))
	for at := 0; at < n; at += part {
		group.Go(func() error {
			r.src.Draw(world.NewStream(), from+int64(at), crowd[at:min(at+part, n)])
			return nil
		})
	}
	err := group.Wait()
	for i := range crowd {
		p := &crowd[i]
		if r.minutes > 0 && p.Owns[people.Watch] && p.Owns[people.Mat] && p.Created < r.o.First {
			p.Minute = true
			r.minutes--
		}
	}
	return crowd, err
}

// chunk appends the rows of the persons to every file. Files are handed out to
// the workers one by one.
func (r *run) chunk(crowd []people.Person) error {
	type job struct{ table, day int }
	jobs := make(chan job)
	group, ctx := errgroup.WithContext(context.Background())
	for _, set := range r.workers {
		group.Go(func() error {
			for j := range jobs {
				if err := r.fill(set[j.table], r.files[j.table][j.day], j.day, crowd); err != nil {
					return err
				}
			}
			return nil
		})
	}
hand:
	for t, files := range r.files {
		for d := range files {
			select {
			case jobs <- job{t, d}:
			case <-ctx.Done():
				break hand
			}
		}
	}
	close(jobs)
	return group.Wait()
}

func (r *run) fill(t tables.Table, f *sheet.File, day int, crowd []people.Person) error {
	full := func() error {
		if t.Sheet.Rows() < maxGroupRows {
			return nil
		}
		return f.Append(t.Sheet)
	}
	if err := t.Fill(crowd, r.o.First+world.Day(day), full); err != nil {
		return err
	}
	return f.Append(t.Sheet)
}

func (r *run) rows() int64 {
	var n int64
	for _, files := range r.files {
		for _, f := range files {
			n += f.Rows()
		}
	}
	return n
}

// close finishes the files and says how many rows each table got.
func (r *run) close() error {
	var problems []error
	for t, files := range r.files {
		var rows int64
		for _, f := range files {
			rows += f.Rows()
			problems = append(problems, f.Close())
		}
		fmt.Fprintf(r.o.Progress, "%-12s %12d rows\n", r.workers[0][t].Name, rows)
	}
	return errors.Join(problems...)
}
