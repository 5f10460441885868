package pipeline

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet/file"
)

// encodings are the ways in which an identity may be written down. Digests are looked for by their first half, so that
// one that was cut short is found too.
var encodings = map[string]func(s string) [][]byte{
	"raw":        func(s string) [][]byte { return [][]byte{[]byte(s)} },
	"lower case": func(s string) [][]byte { return [][]byte{[]byte(strings.ToLower(s))} },
	"upper case": func(s string) [][]byte { return [][]byte{[]byte(strings.ToUpper(s))} },
	"UTF-16LE":   func(s string) [][]byte { return [][]byte{wide(s, binary.LittleEndian)} },
	"UTF-16BE":   func(s string) [][]byte { return [][]byte{wide(s, binary.BigEndian)} },
	"base64":     func(s string) [][]byte { return phases(s, base64.StdEncoding) },
	"base64url":  func(s string) [][]byte { return phases(s, base64.URLEncoding) },
	"base32": func(s string) [][]byte {
		return [][]byte{[]byte(strings.TrimRight(base32.StdEncoding.EncodeToString([]byte(s)), "="))}
	},
	"hex":      func(s string) [][]byte { return cases(hex.EncodeToString([]byte(s))) },
	"reversed": func(s string) [][]byte { return [][]byte{reversed(s)} },
	"URL":      func(s string) [][]byte { return [][]byte{[]byte(url.QueryEscape(s)), []byte(url.PathEscape(s))} },
	"JSON": func(s string) [][]byte {
		return [][]byte{inJSON(s), []byte(strings.Trim(strconv.QuoteToASCII(s), `"`))}
	},
	"MD5":   func(s string) [][]byte { return digest(s, func(b []byte) []byte { d := md5.Sum(b); return d[:] }) },
	"SHA-1": func(s string) [][]byte { return digest(s, func(b []byte) []byte { d := sha1.Sum(b); return d[:] }) },
	"SHA-256": func(s string) [][]byte {
		return digest(s, func(b []byte) []byte { d := sha256.Sum256(b); return d[:] })
	},
	"SHA-512": func(s string) [][]byte {
		return digest(s, func(b []byte) []byte { d := sha512.Sum512(b); return d[:] })
	},
	"integer": integer,
	"float":   float,
}

func wide(s string, order binary.AppendByteOrder) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = order.AppendUint16(out, u)
	}
	return out
}

// phases are the three ways in which text lies in a longer base64 text, without the letters that neighbours share.
func phases(s string, e *base64.Encoding) [][]byte {
	var out [][]byte
	for skip := range 3 {
		text := e.WithPadding(base64.NoPadding).EncodeToString(append(make([]byte, skip), s...))
		from := []int{0, 2, 3}[skip]
		out = append(out, []byte(text[from:len(text)-1]))
	}
	return out
}

func cases(s string) [][]byte {
	return [][]byte{[]byte(strings.ToLower(s)), []byte(strings.ToUpper(s))}
}

func reversed(s string) []byte {
	r := []rune(s)
	slices.Reverse(r)
	return []byte(string(r))
}

func inJSON(s string) []byte {
	b, _ := json.Marshal(s)
	return bytes.Trim(b, `"`)
}

// digest is of the text as it is, and as a careful person would first make it: trimmed and in lower case.
func digest(s string, sum func([]byte) []byte) [][]byte {
	var out [][]byte
	for _, text := range []string{s, strings.ToLower(strings.TrimSpace(s))} {
		d := sum([]byte(text))
		half := d[:len(d)/2]
		out = append(append(out, half, []byte(base64.StdEncoding.EncodeToString(d)[:10])), cases(hex.EncodeToString(half))...)
	}
	return out
}

// integer is a number of eight digits or more as eight bytes, in both orders. Of smaller ones the bytes would be found
// by accident.
func integer(s string) [][]byte {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 10_000_000_000 {
		return nil
	}
	return [][]byte{binary.LittleEndian.AppendUint64(nil, uint64(n)), binary.BigEndian.AppendUint64(nil, uint64(n))}
}

// float is a coordinate as eight bytes, in both orders.
func float(s string) [][]byte {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || !strings.Contains(s, ".") {
		return nil
	}
	bits := math.Float64bits(x)
	return [][]byte{binary.LittleEndian.AppendUint64(nil, bits), binary.BigEndian.AppendUint64(nil, bits)}
}

// shortest is how many bytes a pattern has at least: a shorter one would be found by accident.
const shortest = 6

// scanner looks for canaries in all encodings at once.
type scanner struct {
	heads    map[[shortest]byte][]pattern
	canaries int
	patterns int
}

type pattern struct {
	bytes            []byte
	canary, encoding string
}

