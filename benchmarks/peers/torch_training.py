"""Training steps of ridge regularisers, in PyTorch: loss and gradients of one batch."""
import copy

import torch

from torch_ridge import tensor
from torch_ridge_gradients import DifferentiableRidge, by_hand, parameter_gradient


def mean_l1(x, target):
    """Sums over an image, mean over the batch."""
    return (x - target).abs().sum() / len(x)


def unrolled_step(model, spline, y, target, *steps):
    """Ten gradient steps on 1/2 |x - y|^2 + lambda/mu sum profile(mu W x), by autograd. `steps`:
    lambda, mu, the first step and the others. Loss and gradients in kernels, profile and these."""
    with torch.enable_grad():
        ridge = DifferentiableRidge(model, spline)
        scalars = [torch.tensor(s, requires_grad=True) for s in steps]
        weight, mu, first_step, step = scalars

        def gradient(x):
            return ridge.filter_adjoint(ridge.activation(ridge.filter(x) * mu))

        x = y - first_step * gradient(y)
        for _ in range(9):
            x = x - step * (x - y + weight * gradient(x))
        loss = mean_l1(x, target)
        found = torch.autograd.grad(loss, (*ridge.kernels, ridge.profile, *scalars))
    kernels = len(ridge.kernels)
    profile, scalars = found[kernels][0], (g.ravel() for g in found[kernels + 1:])
    return (loss.detach().ravel(), *found[:kernels], profile, *scalars)


def each(values):
    """One number for each image, to go with images."""
    return values.view(-1, 1, 1, 1)


def products(a, b):
    return (a * b).sum((1, 2, 3))


def minimise(model, y, step, tolerance, most):
    """argmin 1/2 |x - y|^2 + R(x) of each image by accelerated gradients with restart, the published
    method; images that have converged take no part any more. Also the iterations of all images."""
    model = copy.copy(model)
    result, left = torch.empty_like(y), torch.arange(len(y))
    x, z, t = y, y, torch.ones(len(y))
    count = iterations = 0
    while len(left):
        g = model.gradient(z).add_(z).sub_(y).mul_(step)
        new = z - g
        move = new - x
        restart = products(g, move) > 0
        t_new = torch.where(restart, 1.0, (1 + (1 + 4 * t * t).sqrt()) / 2)
        momentum = torch.where(restart, 0.0, (t - 1) / t_new)
        x, z, t = new, torch.addcmul(new, each(momentum), move), t_new
        count, iterations = count + 1, iterations + len(left)
        done = (products(move, move) <= tolerance ** 2 * products(x, x)).logical_and_(
            torch.tensor(count > 1))
        if count == most:
            done[:] = True
        if done.any():
            result[left[done]] = x[done]
            left, x, y, z, t, model.alpha = (a[~done] for a in (left, x, y, z, t, model.alpha))
    return result, iterations


def solve(model, x, b, tolerance, most):
    """(Id + Hess R(x)) g = b of each image by conjugate residuals; slopes of the splines once."""
    slopes = model.slopes(x)
    result, left = torch.empty_like(b), torch.arange(len(b))
    g, r, p, ap = torch.zeros_like(b), b, torch.zeros_like(b), torch.zeros_like(b)
    before, size = torch.ones(len(b)), products(b, b)
    count = iterations = 0
    while len(left):
        ar = model.prepared_hessian_product(slopes, r).add_(r)
        product = products(r, ar)
        beta = each(product / before if count else torch.zeros_like(product))
        p, ap = torch.addcmul(r, beta, p), torch.addcmul(ar, beta, ap)
        alpha = each(product / products(ap, ap))
        g, r, before = torch.addcmul(g, alpha, p), torch.addcmul(r, -alpha, ap), product
        count, iterations = count + 1, iterations + len(left)
        done = products(r, r) <= tolerance ** 2 * size
        if count == most:
            done[:] = True
        if done.any():
            result[left[done]] = g[done]
            left, g, r, p, ap, before, size, slopes = (
                a[~done] for a in (left, g, r, p, ap, before, size, slopes))
    return result, iterations


def equilibrium_step(model, inputs, y, target):
    """Loss and gradients in kernels, profile and the scaling's coefficients, by implicit
    differentiation at x = argmin 1/2 |x - y|^2 + R(x); forward and backward iterations together, a
    mean over images."""
    tolerance, most, backward_tolerance, backward_most = inputs.stops
    x, forward = minimise(model, y, float(inputs.step[0]), tolerance, int(most))
    with torch.enable_grad():
        end = x.detach().requires_grad_()
        loss = mean_l1(end, target)
        b = torch.autograd.grad(loss, end)[0]
    g, backward = solve(model, x, b, backward_tolerance, int(backward_most))
    *found, of_alpha = parameter_gradient(model, x, -g, True, by_hand, of_x=False)
    # alpha = exp(hats scaling^T) / (255 sigma + 1e-5)
    of_scaling = (of_alpha * model.alpha).flatten(1).t() @ tensor(inputs.hats)
    found = (loss.detach().ravel(), *found[:-1], found[-1][0], of_scaling)
    return found, (forward + backward) / len(y)
