"""Rows in PyTorch, the way a good user of it writes them; see exchange.py for the form."""
import numpy as np
import torch
import torch.nn.functional as F

from exchange import PUBLISHED, Timed, stopwatch
from torch_ridge import Ridge, Splines, tensor
from torch_ridge_gradients import (as_published, by_autograd, by_hand, parameter_gradient,
                                   spline_values_and_gradients)
from torch_training import equilibrium_step, unrolled_step

ROWS = {}


def row(*kinds):
    def add(function):
        for kind in kinds:
            ROWS[kind] = function
        return function

    return add


def complex_tensor(array):
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.complex64))


@row("crr-gradient", "wcrr-gradient")
def ridge_gradient(inputs):
    """Each plane of x is an image."""
    x = tensor(inputs.x)[:, None]
    models = {way: Ridge(inputs, way) for way in ("transposed", "flipped")}
    variants = {way: (lambda m=m: m.gradient(x)[:, 0]) for way, m in models.items()}
    variants[PUBLISHED] = lambda: models["transposed"].gradient_as_published(x)[:, 0]
    return variants


@row("wcrr-hessian-product")
def hessian_product(inputs):
    x, v = tensor(inputs.x)[:, None], tensor(inputs.direction)[:, None]
    transposed, flipped = Ridge(inputs, "transposed"), Ridge(inputs, "flipped")
    return {
        "by hand, transposed": lambda: transposed.hessian_product(x, v)[:, 0],
        "by hand, flipped": lambda: flipped.hessian_product(x, v)[:, 0],
        "autograd, flipped": lambda: flipped.hessian_product_by_autograd(x, v)[:, 0],
    }


@row("wcrr-prepared-hessian-product")
def prepared_hessian_product(inputs):
    x, v = tensor(inputs.x)[:, None], tensor(inputs.direction)[:, None]
    transposed, flipped = Ridge(inputs, "transposed"), Ridge(inputs, "flipped")
    slopes = flipped.slopes(x)
    return {
        "transposed": lambda: transposed.prepared_hessian_product(slopes, v)[:, 0],
        "flipped": lambda: flipped.prepared_hessian_product(slopes, v)[:, 0],
    }


@row("crr-step-parameter-gradient", "wcrr-step-parameter-gradient")
def step_parameter_gradient(inputs):
    x, u = tensor(inputs.x)[:, None], tensor(inputs.direction)[:, None]

    def way(adjoint, paired, spline):
        model = Ridge(inputs, adjoint)

        def run():
            of_x, *others, alpha = parameter_gradient(model, x, u, paired, spline)
            return (of_x[:, 0], *others[:-1], others[-1][0], alpha.ravel())

        return run

    return {
        "autograd, transposed": way("transposed", False, by_autograd),
        "autograd, flipped": way("flipped", False, by_autograd),
        "the same, splines by hand": way("flipped", False, by_hand),
        "autograd of <W u, profile(W x)>": way("flipped", True, by_autograd),
        "of this, splines by hand": way("flipped", True, by_hand),
    }


@row("crr-training-step")
def crr_training_step(inputs):
    """Of the other variants of a parameter gradient none is faster."""
    y, target = tensor(inputs.x)[:, None], tensor(inputs.target)[:, None]

    def way(adjoint, spline):
        model = Ridge(inputs, adjoint)
        return lambda: unrolled_step(model, spline, y, target, *inputs.steps)

    return {"splines by hand, flipped": way("flipped", by_hand),
            PUBLISHED: way("transposed", as_published)}


@row("wcrr-equilibrium-step")
def wcrr_equilibrium_step(inputs):
    y, target = tensor(inputs.x)[:, None], tensor(inputs.target)[:, None]

    def way(adjoint):
        model = Ridge(inputs, adjoint)

        def run():
            found, cpu, wall = stopwatch(lambda: equilibrium_step(model, inputs, y, target))
            return Timed(found[0], cpu, wall, iterations=found[1])

        return run

    return {"flipped": way("flipped")}


