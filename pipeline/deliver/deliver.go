// Package deliver turns a table into files of a workspace, so that whoever looks sees a whole release or none.
//
// # Order of things
//
// The ledger's records stand between the calls:
//
//	Stage     workspace/.staging/<id>/ is written anew: data.arrow, data.parquet, manifest.json, each fsynced, then the folder
//	          RESULT records Files
//	Publish   renamed to workspace/<dataset>/<id>, which must not be there, then both parents fsynced
//	          PUBLISHED
//
// Everything is encoded in memory before the disk is touched. A process that dies before RESULT leaves a staging that
// the next Stage of that id, or [Sweep], removes. One that dies after it is finished by [Resume] and Publish, from the
// bytes on disk: nothing is encoded again. Publishing what is already there is fine, other bytes in its place are
// [ErrExists]. A staging is held by a lock (flock) on its folder for as long as its process lives.
//
// # The files
//
// Both data files hold the same rows in the given order, built from a copy of what can be seen: no label that no row
// shows, zeros under missing values, no statistics. Borders of batches and row groups lie at multiples of 65,536 rows.
// The same order gives the same bytes. Columns carry as Arrow field metadata what is said of them: unit, code, category,
// done, error_column, decimals; the schema carries lethe.release, lethe.dataset, lethe.plan and lethe.label, and so does
// the Parquet file as key-value metadata, beside the Arrow schema. data.arrow is uncompressed, since not every reader
// has a codec; data.parquet is zstd.
//
// # Who may read
//
// Files are 0640 and folders 0750, whatever the umask: the job writes, the group of the workspace reads, nobody else
// does. Give the workspace the researchers' group and the setgid bit, which folders inherit. The staging area is 0700,
// so nobody reads a release before it is one. Modification times of files and of the release's folder are the midnight,
// UTC, that ends the window: they tell nothing about the run.
//
// # What it does not protect against
//
// What the table holds: only an approved one may come here. A reader who times publication by polling, or by the times
// of the folder above the release and of inodes (ctime), which no program can set: publish at the scheduled slot. A
// disk that lies about fsync. The workspace has to be a local file system, or one with flock on folders and atomic
// rename.
package deliver

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"lethe/pipeline/gate"
	"lethe/pipeline/release"
	"lethe/privacy/ledger"
)

// Errors that a caller may branch on, with errors.Is.
var (
	// ErrExists: a release of this id is published, and its bytes are other ones. Nothing was changed.
	ErrExists = errors.New("other content is published under this release id")
	// ErrStagedLost: neither the staging nor the published release holds the bytes that RESULT recorded. They cannot be
	// made again.
	ErrStagedLost = errors.New("the staged files are not those that were recorded")
	// ErrHeld: a live process holds this staging.
	ErrHeld = errors.New("the staging is in use by another process")
)

// An Order is one release to deliver.
type Order struct {
	Workspace string        // Required. Made if only its last element is missing.
	Approved  gate.Approved // Required. What the gate let through.
	Manifest  release.Manifest
	// Of Manifest, what [release.Manifest.Seal] fills is filled here.
}

// draft is what an order comes to: its table is one that [release.Table.Check] lets through.
type draft struct {
	Workspace string
	Table     *release.Table
	Manifest  release.Manifest
}

// Staged is a release on disk and not yet published, or already published and found to be the right one.
type Staged struct {
	place   place
	dataset string
	files   []ledger.File
	hold    *os.File // nil where there is no staging to hold
}

// Stage writes the files of an order to the staging area, in place of an older staging of the same id, and holds it.
// Where it fails it removes what it wrote.
func Stage(o Order) (*Staged, error) {
	return stage(draft{o.Workspace, o.Approved.Table(), o.Manifest}, nil)
}

// content is one file to write.
type content struct {
	ledger.File
	bytes []byte
}

func stage(o draft, before failpoint) (_ *Staged, err error) {
	contents, closed, err := encode(o)
	if err != nil {
		return nil, fmt.Errorf("stage release %s: %w", o.Manifest.Release, err)
	}
	p := place{workspace: o.Workspace, id: o.Manifest.Release, before: before}
	s := &Staged{place: p, dataset: o.Manifest.Dataset}
	for _, c := range contents {
		s.files = append(s.files, c.File)
	}
	if s.hold, err = p.write(contents, closed); err != nil {
		return nil, fmt.Errorf("stage release %s: %w", p.id, err)
	}
	return s, nil
}

// encode makes all files in memory, the manifest last, and tells the time that they bear.
func encode(o draft) (_ []content, closed time.Time, err error) {
	if err := o.Table.Check(); err != nil {
		return nil, closed, err
	}
	m, err := o.Manifest.Seal(o.Table, nil)
	if err != nil {
		return nil, closed, err
	}
	columns := visibleColumns(o.Table)
	schema := arrowSchema(columns, m)
	arrowBytes, err := arrowFile(columns, schema)
	if err != nil {
		return nil, closed, err
	}
	parquetBytes, err := parquetFile(columns, schema)
	if err != nil {
		return nil, closed, err
	}
	contents := []content{named(release.ArrowFile, arrowBytes), named(release.ParquetFile, parquetBytes)}
	for _, c := range contents {
		m.Files = append(m.Files, release.File(c.File))
	}
	manifest, err := m.Marshal()
	if err != nil {
		return nil, closed, err
	}
	closed, err = m.Window.Closed()
	return append(contents, named(release.ManifestFile, manifest)), closed, err
}

func named(name string, b []byte) content {
	sum := sha256.Sum256(b)
	return content{ledger.File{Name: name, Size: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}, b}
}

// Files returns name, size and SHA-256 of every file, the manifest included, in a fixed order.
func (s *Staged) Files() []ledger.File { return append([]ledger.File(nil), s.files...) }

// Close lets go of the staging and leaves its files for [Resume] or [Sweep]. It is not needed after Publish.
func (s *Staged) Close() error {
	if s.hold == nil {
		return nil
	}
	hold := s.hold
	s.hold = nil
	return hold.Close()
}
