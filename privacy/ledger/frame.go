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
	maxBody   = 1 << 20        // bytes
	headBytes = 8 + 1 + 64 + 1 // length, space, hash, space
)

// errTorn: the file ends inside a frame that was never finished.
var errTorn = errors.New("the last record was never finished")

// errRead: the disk did not give the bytes, which says nothing about them.
var errRead = errors.New("read the log")

// chain returns the hash of the record with this body after the record with hash prev.
func chain(prev [32]byte, body []byte) [32]byte {
	h := sha256.New()
	h.Write(prev[:])
	h.Write(body)
	return [32]byte(h.Sum(nil))
}

// formatFrame returns the frame of r after the record with hash prev, and its hash.
func formatFrame(prev [32]byte, r Record) (frame []byte, hash [32]byte, err error) {
	body, err := formatBody(r)
	if err != nil {
		return nil, hash, err
	}
	hash = chain(prev, body)
	return fmt.Appendf(nil, "%08x %x %s\n", len(body), hash, body), hash, nil
}

// readFrame reads the record seq, which follows the record with hash prev. At the end of the log it returns io.EOF, at
// a torn tail errTorn, and otherwise why the frame is not one.
func readFrame(in io.Reader, prev [32]byte, seq int64) (r Record, frame []byte, hash [32]byte, err error) {
	head := make([]byte, headBytes, 1024)
	n, err := io.ReadFull(in, head)
	if err == io.EOF {
		return r, nil, hash, io.EOF
	}
	if err == io.ErrUnexpectedEOF {
		return r, nil, hash, torn(head[:n], seq)
	}
	if err != nil {
		return r, nil, hash, errors.Join(errRead, err)
	}
	size, err := parseHead(head)
	if err != nil {
		return r, nil, hash, err
	}
	frame = append(head, make([]byte, size+1)...)
	n, err = io.ReadFull(in, frame[headBytes:])
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return r, nil, hash, torn(frame[:headBytes+n], seq)
	}
	if err != nil {
		return r, nil, hash, errors.Join(errRead, err)
	}
	body := frame[headBytes : headBytes+size]
	if frame[len(frame)-1] != '\n' {
		return r, nil, hash, errors.New("the record does not end where its length says")
	}
	hash = chain(prev, body)
	if hex.EncodeToString(hash[:]) != string(frame[9:73]) {
		return r, nil, hash, errors.New("the hash does not match the record and those before it")
	}
	if r, err = parseBody(body); err != nil {
		return r, nil, hash, err
	}
	if r.Seq != seq {
		return r, nil, hash, fmt.Errorf("the record calls itself %d", r.Seq)
	}
	r.Hash = hex.EncodeToString(hash[:])
	return r, frame, hash, nil
}

// parseHead returns the length of the body.
func parseHead(head []byte) (int, error) {
	if !lowerHex(head[:8]) || head[8] != ' ' || !lowerHex(head[9:73]) || head[73] != ' ' {
		return 0, errors.New("a record does not begin with length and hash")
	}
	raw, err := hex.DecodeString(string(head[:8]))
	if err != nil {
		return 0, fmt.Errorf("read the length: %w", err)
	}
	size := int(raw[0])<<24 | int(raw[1])<<16 | int(raw[2])<<8 | int(raw[3])
	if size > maxBody {
		return 0, fmt.Errorf("the length is %d, more than %d", size, maxBody)
	}
	return size, nil
}

// torn says what a last frame is that the file ends in: errTorn if these bytes are the beginning of a frame, else what
// is wrong with them. A changed byte in a finished record never reads as torn, since the line feed is still there.
func torn(part []byte, seq int64) error {
	want := []byte(strings.Repeat("0", 8) + " " + strings.Repeat("0", 64) + " " + fmt.Sprintf(`{"seq":%d,"kind":"`, seq))
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
				return errors.New("a record does not begin with length and hash")
			}
		case b != want[i]:
			return errors.New("the last record does not begin as one")
		}
	}
	return errTorn
}

func lowerHex(s []byte) bool {
	return len(bytes.Trim(s, "0123456789abcdef")) == 0
}
