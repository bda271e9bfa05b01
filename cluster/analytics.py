#!/usr/bin/env python3
"""What a cluster's files of analytics say: the busiest seconds, and what each stream had in all.

Run by `make analytics`, which brings DuckDB, and by the tests. The columns are explained in docs/analytics.md. The same
stream and second may be in several rows, of several nodes or starts of one: everything here sums over them first.
"""

import argparse
import glob
import json
import sys

BUSIEST = 10
COLUMNS = "comments, likes, unlikes, reactions, viewers, frames, shed"
SUMS = ", ".join(f"sum({name})::BIGINT AS {name}" for name in COLUMNS.split(", ") if name != "viewers")

SECONDS = f"""
    CREATE TEMP TABLE seconds AS
    SELECT second, stream, max(viewers) AS viewers, {SUMS}
    FROM read_parquet($files, union_by_name = true)
    WHERE $stream IS NULL OR stream = $stream
    GROUP BY second, stream
"""
TOTALS = f"""
    SELECT coalesce(stream, '(others)') AS stream, count(*) AS seconds, min(second)::VARCHAR AS first,
        max(second)::VARCHAR AS last, max(viewers) AS viewers, {SUMS}
    FROM seconds GROUP BY stream ORDER BY sum(likes + comments) DESC, stream
"""
BUSY = f"""
    SELECT second::VARCHAR AS second, coalesce(stream, '(others)') AS stream, {COLUMNS}
    FROM seconds ORDER BY likes + unlikes + comments + reactions DESC, second, stream LIMIT {BUSIEST}
"""


def ask(files, stream):
    """The tables by name, each a list of rows."""
    import duckdb

    database = duckdb.connect()
    database.execute(SECONDS, {"files": files, "stream": stream})
    tables = {"files": len(files)}
    for name, query in [("busiest", BUSY), ("totals", TOTALS)]:
        found = database.execute(query)
        names = [column[0] for column in found.description]
        tables[name] = [dict(zip(names, row)) for row in found.fetchall()]
    return tables


def show(title, rows):
    """Prints one table: text to the left, numbers to the right."""
    print(f"{title}\n")
    if not rows:
        return print("  nothing\n")
    text = [[name for name in rows[0]]] + [["-" if v is None else str(v) for v in row.values()] for row in rows]
    widths = [max(len(line[at]) for line in text) for at in range(len(text[0]))]
    left = [isinstance(value, str) for value in rows[0].values()]
    for line in text:
        cells = [cell.ljust(w) if l else cell.rjust(w) for cell, w, l in zip(line, widths, left)]
        print("  " + "  ".join(cells).rstrip())
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", help="a pattern of Parquet files, as `cluster analytics` prints it")
    parser.add_argument("--stream", help="of this stream only")
    parser.add_argument("--json", action="store_true", help="for programs")
    asked = parser.parse_args()
    files = sorted(glob.glob(asked.files))
    tables = ask(files, asked.stream) if files else {"files": 0, "busiest": [], "totals": []}
    if asked.json:
        return print(json.dumps(tables))
    if not files:
        sys.exit(f"no file is called {asked.files} yet: a node writes its first when rotate_s is over, or when it ends")
    show(f"The busiest seconds (UTC), of {len(files)} files", tables["busiest"])
    show("What each stream had in all; viewers: the most", tables["totals"])


if __name__ == "__main__":
    main()
