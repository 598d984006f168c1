"""The Numba engine's kernels: serial loops over lanes of rows, compiled once and cached.

A *lane* is a fixed range of rows, the same for any number of threads. Each kernel works
through the lanes ``first`` to ``last`` and writes one partial result for each, so the sum over
lanes, taken in order, has the same bits however the lanes were shared out.

Reassociation lets the compiler use vector registers within a row; nothing assumes the absence
of infinities or nan. Inner loops run over views that begin at zero: an index that might be
negative would keep the compiler from vectorising. What begins with an underscore is a part of a
kernel, and compiled with it.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from imlogit.engines.numba_math import exp_negative, log1p_unit
from imlogit.system.compiled import kernel

# After so many rows a working-precision sum goes over into float64.
FLUSH_ROWS = 256
# Rows that are worked through together where one row needs all its classes.
CHUNK_ROWS = 256


@kernel
def multiply(x, lanes, weights, targets, first, last, out):  # type: ignore[no-untyped-def]
    """``out[targets[j], i] = x[i] . weights[j]``, added up in the weights' precision."""
    real = weights.dtype.type
    for lane in range(first, last):
        for i in range(lanes[lane], lanes[lane + 1]):
            row = x[i]
            for j in range(weights.shape[0]):
                w = weights[j]
                total = real(0)
                for p in range(row.size):
                    total += real(row[p]) * w[p]
                out[targets[j], i] = total


@kernel
def accumulate(x, lanes, residual, sources, buffer, first, last, out):  # type: ignore[no-untyped-def]
    """``out[j] += sum_i residual[sources[j], i] x[i]``, in the precision of ``buffer`` (k, d)."""
    real = buffer.dtype.type
    for lane in range(first, last):
        for start in range(lanes[lane], lanes[lane + 1], FLUSH_ROWS):
            for j in range(sources.size):
                part = buffer[j]
                part[:] = real(0)
                for i in range(start, min(start + FLUSH_ROWS, lanes[lane + 1])):
                    r = real(residual[sources[j], i])
                    row = x[i]
                    for p in range(part.size):
                        part[p] += r * real(row[p])
                for p in range(part.size):
                    out[j, p] += part[p]


@kernel
def column_squares(x, lanes, shares, center, buffer, first, last, out):  # type: ignore[no-untyped-def]
    """``out[lane] += sum_i shares[i] (x[i] - center)^2``, in the precision of ``buffer`` (d,)."""
    real = buffer.dtype.type
    for lane in range(first, last):
        for start in range(lanes[lane], lanes[lane + 1], FLUSH_ROWS):
            buffer[:] = real(0)
            for i in range(start, min(start + FLUSH_ROWS, lanes[lane + 1])):
                row, share = x[i], real(shares[i])
                for p in range(buffer.size):
                    apart = real(row[p]) - center[p]
                    buffer[p] += share * apart * apart
            for p in range(buffer.size):
                out[lane, p] += buffer[p]


@kernel
def row_squares(x, lanes, center, unit, first, last, out):  # type: ignore[no-untyped-def]
    """``out[i] = |(x[i] - center) unit|^2``, added up in the center's precision."""
    real = center.dtype.type
    for lane in range(first, last):
        for i in range(lanes[lane], lanes[lane + 1]):
            row = x[i]
            total = real(0)
            for p in range(row.size):
                apart = (real(row[p]) - center[p]) * unit[p]
                total += apart * apart
            out[i] = total


@kernel
def evaluate_logistic(lanes, slots, z, u, steps, b, signs, costs, first, last, m, r, h, out):  # type: ignore[no-untyped-def]
    """Signed margins ``m``, residuals ``r`` and curvatures ``h`` at a point of the span.

    ``out[lane, a]``: loss, residual of the negative and of the positive rows.
    """
    for lane in range(first, last):
        rows = slice(lanes[lane], lanes[lane + 1])
        for a in range(slots.size):
            j = slots[a]
            z_j, last_j, new_j = z[j, 0, rows], u[j, 0, 0, rows], u[j, 1, 0, rows]
            sign_j, cost_j = signs[j, rows], costs[j, rows]
            m_j, r_j, h_j = m[j, rows], r[j, rows], h[j, rows]
            s0, s1, b_j = steps[a, 0], steps[a, 1], b[a, 0]
            loss = 0.0
            both = 0.0
            for i in range(m_j.size):
                margin = sign_j[i] * (z_j[i] + b_j + s0 * last_j[i] + s1 * new_j[i])
                m_j[i] = margin
                small = exp_negative(-abs(margin))
                share = 1.0 / (1.0 + small)
                dual = cost_j[i] * share * (small if margin >= 0 else 1.0)
                r_j[i] = dual
                h_j[i] = cost_j[i] * small * share * share
                loss += cost_j[i] * (log1p_unit(small) - (margin if margin < 0 else 0.0))
                both += dual
            net = 0.0
            for i in range(m_j.size):
                r_j[i] *= -sign_j[i]
                net += r_j[i]
            out[lane, a, 0] = loss
            out[lane, a, 1] = 0.5 * (both + net)
            out[lane, a, 2] = 0.5 * (both - net)


