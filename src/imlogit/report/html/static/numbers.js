// What NumPy and Python compute otherwise than JavaScript does: rounding, medians, least squares.
"use strict";
var imlogit = window.imlogit || (window.imlogit = {});

imlogit.numbers = (() => {
  // Halves to the even neighbour, as Python's round and NumPy's rint.
  function round(x) {
    const whole = Math.floor(x);
    const over = x - whole;
    if (over !== 0.5) return over < 0.5 ? whole : whole + 1;
    return whole % 2 === 0 ? whole : whole + 1;
  }

  // The k-th smallest; puts no value before it that is larger, and none after it that is smaller.
  function select(values, k) {
    let low = 0;
    let high = values.length - 1;
    while (low < high) {
      const pivot = values[(low + high) >> 1];
      let i = low;
      let j = high;
      while (i <= j) {
        while (values[i] < pivot) i++;
        while (values[j] > pivot) j--;
        if (i <= j) {
          const kept = values[i];
          values[i++] = values[j];
          values[j--] = kept;
        }
      }
      if (k <= j) high = j;
      else if (k >= i) low = i;
      else break;
    }
    return values[k];
  }

  // By linear interpolation, in the order of operations that NumPy has.
  function quantile(values, share) {
    const own = new Float64Array(values);
    const place = (own.length - 1) * share;
    const below = Math.floor(place);
    const t = place - below;
    const a = select(own, below);
    if (t === 0) return a;
    const b = select(own.subarray(below + 1), 0);
    return t >= 0.5 ? b - (b - a) * (1 - t) : a + (b - a) * t;
  }

  function median(values) {
    const own = new Float64Array(values);
    const half = own.length >> 1;
    const upper = select(own, half);
    if (own.length % 2) return upper;
    let lower = own[0];
    for (let i = 1; i < half; i++) if (own[i] > lower) lower = own[i];
    return (lower + upper) / 2;
  }

  // Eigenvalues of a symmetric matrix and their vectors, the columns, by Jacobi's rotations.
  function eigen(matrix) {
    const n = matrix.length;
    const a = matrix.map((row) => Float64Array.from(row));
    const v = matrix.map((_, i) => Float64Array.from({ length: n }, (__, j) => Number(i === j)));
    for (let sweep = 0; sweep < 60; sweep++) {
      let off = 0;
      let on = 0;
      for (let p = 0; p < n; p++) {
        on += a[p][p] ** 2;
        for (let q = 0; q < p; q++) off += a[p][q] ** 2;
      }
      if (off <= 1e-34 * on) break;
      for (let p = 1; p < n; p++) for (let q = 0; q < p; q++) rotate(a, v, p, q);
    }
    return { values: a.map((row, i) => row[i]), vectors: v };
  }

  function rotate(a, v, p, q) {
    if (a[p][q] === 0) return;
    const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
    const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1));
    const c = 1 / Math.hypot(t, 1);
    const s = t * c;
    const turn = (row, i, j) => {
      const x = row[i];
      row[i] = c * x - s * row[j];
      row[j] = s * x + c * row[j];
    };
    for (const row of a) turn(row, p, q);
    for (let k = 0; k < a.length; k++) {
      const x = a[p][k];
      a[p][k] = c * x - s * a[q][k];
      a[q][k] = s * x + c * a[q][k];
    }
    for (const row of v) turn(row, p, q);
  }

  // The shortest of the best solutions of matrix x = right, the matrix symmetric without negative
  // eigenvalues, as np.linalg.lstsq.
  function solve(matrix, right) {
    const { values, vectors } = eigen(matrix);
    const n = values.length;
    const least = n * Number.EPSILON * Math.max(...values);
    const solution = new Float64Array(n);
    for (let k = 0; k < n; k++) {
      if (values[k] <= least) continue;
      let along = 0;
      for (let i = 0; i < n; i++) along += vectors[i][k] * right[i];
      for (let i = 0; i < n; i++) solution[i] += (vectors[i][k] * along) / values[k];
    }
    return solution;
  }

  return { round, quantile, median, solve };
})();
