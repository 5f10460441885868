package policy

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A leaf is one value of a checked policy and where it stands. The leaves of a
// policy are its canonical form: Hash is over them, Diff compares them. They
// are taken from the structs by reflection, so that a field which is added
// later cannot be forgotten in either.
type leaf struct {
	path  []string
	value string
}

// hash is the hex SHA-256 of the canonical form, which is to the byte
//
//	lethe policy 1 <LF>
//	<path> = <value> <LF>       for each leaf, sorted by path
//
// without the blanks shown around "=": a path is its names, each as a Go
// string literal, joined by points; a value is a Go string literal. Numbers
// are plain decimals, lists "[" and "]" around Go string literals joined by
// ", ". What is empty or false has no leaf.
func (p *Policy) hash() string {
	sum := sha256.Sum256([]byte(p.canonical()))
	return hex.EncodeToString(sum[:])
}

func (p *Policy) canonical() string {
	var b strings.Builder
	b.WriteString("lethe policy 1\n")
	for _, l := range p.leaves() {
		for i, s := range l.path {
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(strconv.Quote(s))
		}
		b.WriteString("=" + strconv.Quote(l.value) + "\n")
	}
	return b.String()
}

// leaves are in the order of their paths.
func (p *Policy) leaves() []leaf {
	var out []leaf
	gather(reflect.ValueOf(*p), nil, &out)
	for _, name := range slices.Sorted(maps.Keys(p.sources)) {
		gather(reflect.ValueOf(p.sources[name]), []string{"ladders", name}, &out)
	}
	slices.SortFunc(out, func(a, b leaf) int {
		return cmp.Or(slices.Compare(a.path, b.path), cmp.Compare(a.value, b.value))
	})
	return out
}

// skipped fields are not of the policy's meaning, or (Ladders) are made from
// what is.
var skipped = map[string]bool{"Pos": true, "Dir": true, "Hash": true, "Ladders": true, "sources": true}

func gather(v reflect.Value, path []string, out *[]leaf) {
	if s, ok := atom(v); ok {
		if s == "" || v.Kind() == reflect.Bool && s == "false" {
			return // as if not there: a key that is added to the grammar later changes no old hash
		}
		*out = append(*out, leaf{slices.Clone(path), s})
		return
	}
	deeper := func(name string) []string { return append(path[:len(path):len(path)], name) }
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			gather(v.Elem(), path, out)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; !skipped[name] {
				gather(v.Field(i), deeper(snake(name)), out)
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			gather(v.MapIndex(k), deeper(k.String()), out)
		}
	default: // slices and arrays of structs or of lists
		for i := range v.Len() {
			gather(v.Index(i), deeper(named(v.Index(i), i)), out)
		}
	}
}

// snake spells a field's name as the file spells its keys.
func snake(name string) string {
	var b strings.Builder
	for i, c := range name {
		if i > 0 && unicode.IsUpper(c) && unicode.IsLower(rune(name[i-1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

// named is the name under which an entry of a list stands: for lists that are
// maps in the file, whose order has no meaning, the key, else the place.
func named(v reflect.Value, i int) string {
	switch x := v.Interface().(type) {
	case Table:
		return x.Name
	case Drop:
		return x.Table + " " + x.Category
	case Column:
		return x.Ref.String()
	case Variable:
		return x.Name
	case Dataset:
		return x.Name
	case Exclude:
		return x.Column.String()
	case Filter:
		return x.Key.String()
	}
	return fmt.Sprintf("%04d", i)
}

// atom prints a value that is a leaf: a scalar, or a list of scalars.
func atom(v reflect.Value) (string, bool) {
	if !v.CanInterface() {
		return "", false
	}
	switch x := v.Interface().(type) {
	case Number:
		return x.Text, true
	case Ref:
		return x.String(), true
	case Key:
		return x.String(), true
	case *time.Location:
		if x == nil {
			return "", true
		}
		return x.String(), true
	case time.Time:
		return dateOnly(x), true
	case fmt.Stringer: // the amounts of package budget
		if v.Kind() == reflect.Uint64 {
			return x.String(), true
		}
	}
	switch v.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Uint64:
		return fmt.Sprint(v.Interface()), true
	case reflect.Slice, reflect.Array:
		return atoms(v)
	}
	return "", false
}

// atoms prints a list of scalars; an empty list, which says as much as none,
// and a list of structs or of lists have no text.
func atoms(v reflect.Value) (string, bool) {
	if v.Len() == 0 {
		return "", false
	}
	parts := make([]string, v.Len())
	for i := range parts {
		if k := v.Index(i).Kind(); k == reflect.Slice || k == reflect.Array {
			return "", false
		}
		s, ok := atom(v.Index(i))
		if !ok {
			return "", false
		}
		parts[i] = strconv.Quote(s)
	}
	return "[" + strings.Join(parts, ", ") + "]", true
}
