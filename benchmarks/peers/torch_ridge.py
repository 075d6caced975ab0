"""A ridge regulariser in PyTorch: grad R(x) = W^T [profile_c(alpha_c W x) / alpha_c]."""
import numpy as np
import torch
import torch.nn.functional as F


def tensor(array):
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


def look_up(table, piece):
    """table[c, piece[n, c, h, w]] for a table (1, channels or 1, entries)."""
    table = table.expand(*piece.shape[:2], -1)
    return table.gather(2, piece.flatten(2)).view(piece.shape)


def flip(kernel):
    """The kernel of the adjoint convolution."""
    return kernel.flip(2, 3).transpose(0, 1).contiguous()


def published_spline(t, knot_values, x_min, x_max, first):
    """The way of the published programs: index, fraction, two gathers, nothing in place."""
    channels, knots = knot_values.shape
    u = ((t - x_min) / ((x_max - x_min) / (knots - 1))).clamp(0, knots - 1)
    left = u.floor().clamp(max=knots - 2)
    fraction = u - left
    index = left.long() if channels == 1 else left.long() + first
    flat = knot_values.view(-1)
    return flat[index + 1] * fraction + flat[index] * (1 - fraction)


class Splines:
    """Linear splines on uniform knots, constant beyond them; one for each channel, or one for all.

    Values at (N, C, H, W) by a table of lines: f(t) = offset[k] + slope[k] u, u = (t - x_min) / T
    clamped to [0, knots - 1], k = floor(u). The last knot begins a piece of slope 0. Tables are
    (1, channels, knots) and looked up by gather, on this machine the fastest of PyTorch's ways.
    """

    def __init__(self, profile, x_min, x_max):
        profile = np.asarray(profile, dtype=np.float64)
        self.channels, self.knots = profile.shape
        self.x_min, self.step = float(x_min), float(x_max - x_min) / (self.knots - 1)
        self.profile = torch.from_numpy(profile.copy())[None]
        self.offsets, self.slopes = self.lines(self.profile)
        self.values_at_knots = self.profile.float()
        if self.channels > 1:
            self.first = (torch.arange(self.channels) * self.knots).view(1, -1, 1, 1)

    def lines(self, profile):
        """The tables of offsets and slopes, computed in double."""
        slopes = F.pad(profile.diff(dim=2), (0, 1))
        return (profile - slopes * torch.arange(self.knots)).float(), slopes.float()

    def pieces(self, t):
        """u, and the index of the piece in the tables."""
        u = t.sub(self.x_min).div_(self.step).clamp_(0, self.knots - 1)
        return u, u.to(torch.int64)

    def values(self, t):
        u, piece = self.pieces(t)
        return u.mul_(look_up(self.slopes, piece)).add_(look_up(self.offsets, piece))

    def values_as_published(self, t, count=1):
        """As the mean of `count` splines (WCRR-NN is published as the difference of two)."""
        table, x_max = self.values_at_knots.view(self.channels, -1), self.x_min + self.step * (
            self.knots - 1)
        first = self.first if self.channels > 1 else None
        total = published_spline(t, table / count, self.x_min, x_max, first)
        for _ in range(count - 1):
            total = total + published_spline(t, table / count, self.x_min, x_max, first)
        return total

    def values_by_lerp(self, t):
        """The usual way: from the values at the two knots around t."""
        u, piece = self.pieces(t)
        left = look_up(self.values_at_knots, piece)
        right = look_up(self.values_at_knots, piece.add_(1).clamp_(max=self.knots - 1))
        return torch.lerp(left, right, u.frac_())

    def derivatives(self, t):
        """In units of t; 0 beyond the knots."""
        u = t.sub(self.x_min).div_(self.step)
        inside = (u >= 0).logical_and_(u < self.knots - 1)
        piece = u.clamp_(0, self.knots - 1).to(torch.int64)
        return look_up(self.slopes, piece).mul_(inside).div_(self.step)

    def differentiable_values(self, t, profile=None):
        """For automatic differentiation: nothing in place. By `profile`, too, where it is given."""
        offsets, slopes = (self.offsets, self.slopes) if profile is None else self.lines(profile)
        u = ((t - self.x_min) / self.step).clamp(0, self.knots - 1)
        piece = u.detach().to(torch.int64)
        return u * look_up(slopes, piece) + look_up(offsets, piece)


