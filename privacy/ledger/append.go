package ledger

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
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
	if l.key == nil {
		return fmt.Errorf("%w: the ledger is open for reading", ErrKey)
	}
	if err := l.log.Lock(syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock the log: %w", err)
	}
	defer l.log.Lock(syscall.LOCK_UN)
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
	others, err := l.claim()
	if err != nil {
		return err
	}
	if others && l.durable > 0 { // who may have written, or cut a tail, and died before that was durable
		l.durable = -1
	}
	grown, err := l.sameLog()
	if err != nil {
		return err
	}
	if l.durable == 0 { // who created the ledger may have died before its name was durable
		if err := errors.Join(l.disk.SyncDir(l.dir), l.disk.SyncDir(filepath.Dir(l.dir))); err != nil {
			return fmt.Errorf("fsync the ledger's folder: %w", err)
		}
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
	return l.harden()
}

// claim says whether another handle held the log's lock since this one did. Whoever takes the lock leaves his mark, which
// only living processes read, so that it is never fsynced.
func (l *Ledger) claim() (others bool, err error) {
	if l.holder == nil {
		if err := l.disk.Mkdir(filepath.Join(l.dir, runningName)); err != nil {
			return false, fmt.Errorf("make the folder of locks: %w", err)
		}
		if l.holder, err = l.disk.Open(filepath.Join(l.dir, runningName, "holder"), os.O_RDWR|os.O_CREATE); err != nil {
			return false, fmt.Errorf("open the mark of the lock's holder: %w", err)
		}
	}
	mark := make([]byte, len(l.mark))
	if _, err := l.holder.ReadAt(mark, 0); err != nil && err != io.EOF {
		return false, errors.Join(errRead, err)
	}
	if bytes.Equal(mark, l.mark[:]) {
		return false, nil
	}
	if n, err := l.holder.WriteAt(l.mark[:], 0); err != nil || n != len(l.mark) {
		return false, fmt.Errorf("mark the lock's holder: %w", errors.Join(err, short(n, len(l.mark))))
	}
	return true, nil
}

// harden makes durable what others wrote. Whoever appends has made all before it durable, so that only the last record
// is in doubt; and if its fsync failed, the kernel holds its pages for clean and a second fsync would write nothing
// (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020). So the record is written again.
func (l *Ledger) harden() error {
	if n, err := l.log.WriteAt(l.last, l.end-int64(len(l.last))); err != nil || n != len(l.last) {
		return fmt.Errorf("write the last record again: %w", errors.Join(err, short(n, len(l.last))))
	}
	if err := l.log.Sync(); err != nil {
		return fmt.Errorf("fsync the log: %w", err)
	}
	l.durable = l.end
	return l.keepCopy()
}

