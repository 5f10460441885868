package ledger

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"lethe/privacy/budget"
)

// Options are the same for Create and Open. The zero value is ready for use.
type Options struct {
	Clock func() time.Time // Default time.Now. It stamps records and chooses the year that a charge falls in.
}

// Ledger is an open ledger. Its view is of what the log held at Open and at the last call that took the lock: Begin,
// SetCaps and a token's steps read first what others appended. Safe for concurrent use, by any number of handles in any
// number of processes of one machine.
type Ledger struct {
	dir     string
	clock   func() time.Time
	handle  *os.File            // the open log: its lock and its identity
	lock    func(how int) error // flock on handle
	genesis string

	mu      sync.Mutex
	log     file
	state   *state
	seq     int64    // of the next record
	end     int64    // offset behind the last record
	durable int64    // offset up to which this handle knows the log to be on the disk
	hash    [32]byte // of the last record
	last    []byte   // frame of the last record
	poison  error    // why the handle refuses everything, or nil
}

// file is what the ledger does with its log. The tests' disk fails on demand.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
	Truncate(size int64) error
}

const logName = "log"

// Create makes a new ledger in dir, which is made if need be, and opens it. An existing ledger is an error that is
// fs.ErrExist and is left alone. The log appears whole or not at all.
func Create(dir string, o Options) (*Ledger, error) {
	if err := create(dir, o); err != nil {
		return nil, fmt.Errorf("create ledger in %s: %w", dir, err)
	}
	return Open(dir, o)
}

func create(dir string, o Options) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return err
	}
	r := Record{Kind: Genesis, Time: o.now(), ID: hex.EncodeToString(id)}
	frame, _, err := formatFrame([32]byte{}, r)
	if err != nil {
		return err
	}
	draft := filepath.Join(dir, logName+"."+r.ID)
	defer os.Remove(draft)
	if err := writeNew(draft, frame); err != nil {
		return err
	}
	if err := os.Link(draft, filepath.Join(dir, logName)); err != nil { // unlike a rename, it never replaces
		return err
	}
	return errors.Join(syncDir(dir), syncDir(filepath.Dir(dir)))
}

func writeNew(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Open opens the ledger in dir and verifies all of it. It is [ErrNotFound] where there is none and [ErrCorrupt] where
// the log is not what this package wrote. It changes nothing: a torn tail is left for the next append to cut.
func Open(dir string, o Options) (*Ledger, error) {
	f, err := os.OpenFile(filepath.Join(dir, logName), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open %s: %w", dir, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	l := &Ledger{dir: dir, clock: o.now, handle: f, log: f, state: newState()}
	l.lock = func(how int) error { return flock(f, how) }
	if err := l.readAll(); err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger %s: %w", dir, err), f.Close())
	}
	return l, nil
}

// readAll verifies the log from its beginning. Nobody appends meanwhile: a tail that another process is about to cut
// and write over must not be read half and half.
func (l *Ledger) readAll() error {
	if err := l.lock(syscall.LOCK_SH); err != nil {
		return fmt.Errorf("lock the log: %w", err)
	}
	defer l.lock(syscall.LOCK_UN)
	if _, err := l.catchUp(); err != nil {
		return err
	}
	if l.seq == 0 {
		return &Corrupt{0, "there is no whole GENESIS"}
	}
	return nil
}

// Close closes the handle. Tokens still open keep their run locks until they are closed, and can do nothing else.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(l.poison, ErrClosed) {
		return nil
	}
	l.poison = fmt.Errorf("ledger %w", ErrClosed)
	return l.log.Close()
}

// Genesis returns the hash of the GENESIS record in lower-case hex: the ledger's name for ever.
func (l *Ledger) Genesis() string { return l.genesis }

// SetCaps sets the caps of a population. The first call for a population may set any; later ones may lower each of the
// four amounts or leave it, and raising one is [ErrRaise]. Caps as they already are append nothing.
func (l *Ledger) SetCaps(population string, c budget.Caps) error {
	err := l.exclusive(func() error {
		if p := l.state.populations[population]; p != nil && p.caps == c {
			return nil
		}
		return l.append(&Record{Kind: Budget, Population: population, Caps: c})
	})
	if err != nil {
		return fmt.Errorf("set caps of population %s: %w", population, err)
	}
	return nil
}

// Caps returns the caps of a population, and whether it has any.
func (l *Ledger) Caps(population string) (budget.Caps, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.state.populations[population]
	if p == nil {
		return budget.Caps{}, false
	}
	return p.caps, true
}

// Spent returns what a population spent in its life and in the clock's calendar year (UTC).
func (l *Ledger) Spent(population string) (lifetime, year budget.Cost) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state.spent(population, l.clock())
}

// Records reads the log again, from GENESIS to the last record that this handle knows, verifying frames and chain. It
// takes no lock: those bytes never change. After an error nothing follows.
func (l *Ledger) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		l.mu.Lock()
		in, end := bufferedSection(l.log, 0, l.end)
		l.mu.Unlock()
		var hash [32]byte
		for seq, at := int64(0), int64(0); at < end; seq++ {
			r, frame, h, err := readFrame(in, hash, seq)
			if err != nil {
				yield(Record{}, fmt.Errorf("read ledger: %w", corrupt(seq, err)))
				return
			}
			if !yield(r, nil) {
				return
			}
			hash, at = h, at+int64(len(frame))
		}
	}
}

func (o Options) now() time.Time {
	if o.Clock == nil {
		return time.Now()
	}
	return o.Clock()
}
