"""Reads <dir>/<rows>.arrow and .parquet with pyarrow and polars; every value has to be that of <rows>.json."""
import glob, json, sys
import polars as pl
import pyarrow as pa
import pyarrow.ipc, pyarrow.parquet


def same(what, got, want):
    if got != want:
        at = next((i for i, (g, w) in enumerate(zip(got, want)) if g != w), None) if isinstance(want, list) else None
        sys.exit(f"{what}: differs" + (f" at {at}: got {got[at]!r}, want {want[at]!r}" if at is not None else f": got {got!r}, want {want!r}"))


def used(column):
    """The labels of a dictionary column, over its chunks."""
    return sorted({v for chunk in column.chunks for v in chunk.dictionary.to_pylist()})


def texts(metadata):
    return {k.decode(): v.decode() for k, v in (metadata or {}).items()}


for name in sorted(glob.glob(sys.argv[1] + "/*.json")):
    base = name.removesuffix(".json")
    want = json.load(open(name))
    data = open(base + ".arrow", "rb").read()
    tables = {
        "arrow": pa.ipc.open_file(base + ".arrow").read_all(),
        "arrow as a stream": pa.ipc.open_stream(pa.py_buffer(data)[8:]).read_all(),
        "parquet": pa.parquet.read_table(base + ".parquet"),
    }
    for kind, t in tables.items():
        t.validate(full=True)
        same(f"{base} {kind} names", t.column_names, [c["name"] for c in want])
        for c, f in zip(want, t.schema):
            where = f"{base} {kind} {c['name']}"
            same(where, t[c["name"]].to_pylist(), c["values"])
            same(where + " metadata", texts(f.metadata), c["metadata"])
            if c["kind"] == "category" and t.num_rows:
                same(where + " dictionary", used(t[c["name"]]), sorted(c["dictionary"] or []))
            if c["kind"] == "category" and kind == "arrow":
                for chunk in t[c["name"]].chunks:
                    same(where + " dictionary order", chunk.dictionary.to_pylist(), c["dictionary"] or [])
    a, p = tables["arrow"].schema, tables["parquet"].schema
    if not a.equals(p, check_metadata=True):
        sys.exit(f"{base}: the schemas differ:\n{a}\n{p}")
    for kind, d in {
        "arrow": pl.read_ipc(base + ".arrow"),
        "arrow from memory": pl.read_ipc(data),
        "parquet": pl.read_parquet(base + ".parquet"),
    }.items():
        same(f"{base} polars {kind} names", d.columns, [c["name"] for c in want])
        for c in want:
            same(f"{base} polars {kind} {c['name']}", d[c["name"]].to_list(), c["values"])
print(f"pyarrow {pa.__version__}, polars {pl.__version__}")
