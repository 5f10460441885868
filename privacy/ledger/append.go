package ledger

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"syscall"
)

// exclusive runs do while no other handle, here or in another process, can append, and with the log read to its end.
func (l *Ledger) exclusive(do func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.poison != nil {
		return l.poison
	}
	if err := l.lock(syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock the log: %w", err)
	}
	defer l.lock(syscall.LOCK_UN)
	if err := l.settle(); err != nil {
		return l.fail(err)
	}
	return do()
}

// fail makes err final for this handle.
func (l *Ledger) fail(err error) error {
	l.poison = fmt.Errorf("%w: %w", ErrPoisoned, err)
	return l.poison
}

// settle takes in what others appended, cuts a torn tail, and makes sure that all of it is on the disk: a record of a
// process that died between its write and its fsync may be acted on only once it is durable.
func (l *Ledger) settle() error {
	grown, err := l.sameLog()
	if err != nil {
		return err
	}
	tail := false
	if grown {
		if tail, err = l.catchUp(); err != nil {
			return err
		}
	}
	if tail {
		if err := l.log.Truncate(l.end); err != nil {
			return fmt.Errorf("cut the torn tail: %w", err)
		}
		l.durable = -1
	}
	if l.durable == l.end {
		return nil
	}
	if err := l.log.Sync(); err != nil {
		return fmt.Errorf("fsync the log: %w", err)
	}
	l.durable = l.end
	return nil
}

// sameLog: the log is still the file that was opened, and still ends, or goes on, with the record read last. It notices
// a folder that was restored from a copy under a running program. It says whether the log goes on.
func (l *Ledger) sameLog() (grown bool, err error) {
	if !sameFile(l.handle, filepath.Join(l.dir, logName)) {
		return false, &Corrupt{l.seq - 1, "the log was replaced while it was open"}
	}
	seen := make([]byte, len(l.last)+1)
	n, err := l.log.ReadAt(seen, l.end-int64(len(l.last)))
	if err != nil && err != io.EOF {
		return false, errors.Join(errRead, err)
	}
	if !bytes.HasPrefix(seen[:n], l.last) {
		return false, &Corrupt{l.seq - 1, "the record changed or vanished while the log was open"}
	}
	return n > len(l.last), nil
}

// catchUp verifies and applies the records from l.end on. It says whether a torn tail follows them.
func (l *Ledger) catchUp() (tail bool, err error) {
	in, _ := bufferedSection(l.log, l.end, math.MaxInt64)
	for {
		r, frame, hash, err := readFrame(in, l.hash, l.seq)
		switch {
		case err == io.EOF:
			return false, nil
		case errors.Is(err, errTorn):
			return true, nil
		case err != nil:
			return false, corrupt(l.seq, err)
		}
		if err := l.state.apply(&r); err != nil {
			return false, &Corrupt{l.seq, err.Error()}
		}
		l.took(&r, frame, hash)
	}
}

// corrupt says of record seq what readFrame found wrong with it, unless the disk failed.
func corrupt(seq int64, err error) error {
	if errors.Is(err, errRead) {
		return err
	}
	return &Corrupt{seq, err.Error()}
}

// append makes r the next record. When it returns nil, r is on the disk. A record that check refuses is not written; a
// failed write or fsync poisons the handle, and whether r is in the log is for the next Open to find.
func (l *Ledger) append(r *Record) error {
	r.Seq, r.Time = l.seq, l.clock()
	frame, hash, err := formatFrame(l.hash, *r)
	if err != nil {
		return err
	}
	// What is kept is what a reader would find: parsed again, so that the record is known to be readable.
	back, frame, hash, err := readFrame(bytes.NewReader(frame), l.hash, l.seq)
	if err != nil {
		return fmt.Errorf("read back %s: %w", r.Kind, err)
	}
	if err := l.state.check(&back); err != nil {
		return err
	}
	if n, err := l.log.WriteAt(frame, l.end); err != nil || n != len(frame) {
		return l.fail(fmt.Errorf("write %s: %w", r.Kind, errors.Join(err, short(n, len(frame)))))
	}
	if err := l.log.Sync(); err != nil {
		return l.fail(fmt.Errorf("fsync %s: %w", r.Kind, err))
	}
	if err := l.state.apply(&back); err != nil {
		return l.fail(err)
	}
	l.took(&back, frame, hash)
	l.durable = l.end
	return nil
}

func short(n, want int) error {
	if n == want {
		return nil
	}
	return io.ErrShortWrite
}

// took moves the handle's end behind a record.
func (l *Ledger) took(r *Record, frame []byte, hash [32]byte) {
	if l.seq == 0 {
		l.genesis = r.Hash
	}
	l.seq, l.end, l.hash, l.last = l.seq+1, l.end+int64(len(frame)), hash, frame
}

func bufferedSection(r io.ReaderAt, from, to int64) (io.Reader, int64) {
	return bufio.NewReaderSize(io.NewSectionReader(r, from, to-from), 64<<10), to
}
