"""How much memory training a transformer takes, how much there is, and whether an error means that it is gone."""

from __future__ import annotations

import os

_BYTES_A_PARAMETER = 16  # weight, gradient and Adam's two moments, in float32
_BYTES_A_PIECE = 12 * 34 * 768 * 4  # what a base-size model keeps of a sentence piece for the backward pass
_PIECES_A_TOKEN = 1.5


def needed_bytes(parameters: int, *, utterances: int, tokens: int) -> int:
    """Estimate, to half or double.

    parameters (int): Of the transformer. utterances (int): That pass it at once. tokens (int): Of the longest.
    RETURNS (int): Bytes at the peak of a step in float32 (Korthikanti et al., 2022, section 4, without attention maps).
    """
    kept = min(_BYTES_A_PIECE, parameters * 2) * _PIECES_A_TOKEN
    return int(parameters * _BYTES_A_PARAMETER + utterances * tokens * kept)


def available_bytes(gpu_id: int) -> int | None:
    """gpu_id (int): -1 for the CPU. RETURNS (int | None): Free bytes; None where nobody says."""
    if gpu_id >= 0:
        import torch

        return int(torch.cuda.mem_get_info(gpu_id)[0]) if torch.cuda.is_available() else None
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def out_of_memory(err: BaseException) -> bool:
    """RETURNS (bool): Whether an error says that memory ran out, on the CPU or a GPU, in torch, CuPy or Python."""
    if isinstance(err, MemoryError) or type(err).__name__ == "OutOfMemoryError":
        return True
    # Of an allocation on the CPU, torch makes a plain RuntimeError.
    text = str(err).lower()
    return isinstance(err, RuntimeError) and any(
        phrase in text for phrase in ("can't allocate memory", "not enough memory", "out of memory")
    )
