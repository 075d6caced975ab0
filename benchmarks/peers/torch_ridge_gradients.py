"""Gradients in the parameters of splines and of ridge regularisers, in PyTorch."""
import torch
import torch.nn.functional as F

from torch_ridge import Ridge, flip, look_up


class SplineFunction(torch.autograd.Function):
    """Splines.values by t and by the values at the knots (1, channels, knots), backwards by hand.

    Pieces are numbered from 0 to `knots`, the first and the last are the constant tails: f(t) =
    offset[k] + slope[k] t, k = floor(v), v = (t - x_min) / T + 1 clamped to [0, knots].
    """

    @staticmethod
    def forward(context, t, profile, splines):
        step, knots = splines.step, splines.knots
        v = torch.add(torch.tensor(1 - splines.x_min / step), t, alpha=1 / step)
        piece = v.clamp_(0, knots).to(torch.int64)
        slopes = F.pad(profile.diff(dim=2) / step, (1, 1))
        starts = splines.x_min + step * torch.arange(-1, knots)
        starts[0] = starts[1]
        values = torch.cat([profile[..., :1], profile], 2)
        offsets = (values - slopes * starts).float()
        slope = look_up(slopes.float(), piece)
        context.save_for_backward(piece, v.frac_(), slope)
        context.table = (profile.shape[1], knots)
        return look_up(offsets, piece).addcmul_(slope, t)

    @staticmethod
    def backward(context, g):
        piece, fraction, slope = context.saved_tensors
        channels, knots = context.table
        weight = sums(piece, g, knots + 1)
        right = sums(piece, fraction * g, knots + 1)
        right[..., 0] = right[..., knots] = 0
        gradient = weight[..., 1:] - right[..., 1:]
        gradient += right[..., :knots]
        gradient[..., 0] += weight[..., 0]
        if channels == 1:
            gradient = gradient.sum(1, keepdim=True)
        return slope * g, gradient.sum(0, keepdim=True), None


def sums(piece, g, count):
    """Of g over each piece of each channel, in double."""
    shape = (*piece.shape[:2], count)
    return torch.zeros(shape).scatter_add_(2, piece.flatten(2), g.flatten(2)).double()


def published_values_and_gradients(splines, t, g):
    """The same the way of the published programs, whose backward pass is by hand, too: indices and
    fractions are kept, two gathers for the slope, two scatters of single precision."""
    knots, step = splines.knots, splines.step
    x_max = splines.x_min + step * (knots - 1)
    u = ((t - splines.x_min) / step).clamp(0, knots - 1)
    left = u.floor().clamp(max=knots - 2)
    fraction = u - left
    index = left.long() if splines.channels == 1 else left.long() + splines.first
    flat = splines.values_at_knots.reshape(-1)
    y = flat[index + 1] * fraction + flat[index] * (1 - fraction)
    inside = (t >= splines.x_min) & (t < x_max)
    of_t = (flat[index + 1] - flat[index]) / step * g * inside
    of_flat = torch.zeros_like(flat)
    of_flat.scatter_add_(0, (index + 1).view(-1), (fraction * g).view(-1))
    of_flat.scatter_add_(0, index.view(-1), ((1 - fraction) * g).view(-1))
    return y[0], of_t[0], of_flat.view(splines.channels, knots)


def spline_values_and_gradients(splines, by_hand, t, g):
    """f(t), f'(t) g, and the gradient of <g, f(t)> in the values at the knots."""
    with torch.enable_grad():
        t = t.detach().requires_grad_()
        profile = splines.profile.clone().requires_grad_()
        if by_hand:
            y = SplineFunction.apply(t, profile, splines)
        else:
            y = splines.differentiable_values(t, profile)
        return (y.detach(), *torch.autograd.grad(y, (t, profile), g))


class DifferentiableRidge(Ridge):
    """A ridge regulariser by whose parameters autograd differentiates."""

    def __init__(self, model, by_hand):
        self.__dict__.update(model.__dict__)
        self.by_hand = by_hand
        self.kernels = [k.clone().requires_grad_() for k in model.kernels]
        self.flipped = [flip(k) for k in self.kernels]
        self.profile = self.splines.profile.clone().requires_grad_()
        self.alpha = model.alpha.clone().requires_grad_()

    def activation(self, z):
        t = z * self.alpha
        if self.by_hand:
            return SplineFunction.apply(t, self.profile, self.splines) / self.alpha
        return self.splines.differentiable_values(t, self.profile) / self.alpha


def parameter_gradient(model, x, u, paired, by_hand):
    """Gradients of <u, grad R(x)> in x, in each kernel, in the profile and in alpha. `paired`: of
    <W u, profile(alpha W x) / alpha>, the same number without W^T on the way forward."""
    with torch.enable_grad():
        ridge = DifferentiableRidge(model, by_hand)
        x = x.detach().requires_grad_()
        s = ridge.activation(ridge.filter(x))
        leaves = (x, *ridge.kernels, ridge.profile, ridge.alpha)
        if paired:
            w = ridge.filter(u)
            return torch.autograd.grad((s, w), leaves, (w.detach(), s.detach()))
        return torch.autograd.grad(ridge.filter_adjoint(s), leaves, u)