@kernel
def project_logistic(lanes, slots, u, r, h, first, last, out):  # type: ignore[no-untyped-def]
    """``out[lane, a]``: the span's gradient (3) and the upper triangle of its Hessian (6)."""
    for lane in range(first, last):
        rows = slice(lanes[lane], lanes[lane + 1])
        for a in range(slots.size):
            j = slots[a]
            last_j, new_j, r_j, h_j = u[j, 0, 0, rows], u[j, 1, 0, rows], r[j, rows], h[j, rows]
            g0 = g1 = g2 = h00 = h01 = h02 = h11 = h12 = h22 = 0.0
            for i in range(r_j.size):
                u0 = last_j[i]
                u1 = new_j[i]
                g = r_j[i]
                c = h_j[i]
                g0 += g * u0
                g1 += g * u1
                g2 += g
                h00 += c * u0 * u0
                h01 += c * u0 * u1
                h02 += c * u0
                h11 += c * u1 * u1
                h12 += c * u1
                h22 += c
            part = out[lane, a]
            part[0], part[1], part[2] = g0, g1, g2
            part[3], part[4], part[5] = h00, h01, h02
            part[6], part[7], part[8] = h11, h12, h22


@kernel
def advance(lanes, slots, z, u, steps, first, last):  # type: ignore[no-untyped-def]
    """``u_0 = steps @ u`` and ``z += u_0``."""
    for lane in range(first, last):
        rows = slice(lanes[lane], lanes[lane + 1])
        for a in range(slots.size):
            j = slots[a]
            s0, s1 = steps[a, 0], steps[a, 1]
            for k in range(z.shape[1]):
                z_k, last_k, new_k = z[j, k, rows], u[j, 0, k, rows], u[j, 1, k, rows]
                for i in range(z_k.size):
                    moved = s0 * last_k[i] + s1 * new_k[i]
                    last_k[i] = moved
                    z_k[i] += moved


@kernel
def evaluate_softmax(lanes, slots, z, u, steps, b, codes, costs, first, last, p, own, out):  # type: ignore[no-untyped-def]
    """Probabilities ``p`` and the true class's residuals ``own`` at a point of the span.

    ``out[lane, a]``: loss, and the sums of ``cost * p_k``.
    """
    largest = np.empty(CHUNK_ROWS, np.int32)
    top, total, others = np.empty(CHUNK_ROWS), np.empty(CHUNK_ROWS), np.empty(CHUNK_ROWS)
    for lane in range(first, last):
        for a in range(slots.size):
            j = slots[a]
            out[lane, a] = 0.0
            for start in range(lanes[lane], lanes[lane + 1], CHUNK_ROWS):
                rows = slice(start, min(start + CHUNK_ROWS, lanes[lane + 1]))
                cost_j, code_j, own_j = costs[j, rows], codes[j, rows], own[j, rows]
                n = cost_j.size
                _set_margins(j, rows, z, u, steps[a], b[a], p, top, largest)
                loss = 0.0
                for i in range(n):
                    # the compiler may round a margin in two ways: what is no difference is 0
                    right = largest[i] == code_j[i]
                    others[i] = 0.0 if right else top[i] - p[j, code_j[i], start + i]
                _exponentiate(j, rows, p, top, largest, total)
                for i in range(n):
                    loss += cost_j[i] * (math.log1p(total[i]) + others[i])
                    total[i] = 1.0 / (1.0 + total[i])
                out[lane, a, 0] += loss
                _set_probabilities(j, rows, code_j, cost_j, total, p, others, out[lane, a])
                for i in range(n):
                    # not as cost * (p - 1), whose digits are lost where p is almost 1
                    own_j[i] = -others[i]


