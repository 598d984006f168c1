// Pillow's antialiased bicubic resampling, in its whole numbers, and the ways to a size.
"use strict";
var imlogit = window.imlogit || (window.imlogit = {});

imlogit.resample = (() => {
  const { round } = imlogit.numbers;
  const SUPPORT = 2;
  const A = -0.5;
  const BITS = 22;

  function bicubic(x) {
    const t = Math.abs(x);
    if (t < 1) return ((A + 2) * t - (A + 3)) * t * t + 1;
    if (t < 2) return (((t - 5) * t + 8) * t - 4) * A;
    return 0;
  }

  // For each new pixel: the first old one that counts, and the weights from there on.
  function kernels(length, from, to, wanted) {
    const start = Math.fround(from);
    const scale = Math.fround(Math.fround(to) - start) / wanted;
    const wide = Math.max(scale, 1);
    return Array.from({ length: wanted }, (_, k) => {
      const centre = start + (k + 0.5) * scale;
      const first = Math.max(0, Math.trunc(centre - SUPPORT * wide + 0.5));
      const last = Math.min(length, Math.trunc(centre + SUPPORT * wide + 0.5));
      const weights = new Float64Array(last - first);
      let total = 0;
      for (let i = 0; i < weights.length; i++) {
        weights[i] = bicubic((i + first - centre + 0.5) * (1 / wide));
        total += weights[i];
      }
      return { first, weights: weights.map((w) => fixed(total === 0 ? w : w * (1 / total))) };
    });
  }

  function fixed(weight) {
    return Math.trunc((weight < 0 ? -0.5 : 0.5) + weight * 2 ** BITS);
  }

  function level(sum) {
    return Math.min(Math.max(sum >> BITS, 0), 255);
  }

  // One plane of values, of which the box [left, top, right, bottom] becomes width x height.
  function resized(plane, width, height, box) {
    const [left, top, right, bottom] = box;
    let now = plane;
    if (width !== now.width || left !== 0 || right !== now.width) now = across(now, width, left, right);
    if (height !== now.height || top !== 0 || bottom !== now.height) now = down(now, height, top, bottom);
    return now;
  }

  function across(plane, width, left, right) {
    const values = new Uint8Array(width * plane.height);
    kernels(plane.width, left, right, width).forEach(({ first, weights }, x) => {
      for (let y = 0; y < plane.height; y++) {
        let sum = 2 ** (BITS - 1);
        const start = y * plane.width + first;
        for (let i = 0; i < weights.length; i++) sum += weights[i] * plane.values[start + i];
        values[y * width + x] = level(sum);
      }
    });
    return { width, height: plane.height, values };
  }

  function down(plane, height, top, bottom) {
    const { width } = plane;
    const values = new Uint8Array(width * height);
    kernels(plane.height, top, bottom, height).forEach(({ first, weights }, y) => {
      for (let x = 0; x < width; x++) {
        let sum = 2 ** (BITS - 1);
        for (let i = 0; i < weights.length; i++) sum += weights[i] * plane.values[(first + i) * width + x];
        values[y * width + x] = level(sum);
      }
    });
    return { width, height, values };
  }

  // The middle, of the proportions that are wanted: ImageOps.fit.
  function cropped(plane, width, height) {
    const ratio = width / height;
    const own = plane.width / plane.height;
    let w = plane.width;
    let h = plane.height;
    if (own > ratio) w = ratio * plane.height;
    else if (own < ratio) h = plane.width / ratio;
    const left = (plane.width - w) * 0.5;
    const top = (plane.height - h) * 0.5;
    return resized(plane, width, height, [left, top, left + w, top + h]);
  }

  // All of it, with black beside: ImageOps.pad. A line that is thinner than a pixel is not seen.
  function padded(plane, width, height) {
    const own = plane.width / plane.height;
    let w = width;
    let h = height;
    if (own > width / height) h = round((plane.height / plane.width) * width);
    else if (own < width / height) w = round((plane.width / plane.height) * height);
    const values = new Uint8Array(width * height);
    if (w === 0 || h === 0) return { width, height, values };
    const small = stretched(plane, w, h);
    const left = w === width ? 0 : round((width - w) * 0.5);
    const top = w === width ? round((height - h) * 0.5) : 0;
    for (let y = 0; y < h; y++) {
      values.set(small.values.subarray(y * w, (y + 1) * w), (top + y) * width + left);
    }
    return { width, height, values };
  }

  function stretched(plane, width, height) {
    return resized(plane, width, height, [0, 0, plane.width, plane.height]);
  }

  function fitted(plane, width, height, fit) {
    if (plane.width === width && plane.height === height) return plane;
    return { crop: cropped, pad: padded, stretch: stretched }[fit](plane, width, height);
  }

  return { fitted };
})();