@row("wcrr-denoising")
def denoising(inputs):
    """Accelerated gradients with restart from y, the published method; only the steps are timed.
    The objective is looked at after every tenth part of the steps made, near the end every fiftieth.
    """
    model = Ridge(inputs, "flipped")
    y, step = tensor(inputs.y)[None], float(inputs.step[0])
    minimum, wanted = float(inputs.minimum[0]), float(inputs.wanted[0])

    def objective(x):
        return 0.5 * float((x.double() - y.double()).square().sum()) + model.value(x)

    def advance(x, z, t):
        g = model.gradient(z).add_(z).sub_(y).mul_(step)
        x_new = z - g
        move = x_new - x
        t_new = (1 + (1 + 4 * t * t) ** 0.5) / 2
        if float((g * move).sum()) > 0:
            return x_new, x_new, 1.0
        return x_new, move.mul_((t - 1) / t_new).add_(x_new), t_new

    def run():
        x, z, t = y, y, 1.0
        cpu = wall = 0.0
        iterations, check = 0, 40
        while iterations < 2000:
            (x, z, t), c, w = stopwatch(lambda: advance(x, z, t))
            cpu, wall, iterations = cpu + c, wall + w, iterations + 1
            if iterations >= check:
                value = objective(x)
                excess = value / minimum - 1
                if excess <= wanted:
                    break
                check = iterations + max(1, iterations // (10 if excess > 8 * wanted else 50))
        return Timed(np.array([value]), cpu, wall, iterations=iterations)

    return {"flipped": run}


@row("spline-values")
def spline_values(inputs):
    splines, x = Splines(inputs.profile, *inputs.range), tensor(inputs.x)[None]
    return {
        "table of lines": lambda: splines.values(x)[0],
        "between two knots": lambda: splines.values_by_lerp(x)[0],
        PUBLISHED: lambda: splines.values_as_published(x)[0],
    }


@row("spline-gradients")
def spline_gradients(inputs):
    splines, x = Splines(inputs.profile, *inputs.range), tensor(inputs.x)[None]
    g = tensor(inputs.cotangent)[None]

    def run(function):
        return tuple(a[0] for a in spline_values_and_gradients(splines, function, x, g))

    return {"autograd": lambda: run(by_autograd), "by hand": lambda: run(by_hand),
            PUBLISHED: lambda: run(as_published)}


@row("convolution")
def convolution(inputs):
    x, w = tensor(inputs.x)[None], tensor(inputs.weights)
    return {"conv2d": lambda: F.conv2d(x, w, padding=w.shape[-1] // 2)[0]}


@row("transposed-convolution")
def transposed_convolution(inputs):
    x, w = tensor(inputs.x)[None], tensor(inputs.weights)
    flipped = w.flip(2, 3).transpose(0, 1).contiguous()
    half = w.shape[-1] // 2
    return {
        "conv_transpose2d": lambda: F.conv_transpose2d(x, w, padding=half)[0],
        "conv2d, flipped": lambda: F.conv2d(x, flipped, padding=half)[0],
    }


@row("weight-gradient")
def weight_gradient(inputs):
    x, w, g = tensor(inputs.x), tensor(inputs.weights), tensor(inputs.cotangent)
    pad = [w.shape[-1] // 2] * 2

    def run():
        return torch.ops.aten.convolution_backward(g, x, w, None, [1, 1], pad, [1, 1], False, [0, 0],
                                                   1, [False, True, False])[1]

    return {"convolution_backward": run}


@row("fft-r2c", "fft-r2c-measured")
def fft_r2c(inputs):
    x = tensor(inputs.x)
    return {"rfft2": lambda: torch.fft.rfft2(x, norm="ortho")}


@row("fft-c2r", "fft-c2r-measured")
def fft_c2r(inputs):
    x = complex_tensor(inputs.x)
    return {"irfft2": lambda: torch.fft.irfft2(x, s=(x.shape[0], x.shape[0]), norm="ortho")}


@row("fft-c2c", "fft-c2c-measured")
def fft_c2c(inputs):
    x = complex_tensor(inputs.x)
    return {"fft2": lambda: torch.fft.fft2(x, norm="ortho")}


@row("blur-gradient", "blur-gradient-measured")
def blur_gradient(inputs):
    x, y = tensor(inputs.x), tensor(inputs.y)
    kernel = np.zeros(x.shape[-2:])
    rows, columns = inputs.kernel.shape
    kernel[:rows, :columns] = inputs.kernel
    kernel = np.roll(kernel, (-(rows // 2), -(columns // 2)), (0, 1))
    transfer = np.fft.rfft2(kernel)
    power = tensor(np.abs(transfer) ** 2)
    adjoint = torch.from_numpy(np.conj(transfer).astype(np.complex64))
    constant = torch.fft.irfft2(torch.fft.rfft2(y) * adjoint, s=y.shape[-2:])

    def run():
        return torch.fft.irfft2(torch.fft.rfft2(x).mul_(power), s=x.shape[-2:]).sub_(constant)

    return {"rfft2": run}


@row("mri-normal", "mri-normal-measured")
def mri_normal(inputs):
    """Shifts cancel but for the mask's own."""
    x, maps = complex_tensor(inputs.x), complex_tensor(inputs.maps)
    mask = torch.fft.ifftshift(tensor(inputs.mask))
    conjugate = maps.conj().resolve_conj().clone()

    def run():
        spectrum = torch.fft.fft2(maps * x).mul_(mask)
        return torch.fft.ifft2(spectrum).mul_(conjugate).sum(0, keepdim=True)

    return {"fft2": run}