@numba.njit(inline="always")
def _set_margins(j, rows, z, u, steps, b, m, top, largest):  # type: ignore[no-untyped-def]
    """Set the margins of a chunk of rows, the largest of each row, and its class."""
    s0, s1 = steps[0], steps[1]
    n = rows.stop - rows.start
    top[:n] = -np.inf
    largest[:n] = 0
    for k in range(z.shape[1]):
        z_k, last_k, new_k = z[j, k, rows], u[j, 0, k, rows], u[j, 1, k, rows]
        m_k = m[j, k, rows]
        for i in range(n):
            margin = z_k[i] + b[k] + s0 * last_k[i] + s1 * new_k[i]
            m_k[i] = margin
            largest[i] = k if margin > top[i] else largest[i]
            top[i] = margin if margin > top[i] else top[i]


@numba.njit(inline="always")
def _exponentiate(j, rows, p, top, largest, total):  # type: ignore[no-untyped-def]
    """Turn margins into exponentials of what is below the largest, and add these up without it.

    It is 1, and would swallow the others' digits.
    """
    n = rows.stop - rows.start
    total[:n] = 0.0
    for k in range(p.shape[1]):
        p_k = p[j, k, rows]
        for i in range(n):
            share = exp_negative(p_k[i] - top[i])
            p_k[i] = share
            total[i] += 0.0 if largest[i] == k else share


@numba.njit(inline="always")
def _set_probabilities(j, rows, codes, costs, scale, p, others, out):  # type: ignore[no-untyped-def]
    """Set a chunk's probabilities, and add the sums of ``cost * p_k`` to ``out``.

    ``others`` becomes the sum of ``cost * p_k`` over the classes that are not a row's own.
    """
    n = costs.size
    others[:n] = 0.0
    for k in range(p.shape[1]):
        p_k = p[j, k, rows]
        mass = 0.0
        for i in range(n):
            p_k[i] *= scale[i]
            part = costs[i] * p_k[i]
            mass += part
            others[i] += 0.0 if codes[i] == k else part
        out[1 + k] += mass


@kernel
def residuals_softmax(start, stop, slots, codes, costs, p, own, out):  # type: ignore[no-untyped-def]
    """``out[a, k, i - start]``: the residuals of the rows from ``start`` to ``stop``."""
    real = out.dtype.type
    for a in range(slots.size):
        j = slots[a]
        cost_j, code_j, own_j = costs[j, start:stop], codes[j, start:stop], own[j, start:stop]
        for k in range(p.shape[1]):
            p_k, out_k = p[j, k, start:stop], out[a, k]
            for i in range(cost_j.size):
                out_k[i] = real(cost_j[i] * p_k[i])
        for i in range(cost_j.size):
            out[a, code_j[i], i] = real(own_j[i])


@kernel
def project_softmax(lanes, slots, u, codes, costs, p, own, first, last, out):  # type: ignore[no-untyped-def]
    """``out[lane, a]``: the span's gradient in row 0, its Hessian's upper triangle below."""
    mean0, mean1 = np.empty(CHUNK_ROWS), np.empty(CHUNK_ROWS)
    for lane in range(first, last):
        for a in range(slots.size):
            j = slots[a]
            out[lane, a] = 0.0
            for start in range(lanes[lane], lanes[lane + 1], CHUNK_ROWS):
                rows = slice(start, min(start + CHUNK_ROWS, lanes[lane + 1]))
                code_j, cost_j, own_j = codes[j, rows], costs[j, rows], own[j, rows]
                _add_gradient(j, rows, u, code_j, cost_j, own_j, p, mean0, mean1, out[lane, a])
                _add_hessian(j, rows, u, cost_j, p, mean0, mean1, out[lane, a])


@numba.njit(inline="always")
def _add_gradient(j, rows, u, codes, costs, own, p, mean0, mean1, out):  # type: ignore[no-untyped-def]
    """Add a chunk's gradient, and set the directions' means by row, weighted with ``p``."""
    n = rows.stop - rows.start
    mean0[:n] = 0.0
    mean1[:n] = 0.0
    for k in range(p.shape[1]):
        p_k, last_k, new_k = p[j, k, rows], u[j, 0, k, rows], u[j, 1, k, rows]
        g0 = g1 = g2 = 0.0
        for i in range(n):
            mean0[i] += p_k[i] * last_k[i]
            mean1[i] += p_k[i] * new_k[i]
            r = own[i] if codes[i] == k else costs[i] * p_k[i]
            g0 += r * last_k[i]
            g1 += r * new_k[i]
            g2 += r
        out[0, 0] += g0
        out[0, 1] += g1
        out[0, 2 + k] += g2


