"""Makes table.parquet: every flat kind of column, with gaps, snappy-compressed.

Run: python table.py (writes beside itself). Made with pyarrow 22 or later.
"""
import datetime
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

rows = 60
kinds = ["red", "green", None]
table = pa.table({
    "size": pa.array([None if i % 13 == 0 else i * 3 for i in range(rows)], pa.int32()),
    "weight": pa.array([i / 7 for i in range(rows)], pa.float64()),
    "colour": pa.array([kinds[i % 3] for i in range(rows)], pa.string()),
    "new": pa.array([i % 2 == 0 for i in range(rows)], pa.bool_()),
    "day": pa.array([datetime.date(2024, 1, 1) + datetime.timedelta(days=i) for i in range(rows)], pa.date32()),
    "label": pa.array(["big" if i * 3 > 90 else "small" for i in range(rows)], pa.string()),
})
pq.write_table(table, pathlib.Path(__file__).with_name("table.parquet"), compression="snappy")
