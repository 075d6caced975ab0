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


class PublishedSplineFunction(torch.autograd.Function):
    """The same the way of the published programs, whose backward pass is by hand, too: indices and
    fractions are kept, two gathers for the slope, two scatters of single precision."""

    @staticmethod
    def forward(context, t, profile, splines):
        knots, step = splines.knots, splines.step
        u = ((t - splines.x_min) / step).clamp(0, knots - 1)
        left = u.floor().clamp(max=knots - 2)
        fraction = u - left
        index = left.long() if splines.channels == 1 else left.long() + splines.first
        flat = profile.float().reshape(-1)
        inside = (t >= splines.x_min) & (t < splines.x_min + step * (knots - 1))
        context.save_for_backward(fraction, index, flat, inside)
        context.step, context.shape = step, profile.shape
        return flat[index + 1] * fraction + flat[index] * (1 - fraction)

    @staticmethod
    def backward(context, g):
        fraction, index, flat, inside = context.saved_tensors
        of_t = (flat[index + 1] - flat[index]) / context.step * g * inside
        of_flat = torch.zeros_like(flat)
        of_flat.scatter_add_(0, (index + 1).view(-1), (fraction * g).view(-1))
        of_flat.scatter_add_(0, index.view(-1), ((1 - fraction) * g).view(-1))
        return of_t, of_flat.view(context.shape).double(), None


def by_autograd(t, profile, splines):
    return splines.differentiable_values(t, profile)


by_hand = SplineFunction.apply
as_published = PublishedSplineFunction.apply


def spline_values_and_gradients(splines, function, t, g):
    """f(t), f'(t) g, and the gradient of <g, f(t)> in the values at the knots."""
    with torch.enable_grad():
        t = t.detach().requires_grad_()
        profile = splines.profile.clone().requires_grad_()
        y = function(t, profile, splines)
        return (y.detach(), *torch.autograd.grad(y, (t, profile), g))


class DifferentiableRidge(Ridge):
    """A ridge regulariser by whose parameters autograd differentiates."""

    def __init__(self, model, spline):
        self.__dict__.update(model.__dict__)
        self.spline = spline
        self.kernels = [k.clone().requires_grad_() for k in model.kernels]
        self.flipped = [flip(k) for k in self.kernels]
        self.profile = self.splines.profile.clone().requires_grad_()
        self.alpha = model.alpha.clone().requires_grad_()

    def activation(self, t):
        return self.spline(t, self.profile, self.splines)


def parameter_gradient(model, x, u, paired, spline, of_x=True):
    """Gradients of <u, grad R(x)> in x, in each kernel, in the profile and in alpha. `paired`: of
    <W u, profile(alpha W x) / alpha>, the same number without W^T on the way forward."""
    with torch.enable_grad():
        ridge = DifferentiableRidge(model, spline)
        x = x.detach().requires_grad_(of_x)
        s = ridge.activation(ridge.filter(x) * ridge.alpha) / ridge.alpha
        leaves = ((x,) if of_x else ()) + (*ridge.kernels, ridge.profile, ridge.alpha)
        if paired:
            w = ridge.filter(u)
            return torch.autograd.grad((s, w), leaves, (w.detach(), s.detach()))
        return torch.autograd.grad(ridge.filter_adjoint(s), leaves, u)
