"""Float32 vectors in, their stored form of 4, 2 or 1 bytes per number out, and back.

| dtype | stored | error of a number v of the vector x |
|---|---|---|
| float32 | v | none |
| float16 | v rounded | at most abs(v) / 2048, or 3e-8 where abs(v) < 6.1e-5 |
| int8 | q = round(v / s), s = max(abs(x)) / 127, one float32 s per vector | at most s / 2 = max(abs(x)) / 254 |

The int8 form is symmetric (0 stays 0) and has one scale per vector, so the cosine of two vectors is that of their q.
"""

import numpy as np


def narrow(vectors: np.ndarray, dtype: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the stored form of vectors (n, width) float32, and for int8 their scales (n,) float32.

    >>> numbers, scales = narrow(np.array([[0.5, -1.27, 0.004], [0, 0, 0]], np.float32), "int8")
    >>> numbers.tolist(), scales.round(6).tolist()
    ([[50, -127, 0], [0, 0, 0]], [0.009999999776482582, 0.0])

    Raises:
        ValueError: a number is beyond what float16 can hold.
    """
    if dtype == "int8":
        scales = np.abs(vectors).max(axis=1) / np.float32(127)
        return np.rint(vectors / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8), scales
    limit = np.finfo(np.float16).max
    if dtype == "float16" and np.abs(vectors).max(initial=0) > limit:
        raise ValueError(f"a vector holds a number above {limit:,.0f}, the largest of float16; store float32 or int8")
    return vectors.astype(dtype, copy=False), None


def widen(numbers: np.ndarray, scales: np.ndarray | None) -> np.ndarray:
    """Undo `narrow`, up to its rounding error: float32 (n, width).

    >>> widen(np.array([[50, -127]], np.int8), np.array([0.01], np.float32)).round(4).tolist()
    [[0.5, -1.2699999809265137]]
    """
    vectors = numbers.astype(np.float32)
    return vectors if scales is None else vectors * scales[:, None]
