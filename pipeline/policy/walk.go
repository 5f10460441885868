package policy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

const (
	mostBytes = 256 << 10
	mostDepth = 20
	mostLine  = 4000 // bytes of one line; what is looked up in a line then stays cheap
)

// A reader walks the YAML tree of one file. Its methods take a node or nil
// (the key is absent, and that has been reported if it matters), report what
// is wrong at the node and return a zero value then, so that the walk goes on
// and finds every problem.
type reader struct {
	problems
	dir   string
	marks map[string]*yaml.Node // path, joined by "/", to the node to point at
}

func (r *reader) fail(n *yaml.Node, hint, format string, args ...any) {
	r.add(n.Line, n.Column, hint, format, args...)
}

// failAt reports a problem at a path; where the file does not have the path,
// at the nearest thing above it.
func (r *reader) failAt(path []string, hint, format string, args ...any) {
	for i := len(path); i >= 0; i-- {
		if n := r.marks[strings.Join(path[:i], "/")]; n != nil {
			r.fail(n, hint, format, args...)
			return
		}
	}
	r.add(1, 1, hint, format, args...)
}

func (r *reader) pos(n *yaml.Node) Pos { return Pos{File: r.file, Line: n.Line, Col: n.Column} }

// tree turns text into a vetted tree, nil if there is none to go on with.
func (r *reader) tree(data []byte) *yaml.Node {
	if len(data) > mostBytes {
		r.add(1, 1, "split the policy, or move long code lists into a ladder's file",
			"file has %d bytes, a policy has at most %d", len(data), mostBytes)
		return nil
	}
	r.lines = strings.Split(string(data), "\n")
	if !r.clean() {
		return nil
	}
	var doc yaml.Node
	err := yaml.Load(data, &doc,
		yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(mostDepth))))
	if err != nil {
		r.syntax(err)
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		r.add(1, 1, "a policy starts with `policy: <name>`", "file has no content")
		return nil
	}
	root := doc.Content[0]
	r.marks = map[string]*yaml.Node{"": root}
	if !r.vet(root, nil, 1) {
		return nil
	}
	return root
}

// clean refuses bytes that a person who reviews the file would not see.
func (r *reader) clean() bool {
	before := len(r.found)
	for i, line := range r.lines {
		line = strings.TrimSuffix(line, "\r")
		if len(line) > mostLine {
			r.add(i+1, 1, "break it", "line has %d bytes, at most %d are allowed", len(line), mostLine)
			continue
		}
		if !utf8.ValidString(line) {
			r.add(i+1, 1, "save the file as UTF-8", "line is not UTF-8")
			continue
		}
		col := 0
		for _, c := range line {
			col++
			if c != '\t' && !unicode.IsGraphic(c) {
				r.add(i+1, col, "remove it", "invisible character %U", c)
				break
			}
		}
	}
	return len(r.found) == before
}

// syntax says in the house's form what the YAML library refused.
func (r *reader) syntax(err error) {
	var bad *yaml.LoadError
	if !errors.As(err, &bad) {
		r.add(1, 1, "", "not YAML: %v", err)
		return
	}
	mark := bad.Mark
	if mark.Line == 0 {
		mark = bad.ContextMark
	}
	msg, hint := "not YAML: "+bad.Message, ""
	switch {
	case strings.Contains(bad.Message, "max depth"):
		msg, hint = fmt.Sprintf("nested more than %d deep", mostDepth), "a policy needs about six levels"
	case strings.Contains(bad.Message, "unknown anchor"):
		msg, hint = "aliases (`*name`) are not allowed", "write the value out"
	case strings.Contains(bad.Message, "document") && mark.Line == 0:
		r.documents()
		return
	case bad.ContextMsg != "":
		msg += " (" + bad.ContextMsg + ")"
	}
	r.add(mark.Line, mark.Column, hint, "%s", msg)
}

// documents says that there are none or several, at the line where the second
// one starts.
func (r *reader) documents() {
	content := false
	for i, line := range r.lines {
		switch {
		case strings.HasPrefix(line, "---") && content:
			r.add(i+1, 1, "a policy is one document: remove this line and what follows", "more than one document in the file")
			return
		case strings.TrimSpace(line) != "" && line[0] != '#' && line[0] != '%':
			content = true
		}
	}
	r.add(1, 1, "a policy starts with `policy: <name>` and is one document", "file has no document, or more than one")
}

// vet refuses what the walk must not meet (aliases, anchors, tags, merge keys,
// keys that are not text, doubled keys, depth) and notes where things stand.
func (r *reader) vet(n *yaml.Node, path []string, depth int) bool {
	if depth > mostDepth {
		r.fail(n, "a policy needs about six levels", "nested more than %d deep", mostDepth)
		return false
	}
	ok := r.vetNode(n)
	switch n.Kind {
	case yaml.SequenceNode:
		for i, c := range n.Content {
			p := append(path[:len(path):len(path)], strconv.Itoa(i))
			r.marks[strings.Join(p, "/")] = c
			ok = r.vet(c, p, depth+1) && ok
		}
	case yaml.MappingNode:
		first := map[string]*yaml.Node{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, val := n.Content[i], n.Content[i+1]
			if !r.vetKey(key, first) {
				ok = false
				continue
			}
			p := append(path[:len(path):len(path)], key.Value)
			r.marks[strings.Join(p, "/")] = key
			if val.Kind == yaml.ScalarNode && val.Value != "" {
				r.marks[strings.Join(p, "/")] = val
			}
			ok = r.vet(val, p, depth+1) && ok
		}
	}
	return ok
}

func (r *reader) vetNode(n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		r.fail(n, "write the value out", "aliases (`*name`) are not allowed")
	case n.Anchor != "":
		r.fail(n, "remove it", "anchors (`&name`) are not allowed")
	case n.Style&yaml.TaggedStyle != 0 || r.char(n) == '!':
		r.fail(n, "remove it: the policy's own rules say what type a value has", "tags (`!type`) are not allowed")
	default:
		return true
	}
	return false
}

func (r *reader) vetKey(key *yaml.Node, first map[string]*yaml.Node) bool {
	if key.Kind != yaml.ScalarNode {
		if key.Kind == yaml.AliasNode {
			return r.vetNode(key)
		}
		r.fail(key, "", "a key must be text")
		return false
	}
	if !r.vetNode(key) {
		return false
	}
	if len(key.Value) > mostText {
		r.fail(key, "", "a key has %d bytes, at most %d are allowed", len(key.Value), mostText)
		return false
	}
	if key.Value == "<<" {
		r.fail(key, "write the keys out", "merge keys (`<<`) are not allowed")
		return false
	}
	if was := first[key.Value]; was != nil {
		r.fail(key, "keep one of the two", "key %q is already on line %d", key.Value, was.Line)
		return false
	}
	first[key.Value] = key
	return true
}

// char is the character of the file at which a node starts, 0 if there is none.
func (r *reader) char(n *yaml.Node) rune {
	if n.Line < 1 || n.Line > len(r.lines) {
		return 0
	}
	line := []rune(r.lines[n.Line-1])
	if n.Column < 1 || n.Column > len(line) {
		return 0
	}
	return line[n.Column-1]
}
