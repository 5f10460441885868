package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"testing"
	"testing/iotest"
)

// TestTails: every way in which an append can be cut short is no record, to both
// readers, and nothing else is.
func TestTails(t *testing.T) {
	w := newWorld(t)
	w.release(request("steps"), turn{})
	whole := w.read("ledger/log")
	dir := t.TempDir()
	from := int64(bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1)
	before, after := recount(bytes.NewReader(whole[:from])), recount(bytes.NewReader(whole))
	if !before.sound() || !after.sound() || before.size+1 != after.size {
		t.Fatal("the log with and without its last record: want two that are sound")
	}
	for cut := from; cut < int64(len(whole)); cut++ {
		err, b := both(t, dir, whole[:cut])
		if err != nil || !b.sound() || b.size != before.size || b.torn != int(cut-from) {
			t.Errorf("cut at byte %d of %d: package ledger says %v, the recount %v, torn %d", cut, len(whole), err, b.broken, b.torn)
		}
	}
	for name, spoil := range map[string]func([]byte) []byte{
		"a line feed in the tail":        func(log []byte) []byte { return append(log[:from+100], '\n') },
		"a tail that is no frame":        func(log []byte) []byte { return append(log, "a line without an end"...) },
		"a tail of the wrong number":     func(log []byte) []byte { return append(log, log[from:len(log)-1]...) },
		"a tail longer than it says":     func(log []byte) []byte { return append(bytes.TrimSuffix(log, []byte("\n")), "}}}"...) },
		"a last record that was changed": func(log []byte) []byte { log[len(log)-5] ^= 1; return log },
		"a NUL in the last record":       func(log []byte) []byte { log[len(log)-5] = 0; return log },
		"an empty sector in the middle":  func(log []byte) []byte { clear(log[sectorBytes : 2*sectorBytes]); return log },
		"two records, and empty sectors": func(log []byte) []byte {
			return append(append(log, "0000"...), make([]byte, 3*sectorBytes)...)[:len(log)+2*sectorBytes]
		},
		"a byte that no record holds":     func(log []byte) []byte { log[from+250] = 0xff; return log[:from+260] },
		"a last record without line feed": func(log []byte) []byte { log[len(log)-1] = ' '; return log },
	} {
		err, b := both(t, dir, spoil(bytes.Clone(whole)))
		if (err == nil) != b.sound() {
			t.Errorf("%s: package ledger says %v, the recount %v", name, err, b.broken)
		}
		t.Logf("%s: taken %v, torn %d", name, b.sound(), b.torn)
	}
}

// TestTailBeyondItsFrame: a tail may not reach beyond the frame that its length
// speaks of, also where the rest of it is empty: no append is longer than its
// frame.
func TestTailBeyondItsFrame(t *testing.T) {
	if !*long {
		t.Skip("package ledger takes it for torn: needs -long until it does not")
	}
	w := newWorld(t)
	log := append(w.read("ledger/log"), "0000008c f6c26261885b2a22047330"...)
	err, b := both(t, t.TempDir(), append(log, make([]byte, 4*sectorBytes)...))
	if err == nil || b.sound() {
		t.Errorf("package ledger says %v, the recount %v: want two that refuse", err, b.broken)
	}
}

// TestDiskThatFails: bytes that the disk does not give say nothing about the
// log, and are no torn tail.
func TestDiskThatFails(t *testing.T) {
	w := newWorld(t)
	log := w.read("ledger/log")
	for _, after := range []int{0, 100, len(log) - 1, len(log)} {
		b := recount(io.MultiReader(bytes.NewReader(log[:after]), iotest.ErrReader(fs.ErrPermission)))
		if !errors.Is(b.broken, errDisk) || b.torn != 0 {
			t.Errorf("after %d bytes: got %v, torn %d, want the disk's error", after, b.broken, b.torn)
		}
	}
}
