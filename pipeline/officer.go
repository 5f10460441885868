package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"lethe/pipeline/duck"
	"lethe/pipeline/plan"
)

// An Officer is the operator's sealed record of one release: figures that come
// from raw rows, rounded. It lies beside the ledger, mode 0600, and never in
// the workspace. It is no part of any guarantee: who may read it may read the
// source.
type Officer struct {
	Dataset string           `json:"dataset"`
	Window  string           `json:"window"`
	Release string           `json:"release"`
	Attempt int              `json:"attempt"`
	People  map[string]int64 `json:"people"` // admitted, and refused by reason; to the nearest 10
	Rows    map[string]int64 `json:"rows"`   // rows used, and dropped by rule; to the nearest 100
	Misread float64          `json:"misread_share"`
}

func officerPath(ledger, release string) string {
	return filepath.Join(ledger, "officer", release+".json")
}

// writeOfficer records a release before it is drawn. An attempt that is made
// again writes the same record again.
func writeOfficer(o Options, j *job, who *duck.Admitted, x *duck.Exact) error {
	rec := Officer{Dataset: j.plan.Dataset, Window: j.plan.Window.String(), Release: j.begun.Release, Attempt: j.begun.Attempt,
		People: map[string]int64{}, Rows: map[string]int64{}}
	for reason, n := range who.Refused {
		if reason == "" {
			reason = "admitted"
		}
		rec.People[reason] = nearest(n, 10)
	}
	for rule, n := range x.Tally {
		rec.Rows[rule] = nearest(n, 100)
	}
	if read := x.Tally["read"]; read > 0 {
		rec.Misread = math.Round(float64(x.Tally["format"])/float64(read)*100) / 100
	}
	b, err := json.MarshalIndent(rec, "", "  ")
	if err != nil {
		return internalError(err)
	}
	return ledgerError(replace(officerPath(o.Book.Folder, rec.Release), append(b, '\n')))
}

func nearest(n, unit int64) int64 { return (n + unit/2) / unit * unit }

// replace writes a file whole: a temporary one, synced, then renamed.
func replace(path string, b []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make folder for operators' records: %w", err)
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return fmt.Errorf("write operators' record: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write operators' record: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write operators' record: %w", err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write operators' record: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// stopped says why a dataset must not run: in the window before, more text did
// not parse than the policy allows. The share is looked at one window late, so
// that no release depends on it.
func stopped(o Options, p *plan.Plan) error {
	last, err := lastOfficer(o.Book.Folder, p)
	if err != nil || last == nil {
		return err
	}
	if last.Misread > o.Policy.Floors.Format.Float() {
		return fmt.Errorf("dataset %s: rule format dropped %.0f %% of the rows of window %s, over the policy's limit of %s: "+
			"compare the declared types and formats with the files, then remove %s to go on",
			p.Dataset, last.Misread*100, last.Window, o.Policy.Floors.Format.Text, officerPath(o.Book.Folder, last.Release))
	}
	return nil
}

// lastOfficer is the record of the latest window before the plan's.
func lastOfficer(ledger string, p *plan.Plan) (*Officer, error) {
	entries, err := os.ReadDir(filepath.Join(ledger, "officer"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read operators' records: %w", err)
	}
	var last *Officer
	for _, e := range entries {
		rec := &Officer{}
		b, err := os.ReadFile(filepath.Join(ledger, "officer", e.Name()))
		if err != nil || json.Unmarshal(b, rec) != nil || rec.Dataset != p.Dataset || rec.Window >= p.Window.String() {
			continue
		}
		if last == nil || rec.Window > last.Window {
			last = rec
		}
	}
	return last, nil
}