class Ridge:
    """`adjoint`: "transposed" (conv_transpose2d, as in the published programs) or "flipped" (conv2d
    with flipped and exchanged weights, the same numbers)."""

    def __init__(self, inputs, adjoint):
        self.kernels = [tensor(k) for k in inputs.layers("kernel")]
        self.flipped = [flip(k) for k in self.kernels]
        self.transposed = adjoint == "transposed"
        self.splines = Splines(inputs.profile, *inputs.range)
        # One row, or one for each image.
        self.alpha = tensor(inputs.alpha).view(-1, self.kernels[-1].shape[0], 1, 1)
        # Zeros around the image only: then every layer has fewer pixels than the last one.
        self.once = bool(inputs.once[0])
        self.reach = sum(k.shape[-1] // 2 for k in self.kernels)

    def filter(self, x):
        if self.once:
            x = F.conv2d(x, self.kernels[0], padding=self.reach)
            for kernel in self.kernels[1:]:
                x = F.conv2d(x, kernel)
            return x
        for kernel in self.kernels:
            x = F.conv2d(x, kernel, padding=kernel.shape[-1] // 2)
        return x

    def filter_adjoint(self, z):
        if self.once:
            for kernel, flipped in zip(reversed(self.kernels), reversed(self.flipped)):
                if self.transposed:
                    z = F.conv_transpose2d(z, kernel)
                else:
                    z = F.conv2d(z, flipped, padding=kernel.shape[-1] - 1)
            return z[..., self.reach:-self.reach, self.reach:-self.reach]
        for kernel, flipped in zip(reversed(self.kernels), reversed(self.flipped)):
            half = kernel.shape[-1] // 2
            if self.transposed:
                z = F.conv_transpose2d(z, kernel, padding=half)
            else:
                z = F.conv2d(z, flipped, padding=half)
        return z

    def gradient(self, x):
        z = self.splines.values(self.filter(x).mul_(self.alpha)).div_(self.alpha)
        return self.filter_adjoint(z)

    def gradient_as_published(self, x):
        """Nothing in place, W^T by conv_transpose2d, two splines where all channels share them."""
        count = 2 if self.splines.channels == 1 else 1
        z = self.splines.values_as_published(self.filter(x) * self.alpha, count) / self.alpha
        return self.filter_adjoint(z)

    def hessian_product(self, x, v):
        """By hand, in forward mode: W^T [profile'(alpha W x) W v]."""
        return self.filter_adjoint(self.slopes(x).mul_(self.filter(v)))

    def slopes(self, x):
        return self.splines.derivatives(self.filter(x).mul_(self.alpha))

    def prepared_hessian_product(self, slopes, v):
        return self.filter_adjoint(self.filter(v).mul_(slopes))

    def hessian_product_by_autograd(self, x, v):
        """The gradient is differentiated backwards; the Hessian is symmetric."""
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            z = self.splines.differentiable_values(self.filter(x) * self.alpha) / self.alpha
            return torch.autograd.grad(self.filter_adjoint(z), x, v)[0]

    def value(self, x):
        """R(x) in double: sum of psi_c(alpha_c W x) / alpha_c^2, psi_c' = profile_c, psi_c(0) = 0."""
        z = x.double()
        for kernel in self.kernels:
            z = F.conv2d(z, kernel.double(), padding=kernel.shape[-1] // 2)
        s = self.splines
        slopes = s.slopes.double().view(s.channels, s.knots)
        knots = s.values_at_knots.double().view(s.channels, s.knots)
        area = F.pad(torch.cumsum((knots[:, 1:] + knots[:, :-1]) / 2, 1), (1, 0)).ravel()
        potential = self._potential(z * self.alpha.double(), slopes.ravel(), knots.ravel(), area)
        zero = self._potential(torch.zeros_like(self.alpha).double().expand(1, z.shape[1], 1, 1),
                               slopes.ravel(), knots.ravel(), area)
        return float(((potential - zero) / self.alpha.double() ** 2).sum())

    def _potential(self, t, slopes, knots, area):
        """Integral from the first knot to t."""
        s = self.splines
        u = (t - s.x_min) / s.step
        inside = u.clamp(0, s.knots - 1)
        piece = inside.to(torch.int64)
        fraction = inside - piece
        if s.channels > 1:
            piece = piece + s.first
        value = knots.take(piece) + fraction * slopes.take(piece)
        whole = area.take(piece) + fraction * (knots.take(piece) + value) / 2
        return s.step * (whole + (u - inside) * value)
