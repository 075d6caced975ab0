"""One side of the comparison: worker.py SIDE THREADS (see exchange.py)."""
import sys

from exchange import Worker


def rows_of(side, threads):
    if side.startswith("torch"):
        import torch

        import torch_rows

        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        return torch_rows.ROWS
    if side == "skimage":
        import skimage_rows

        return skimage_rows.ROWS
    if side == "bart":
        import bart_rows

        return bart_rows.ROWS
    raise SystemExit(f'worker.py: side is "{side}", expected torch-*, skimage or bart')


if __name__ == "__main__":
    SIDE, THREADS = sys.argv[1], int(sys.argv[2])
    Worker(rows_of(SIDE, THREADS), published="published" in SIDE).serve()