@numba.njit(inline="always")
def _add_hessian(j, rows, u, costs, p, mean0, mean1, out):  # type: ignore[no-untyped-def]
    """Add a chunk's Hessian, of directions less their means by row."""
    n, n_classes = costs.size, p.shape[1]
    for k in range(n_classes):
        p_k, last_k, new_k = p[j, k, rows], u[j, 0, k, rows], u[j, 1, k, rows]
        h00 = h01 = h11 = h02 = h12 = h22 = 0.0
        for i in range(n):
            c = costs[i] * p_k[i]
            v0 = last_k[i] - mean0[i]
            v1 = new_k[i] - mean1[i]
            h00 += c * v0 * v0
            h01 += c * v0 * v1
            h11 += c * v1 * v1
            h02 += c * v0
            h12 += c * v1
            h22 += c * (1.0 - p_k[i])
        out[1, 0] += h00
        out[1, 1] += h01
        out[2, 1] += h11
        out[1, 2 + k] += h02
        out[2, 2 + k] += h12
        out[3 + k, 2 + k] += h22
        for other in range(k + 1, n_classes):
            p_other = p[j, other, rows]
            h22 = 0.0
            for i in range(n):
                h22 += costs[i] * p_k[i] * p_other[i]
            out[3 + k, 2 + other] -= h22


@kernel
def project_softmax_along(lanes, slots, u, shifts, codes, costs, p, own, first, last, out):  # type: ignore[no-untyped-def]
    """``out[lane, a]``: gradient (2) and Hessian (3) along directions with ``shifts``."""
    mean0, mean1 = np.empty(CHUNK_ROWS), np.empty(CHUNK_ROWS)
    for lane in range(first, last):
        for a in range(slots.size):
            j = slots[a]
            part = out[lane, a]
            part[:] = 0.0
            for start in range(lanes[lane], lanes[lane + 1], CHUNK_ROWS):
                rows = slice(start, min(start + CHUNK_ROWS, lanes[lane + 1]))
                code_j, cost_j, own_j = codes[j, rows], costs[j, rows], own[j, rows]
                _add_slopes(j, rows, u, shifts[a], code_j, cost_j, own_j, p, mean0, mean1, part)
                _add_bends(j, rows, u, shifts[a], cost_j, p, mean0, mean1, part)


@numba.njit(inline="always")
def _add_slopes(j, rows, u, shifts, codes, costs, own, p, mean0, mean1, out):  # type: ignore[no-untyped-def]
    """Add a chunk's gradient along, and set the directions' means by row, weighted with ``p``."""
    n = rows.stop - rows.start
    mean0[:n] = 0.0
    mean1[:n] = 0.0
    for k in range(p.shape[1]):
        p_k, last_k, new_k = p[j, k, rows], u[j, 0, k, rows], u[j, 1, k, rows]
        s0, s1 = shifts[0, k], shifts[1, k]
        g0 = g1 = 0.0
        for i in range(n):
            u0 = last_k[i] + s0
            u1 = new_k[i] + s1
            mean0[i] += p_k[i] * u0
            mean1[i] += p_k[i] * u1
            r = own[i] if codes[i] == k else costs[i] * p_k[i]
            g0 += r * u0
            g1 += r * u1
        out[0] += g0
        out[1] += g1


@numba.njit(inline="always")
def _add_bends(j, rows, u, shifts, costs, p, mean0, mean1, out):  # type: ignore[no-untyped-def]
    """Add a chunk's Hessian along, of directions less their means by row."""
    for k in range(p.shape[1]):
        p_k, last_k, new_k = p[j, k, rows], u[j, 0, k, rows], u[j, 1, k, rows]
        s0, s1 = shifts[0, k], shifts[1, k]
        h00 = h01 = h11 = 0.0
        for i in range(costs.size):
            c = costs[i] * p_k[i]
            v0 = last_k[i] + s0 - mean0[i]
            v1 = new_k[i] + s1 - mean1[i]
            h00 += c * v0 * v0
            h01 += c * v0 * v1
            h11 += c * v1 * v1
        out[2] += h00
        out[3] += h01
        out[4] += h11
