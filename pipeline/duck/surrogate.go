package duck

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"lethe/transforms"
)

// surrogates gives every admitted account a random subject. A subject is the
// first 64 bits of HMAC-SHA-256 of the account under a key that was drawn for
// this table alone and is gone when the function returns: to anyone without
// the key it is a random number, and no other run, nor another window of this
// run, draws the same. That the key decides, and not the order in which rows
// arrive, is what lets many machines give one account one subject.
//
// Two accounts share a subject once in 2·10⁷ runs of a million people; then
// the key is drawn again.
func (e *Engine) surrogates(ctx context.Context, c *conn, screened, table string) error {
	for range 3 {
		if err := e.drawSurrogates(ctx, c, screened, table); err != nil {
			return err
		}
		twice, err := c.number(ctx, "count the subjects", "SELECT count(*) - count(DISTINCT subject) FROM "+transforms.Ident(table))
		if err != nil {
			return err
		}
		if twice == 0 {
			return nil
		}
	}
	return fmt.Errorf("draw subjects: two accounts share one in three draws; the machine's randomness is broken")
}

func (e *Engine) drawSurrogates(ctx context.Context, c *conn, screened, table string) error {
	key := make([]byte, 32)
	if copy(key, e.key) == 0 {
		rand.Read(key)
	}
	defer clear(key)
	mac := hmac.New(sha256.New, key)
	var app *appender
	err := c.query(ctx, "draw subjects", "SELECT account FROM "+transforms.Ident(screened)+" WHERE refused IS NULL", func(chunk dataChunk) error {
		in := mapping.DataChunkGetVector(chunk, 0)
		t := mapping.VectorGetColumnType(in)
		defer mapping.DestroyLogicalType(&t)
		text := mapping.GetTypeId(t) == mapping.TypeVarchar
		if app == nil {
			account := mapping.TypeBigInt
			if text {
				account = mapping.TypeVarchar
			}
			var err error
			if app, err = e.appendTo(ctx, table, []string{"account", "subject"}, []mapping.Type{account, mapping.TypeUBigInt}); err != nil {
				return err
			}
		}
		return app.chunk(int(mapping.DataChunkGetSize(chunk)), func(out []mapping.Vector, i int) {
			var id []byte
			if text {
				id = unsafe.Slice((*textCell)(mapping.VectorGetData(in)), i+1)[i].bytes()
				mapping.VectorAssignStringElementLen(out[0], mapping.IdxT(i), id)
			} else {
				n := unsafe.Slice((*int64)(mapping.VectorGetData(in)), i+1)[i]
				unsafe.Slice((*int64)(mapping.VectorGetData(out[0])), i+1)[i] = n
				id = strconv.AppendInt(nil, n, 10)
			}
			mac.Reset()
			mac.Write(id)
			unsafe.Slice((*uint64)(mapping.VectorGetData(out[1])), i+1)[i] = binary.LittleEndian.Uint64(mac.Sum(nil))
		})
	})
	if app == nil && err == nil { // nobody is admitted
		app, err = e.appendTo(ctx, table, []string{"account", "subject"}, []mapping.Type{mapping.TypeVarchar, mapping.TypeUBigInt})
	}
	if app != nil {
		if cerr := app.close(); err == nil {
			err = cerr
		}
	}
	return err
}
