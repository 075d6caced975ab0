"""Rows of scikit-image."""
import numpy as np
from skimage.transform import iradon, radon

ROWS = {}
VIEWS = 360
DEGREES = np.linspace(0, 180, VIEWS, endpoint=False)


def forward(inputs):
    """Sinograms (1, views, detectors), as Fejér has them."""
    image = inputs.phantom[0]
    return {"radon": lambda: radon(image, DEGREES, circle=True).T[None]}


def adjoint(inputs):
    """iradon is a mean over the views times pi/2, inside a disc. On the grid with one more row and
    column (see tomography_rows.cpp); not a number where there is nothing to compare."""
    sinogram = np.ascontiguousarray(inputs.x[0].T)
    side = sinogram.shape[0]
    offsets = np.arange(side) - side // 2
    outside = np.add.outer(offsets**2, offsets**2) > (side // 2) ** 2

    def run():
        image = iradon(sinogram, DEGREES, circle=True, filter_name=None)
        image *= 2 * VIEWS / np.pi
        image[outside] = np.nan
        return np.pad(image, (0, 1), constant_values=np.nan)[None]

    return {"iradon": run}


ROWS["ct-forward"] = forward
ROWS["ct-adjoint"] = adjoint
