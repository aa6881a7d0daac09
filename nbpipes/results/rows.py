"""Tables of results whose rows have numbers, and perhaps keys, of their own."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nbpipes.results.records import Records


def numbered(results: Records, rows: Sequence[int], keys: Mapping[int, str]) -> Any:
    """The DataFrame of results, where "row" says which row of the input each is of, and "key" its key if it has one."""
    frame = results.to_df()
    own = np.asarray(rows, dtype=np.int64)[frame["row"].to_numpy(dtype=np.int64)]
    frame["row"] = own
    if keys:
        frame.insert(1, "key", [keys.get(row) for row in own.tolist()])
    return frame
