package duck

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"lethe/transforms"
)

type dataChunk = mapping.DataChunk

// appender fills a new table of the engine, chunk by chunk, on a connection of
// its own.
type appender struct {
	c   *conn
	app mapping.Appender
	out dataChunk
	n   int
}

func (e *Engine) appendTo(ctx context.Context, table string, names []string, types []mapping.Type) (*appender, error) {
	c, err := e.connect()
	if err != nil {
		return nil, err
	}
	a := &appender{c: c, n: len(types)}
	var cols []string
	var logical []mapping.LogicalType
	for i, t := range types {
		logical = append(logical, mapping.CreateLogicalType(t))
		cols = append(cols, transforms.Ident(names[i])+" "+map[mapping.Type]string{mapping.TypeBigInt: "BIGINT", mapping.TypeUBigInt: "UBIGINT", mapping.TypeVarchar: "VARCHAR"}[t])
	}
	if err := c.exec(ctx, "make a table", "CREATE OR REPLACE TABLE "+transforms.Ident(table)+" ("+strings.Join(cols, ", ")+")"); err != nil {
		c.close()
		return nil, err
	}
	a.out = mapping.CreateDataChunk(logical)
	for i := range logical {
		mapping.DestroyLogicalType(&logical[i])
	}
	if mapping.AppenderCreate(c.c, "main", table, &a.app) == mapping.StateError {
		a.close()
		return nil, &Fault{"fill a table", Refused}
	}
	return a, nil
}

// chunk appends rows; set writes row i into the vectors.
func (a *appender) chunk(rows int, set func(out []mapping.Vector, i int)) error {
	mapping.DataChunkReset(a.out)
	vectors := make([]mapping.Vector, a.n)
	for i := range vectors {
		vectors[i] = mapping.DataChunkGetVector(a.out, mapping.IdxT(i))
	}
	for i := range rows {
		set(vectors, i)
	}
	mapping.DataChunkSetSize(a.out, mapping.IdxT(rows))
	if mapping.AppendDataChunk(a.app, a.out) == mapping.StateError {
		return &Fault{"fill a table", kindOf(mapping.ErrorTypeInvalid, mapping.AppenderError(a.app))}
	}
	return nil
}

func (a *appender) close() error {
	defer a.c.close()
	defer mapping.DestroyDataChunk(&a.out)
	failed := mapping.AppenderClose(a.app) == mapping.StateError
	if mapping.AppenderDestroy(&a.app) == mapping.StateError || failed {
		return &Fault{"fill a table", Refused}
	}
	return nil
}

// load holds a public table of texts and codes.
func (e *Engine) load(ctx context.Context, table string, values map[string]int) error {
	a, err := e.appendTo(ctx, table, []string{"value", "code"}, []mapping.Type{mapping.TypeVarchar, mapping.TypeBigInt})
	if err != nil {
		return fmt.Errorf("load public table %s: %w", table, err)
	}
	keys := make([]string, 0, len(values))
	for k := range values {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for size := int(mapping.VectorSize()); len(keys) > 0 && err == nil; {
		part := keys[:min(size, len(keys))]
		err = a.chunk(len(part), func(out []mapping.Vector, i int) {
			mapping.VectorAssignStringElement(out[0], mapping.IdxT(i), part[i])
			unsafe.Slice((*int64)(mapping.VectorGetData(out[1])), i+1)[i] = int64(values[part[i]])
		})
		keys = keys[len(part):]
	}
	if cerr := a.close(); err == nil {
		err = cerr
	}
	return err
}