func newScanner(canaries []string) *scanner {
	s := &scanner{heads: map[[shortest]byte][]pattern{}}
	seen := map[string]bool{}
	for _, c := range canaries {
		if seen[c] {
			continue
		}
		seen[c] = true
		s.canaries++
		for _, name := range slices.Sorted(maps.Keys(encodings)) {
			for _, b := range encodings[name](c) {
				if len(b) < shortest {
					continue
				}
				head := [shortest]byte(b)
				s.heads[head] = append(s.heads[head], pattern{b, c, name})
				s.patterns++
			}
		}
	}
	return s
}

// find names canaries that bytes hold, "canary (encoding)", each once.
func (s *scanner) find(b []byte) []string {
	found := map[string]bool{}
	for i := 0; i+shortest <= len(b); i++ {
		for _, p := range s.heads[[shortest]byte(b[i:])] {
			if bytes.HasPrefix(b[i:], p.bytes) {
				found[p.canary+" ("+p.encoding+")"] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// search looks through every file below a folder, and through their names: as they are, and unpacked. It tells how many
// files and unpacked bytes it saw.
func (s *scanner) search(t testing.TB, root string, skip ...string) (found []string, files, size int) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if slices.Contains(skip, path) {
			return filepath.SkipDir
		}
		rel, _ := filepath.Rel(root, path)
		for _, f := range s.find([]byte(rel)) {
			found = append(found, rel+" (its name): "+f)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for _, layer := range layers(b) {
			size += len(layer)
			for _, f := range s.find(layer) {
				found = append(found, rel+": "+f)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, files, size
}

// layers are a file's bytes, and what is packed in them: gzip, Arrow's buffers with dictionaries, and what lies under
// nulls, Parquet's pages.
func layers(b []byte) [][]byte {
	out := [][]byte{b}
	if bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		if z, err := gzip.NewReader(bytes.NewReader(b)); err == nil {
			if inner, err := io.ReadAll(z); err == nil {
				out = append(out, layers(inner)...)
			}
		}
	}
	if bytes.HasPrefix(b, []byte("ARROW1")) {
		out = append(out, arrowBuffers(b)...)
	}
	if bytes.HasPrefix(b, []byte("PAR1")) {
		out = append(out, parquetPages(b)...)
	}
	return out
}

func arrowBuffers(b []byte) (out [][]byte) {
	r, err := ipc.NewFileReader(bytes.NewReader(b), ipc.WithAllocator(memory.DefaultAllocator))
	if err != nil {
		return nil
	}
	defer r.Close()
	for i := range r.NumRecords() {
		rec, err := r.Record(i)
		if err != nil {
			return out
		}
		for _, col := range rec.Columns() {
			out = append(out, buffers(col.Data())...)
		}
	}
	return out
}

func buffers(d arrow.ArrayData) (out [][]byte) {
	for _, b := range d.Buffers() {
		if b != nil {
			out = append(out, slices.Clone(b.Buf()))
		}
	}
	for _, c := range d.Children() {
		out = append(out, buffers(c)...)
	}
	if dict, ok := d.(*array.Data); ok && dict.Dictionary() != nil && d.DataType().ID() == arrow.DICTIONARY {
		out = append(out, buffers(dict.Dictionary())...)
	}
	return out
}

func parquetPages(b []byte) (out [][]byte) {
	defer func() { recover() }() // what cannot be unpacked was searched as it is
	r, err := file.NewParquetReader(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	defer r.Close()
	for _, kv := range keyValues(r) {
		out = append(out, []byte(kv))
		if schema, err := base64.StdEncoding.DecodeString(kv); err == nil {
			out = append(out, schema)
		}
	}
	for g := range r.NumRowGroups() {
		for c := range r.MetaData().Schema.NumColumns() {
			pages, err := r.RowGroup(g).GetColumnPageReader(c)
			if err != nil {
				return out
			}
			for pages.Next() {
				out = append(out, slices.Clone(pages.Page().Data()))
			}
		}
	}
	return out
}

func keyValues(r *file.Reader) []string {
	if kv := r.MetaData().KeyValueMetadata(); kv != nil {
		return kv.Values()
	}
	return nil
}

// An identity is one planted person. Every field is a canary.
type identity struct {
	first, last, email, username, phone, address, city string
	serial, mac, wifi, ip, latitude, longitude         string
	letter, message                                    string
	account                                            string // in the source whose keys are text
	iban, card                                         string
}

func (id identity) canaries() []string {
	out := []string{id.first, id.last, id.email, id.username, id.phone, id.address, id.city, id.serial, id.mac, id.wifi, id.ip,
		id.latitude, id.longitude, id.letter, id.message, id.account, id.iban, id.card}
	return append(out, strings.ReplaceAll(id.mac, ":", ""), strings.ReplaceAll(id.phone, " ", ""))
}