// sameLog: the log is still the file that was opened, and still ends, or goes on, with the record read last. It notices
// a folder that was restored from a copy under a running program. It says whether the log goes on.
func (l *Ledger) sameLog() (grown bool, err error) {
	if !l.log.IsAt(filepath.Join(l.dir, logName)) {
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
	in := bufferedSection(l.log, l.end, math.MaxInt64)
	from := l.seq
	for {
		f, err := readFrame(in, l.last, l.seq)
		if err == io.EOF {
			break
		}
		if err != nil {
			if err = l.explain(err); !errors.Is(err, errTorn) {
				return false, err
			}
			tail = true
			break
		}
		if err := l.take(f); err != nil {
			return false, corrupt(l.seq, err)
		}
	}
	if l.seq == from {
		return tail, nil
	}
	return tail, l.checkSigned(l.seq - 1)
}

// explain says what follows the last whole record, where readFrame said err of it: errTorn, a *Corrupt, or that the disk
// failed.
func (l *Ledger) explain(err error) error {
	if errors.Is(err, errRead) {
		return err
	}
	tail, failed := io.ReadAll(io.NewSectionReader(l.log, l.end, maxFrame+1))
	if failed != nil {
		return errors.Join(errRead, failed)
	}
	err = torn(err, tail, l.end, l.seq)
	if errors.Is(err, errTorn) {
		return err
	}
	if l.seq > 0 { // its bytes are in the hash that does not match
		if unsigned := l.checkSigned(l.seq - 1); unsigned != nil {
			return unsigned
		}
	}
	return &Corrupt{l.seq, err.Error()}
}

// checkSigned: the frame of a record bears the ledger's signature, over it and all before it.
func (l *Ledger) checkSigned(seq int64) error {
	_, err := l.checkpointAt(seq + 1)
	if err != nil && !errors.Is(err, errRead) {
		return &Corrupt{seq, "it is not signed by the ledger's key"}
	}
	return err
}

// corrupt says of record seq what was found wrong with it, unless the disk failed or that is said already.
func corrupt(seq int64, err error) error {
	if errors.Is(err, errRead) || errors.Is(err, ErrCorrupt) {
		return err
	}
	return &Corrupt{seq, err.Error()}
}

// next returns r as the next frame, signed.
func (l *Ledger) next(r *Record, origin string) (*frame, error) {
	r.Seq = l.seq
	return formatFrame(l.last, *r, func(hash [32]byte) ([]byte, error) {
		root, err := l.tree.rootWith(l.seq, hash)
		if err != nil {
			return nil, err
		}
		return l.key.Sign([]byte(checkpointText(origin, l.seq+1, root)))
	})
}

// append makes r the next record. When it returns nil, r is on the disk. A record that check refuses is not written; a
// failed write or fsync poisons the handle, and whether r is in the log is for the next Open to find.
func (l *Ledger) append(r *Record) error {
	if err := l.checkInForce(); err != nil {
		return err
	}
	r.Time = l.clock()
	f, err := l.next(r, l.origin())
	if err != nil {
		return fmt.Errorf("format %s: %w", r.Kind, err)
	}
	if err := l.state.check(&f.record); err != nil {
		return err
	}
	if n, err := l.log.WriteAt(f.bytes, l.end); err != nil || n != len(f.bytes) {
		return l.fail(fmt.Errorf("write %s: %w", r.Kind, errors.Join(err, short(n, len(f.bytes)))))
	}
	if err := l.log.Sync(); err != nil {
		return l.fail(fmt.Errorf("fsync %s: %w", r.Kind, err))
	}
	if err := l.take(f); err != nil {
		return l.fail(err)
	}
	l.durable = l.end
	if err := l.keepCopy(); err != nil {
		return l.fail(fmt.Errorf("keep the checkpoint of %s: %w", r.Kind, err))
	}
	return nil
}

// checkInForce: the handle's key is still the ledger's.
func (l *Ledger) checkInForce() error {
	if l.key.vkey != l.state.keys.current() {
		return l.fail(fmt.Errorf("%w: another process has rotated it", ErrKey))
	}
	return nil
}

func short(n, want int) error {
	if n == want {
		return nil
	}
	return io.ErrShortWrite
}

// take applies a frame and moves the handle's end behind it. At a change of the ledger's key the frame's signature is
// checked, since it is the last that the old key makes.
func (l *Ledger) take(f *frame) error {
	former := len(l.state.keys.former)
	if err := l.state.apply(&f.record); err != nil {
		return err
	}
	if err := l.tree.add(l.seq, f.hash); err != nil {
		return err
	}
	l.offsets = append(l.offsets, l.end)
	l.seq, l.end, l.last = l.seq+1, l.end+int64(len(f.bytes)), f.bytes
	if len(l.state.keys.former) > former {
		return l.checkSigned(l.seq - 1)
	}
	return nil
}

func bufferedSection(r io.ReaderAt, from, to int64) io.Reader {
	return bufio.NewReaderSize(io.NewSectionReader(r, from, to-from), 64<<10)
}
