package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	maxBody   = 1 << 20                  // bytes
	headBytes = 8 + 1 + 64 + 1 + 128 + 1 // length, space, hash, space, signature, space
	maxFrame  = headBytes + maxBody + 1  // and the line feed
	sector    = 512                      // bytes that a disk writes whole or not at all
)

// errTorn: the file ends inside a frame that was never finished.
var errTorn = errors.New("the last record was never finished")

// errRead: the disk did not give the bytes, which says nothing about them.
var errRead = errors.New("read the log")

// frame is one frame of the log, as bytes and as what they say.
type frame struct {
	bytes  []byte // whole, with its line feed
	hash   [32]byte
	record Record
}

// signature returns the frame's Ed25519 signature.
func (f *frame) signature() []byte {
	s, err := hex.DecodeString(string(f.bytes[74:202]))
	if err != nil {
		return nil // which no key has signed
	}
	return s
}

// chain returns the hash of the record with this body after the frame before it.
func chain(before, body []byte) [32]byte {
	h := sha256.New()
	h.Write(before)
	h.Write(body)
	return [32]byte(h.Sum(nil))
}

// formatFrame returns r as the frame after the frame before, signed by sign, which is handed the frame's hash.
func formatFrame(before []byte, r Record, sign func(hash [32]byte) ([]byte, error)) (*frame, error) {
	body, err := formatBody(r)
	if err != nil {
		return nil, err
	}
	hash := chain(before, body)
	signature, err := sign(hash)
	if err != nil {
		return nil, fmt.Errorf("sign the record: %w", err)
	}
	// What is kept is what a reader would find: parsed again, so that the record is known to be readable.
	text := fmt.Appendf(nil, "%08x %x %x %s\n", len(body), hash, signature, body)
	f, err := readFrame(bytes.NewReader(text), before, r.Seq)
	if err != nil {
		return nil, fmt.Errorf("read back the record: %w", err)
	}
	return f, nil
}

// readFrame reads the record seq, which follows the frame before. At the end of the log it returns io.EOF, where the
// file ends within the frame an unfinished, and otherwise why the frame is not one. It does not look at the signature
// beyond its form.
func readFrame(in io.Reader, before []byte, seq int64) (*frame, error) {
	head := make([]byte, headBytes, 1024)
	if n, err := io.ReadFull(in, head); err != nil {
		return nil, cutShort(n, err)
	}
	size, err := parseHead(head)
	if err != nil {
		return nil, err
	}
	all := append(head, make([]byte, size+1)...)
	if n, err := io.ReadFull(in, all[headBytes:]); err != nil {
		return nil, cutShort(headBytes+n, err)
	}
	body := all[headBytes : headBytes+size]
	if all[len(all)-1] != '\n' {
		return nil, errors.New("the record does not end where its length says")
	}
	f := &frame{bytes: all, hash: chain(before, body)}
	if hex.EncodeToString(f.hash[:]) != string(all[9:73]) {
		return nil, errors.New("the hash does not match the record and those before it")
	}
	if f.record, err = parseBody(body); err != nil {
		return nil, err
	}
	if f.record.Seq != seq {
		return nil, fmt.Errorf("the record calls itself %d", f.record.Seq)
	}
	f.record.Hash = hex.EncodeToString(f.hash[:])
	return f, nil
}

// unfinished: the file ends within the frame.
type unfinished struct{}

func (unfinished) Error() string { return "the record ends before its length says" }

// cutShort says why a frame could not be read behind the had bytes of it.
func cutShort(had int, err error) error {
	switch {
	case err == io.EOF && had == 0:
		return io.EOF
	case err == io.EOF, err == io.ErrUnexpectedEOF:
		return unfinished{}
	}
	return errors.Join(errRead, err)
}

// parseHead returns the length of the body.
func parseHead(head []byte) (int, error) {
	if !lowerHex(head[:8]) || head[8] != ' ' || !lowerHex(head[9:73]) || head[73] != ' ' || !lowerHex(head[74:202]) || head[202] != ' ' {
		return 0, errors.New("a record does not begin with length, hash and signature")
	}
	return parseLength(head)
}

// parseLength returns what the eight digits that a frame begins with say.
func parseLength(frame []byte) (int, error) {
	raw, err := hex.DecodeString(string(frame[:8]))
	if err != nil {
		return 0, fmt.Errorf("read the length: %w", err)
	}
	size := int(raw[0])<<24 | int(raw[1])<<16 | int(raw[2])<<8 | int(raw[3])
	if size > maxBody {
		return 0, fmt.Errorf("the length is %d, more than %d", size, maxBody)
	}
	return size, nil
}

func lowerHex(s []byte) bool {
	return len(bytes.Trim(s, "0123456789abcdef")) == 0
}

// torn says what the bytes behind the last whole record are, of which readFrame said err: errTorn if an append that
// never returned can have left them, else what is wrong with them. A changed byte in a finished record never reads as
// torn: its line feed is there, and no sector is empty.
func torn(err error, tail []byte, at, seq int64) error {
	var short unfinished
	switch {
	case hole(tail, at):
		return holed(tail)
	case errors.As(err, &short):
		return beginning(tail, seq)
	}
	return err
}

// hole says whether tail, which begins at offset at, has NUL bytes, all of which fill sectors of the file as far as tail
// reaches in them.
func hole(tail []byte, at int64) bool {
	found := false
	for len(tail) > 0 {
		n := min(len(tail), int(sector-at%sector))
		switch bytes.Count(tail[:n], []byte{0}) {
		case 0:
		case n:
			found = true
		default:
			return false
		}
		tail, at = tail[n:], at+int64(n)
	}
	return found
}

// holed: what the disk did write is of one frame.
func holed(tail []byte) error {
	if len(tail) > maxFrame || bytes.Count(tail, []byte(`{"seq":`)) > 1 {
		return errors.New("there is a hole in the log")
	}
	if len(tail) > headBytes && lowerHex(tail[:8]) {
		if size, err := parseLength(tail); err != nil || len(tail) > headBytes+size+1 {
			return errors.New("there is a hole in the log")
		}
	}
	for i, b := range tail {
		if b != 0 && (b < ' ' || b > '~') && (b != '\n' || i != len(tail)-1) {
			return errors.New("the last record holds a byte that no record holds")
		}
	}
	return errTorn
}

// beginning: the bytes are the first ones of a frame.
func beginning(part []byte, seq int64) error {
	hexes := func(n int) string { return strings.Repeat("0", n) + " " }
	want := []byte(hexes(8) + hexes(64) + hexes(128) + fmt.Sprintf(`{"seq":%d,"kind":"`, seq))
	for i, b := range part {
		switch {
		case b == '\n':
			return errors.New("the record ends before its length says")
		case i >= len(want):
			if b < ' ' || b > '~' {
				return errors.New("the last record holds a byte that no record holds")
			}
		case want[i] == '0' && i < headBytes:
			if !lowerHex(part[i : i+1]) {
				return errors.New("a record does not begin with length, hash and signature")
			}
		case b != want[i]:
			return errors.New("the last record does not begin as one")
		}
	}
	return errTorn
}
