// A picture of one digit -> 28 x 28 pixels, step by step as imlogit.data.images.mnist_digit.
"use strict";
var imlogit = window.imlogit || (window.imlogit = {});

imlogit.prepare = (() => {
  const { round, quantile, median, solve } = imlogit.numbers;
  const SIDE = 28;
  const BOX = 20;
  const CENTRE = 14;
  const LONGEST_SIDE = 256;
  const BORDER = 1 / 20;
  const LEAST_LIT_SIDE = 16;
  const OUTLYING = 3;
  const PASSES = 3;
  const SIGMA = 1.4826;
  const DEVIATIONS = 4;
  const INK_DEVIATIONS = 6;
  const LEAST_CONTRAST = 10;
  const LEAST_SHARE = 0.04;
  const STROKE = 0.75;
  const ROUNDING = 1e-9;
  const TERMS = 6;

  // A grey image is { width, height, values }, row by row, of 0 to 255.
  // Returns 784 pixels, or null where there is no ink.
  function digit(grey) {
    const found = ink(paperDark(reduced(grey)));
    if (found === null) return null;
    const small = boxed(cropped(found.image, found.threshold));
    const most = largest(small.values);
    const scaled = { ...small, values: small.values.map((v) => v * (255 / most)) };
    const bright = levelled(scaled, 0).image;
    return centred({ ...bright, values: bright.values.map((v) => round(255 * v)) });
  }

  function largest(values) {
    let most = -Infinity;
    for (const value of values) if (value > most) most = value;
    return most;
  }

  // Whole squares averaged, in the whole numbers of Pillow's Image.reduce.
  function reduced(grey) {
    const times = Math.ceil(Math.max(grey.width, grey.height) / LONGEST_SIDE);
    if (times <= 1) return { ...grey, values: Float64Array.from(grey.values) };
    const width = Math.ceil(grey.width / times);
    const height = Math.ceil(grey.height / times);
    const values = new Float64Array(width * height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) values[y * width + x] = mean(grey, x * times, y * times, times);
    }
    return { width, height, values };
  }

  function mean(grey, left, top, times) {
    const right = Math.min(left + times, grey.width);
    const bottom = Math.min(top + times, grey.height);
    const count = (right - left) * (bottom - top);
    let sum = Math.floor(count / 2);
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) sum += grey.values[y * grey.width + x];
    }
    return Math.floor((sum * Math.floor(2 ** 24 / count)) / 2 ** 24);
  }

  // The places of the pixels of the border, row by row.
  function borderOf({ width, height }) {
    const down = Math.max(1, round(height * BORDER));
    const across = Math.max(1, round(width * BORDER));
    const places = [];
    for (let y = 0; y < height; y++) {
      const between = y >= down && y < height - down;
      for (let x = 0; x < width; x++) {
        if (!(between && x >= across && x < width - across)) places.push(y * width + x);
      }
    }
    return places;
  }

  function paperDark(grey) {
    let least = Infinity;
    for (const value of grey.values) if (value < least) least = value;
    const middle = (least + largest(grey.values)) / 2;
    const border = borderOf(grey).map((place) => grey.values[place]);
    if (median(border) <= middle) return grey;
    return { ...grey, values: grey.values.map((value) => 255 - value) };
  }

  function ink(grey) {
    const border = borderOf(grey);
    const paper = paperOf(grey, border);
    const off = grey.values.map((value, i) => value - paper[i]);
    const noise = SIGMA * median(border.map((place) => Math.abs(off[place])));
    const peak = largest(off);
    if (peak <= Math.max(LEAST_CONTRAST, INK_DEVIATIONS * noise)) return null;
    const least = Math.max(DEVIATIONS * noise, LEAST_SHARE * peak);
    for (let i = 0; i < off.length; i++) if (off[i] <= least) off[i] = 0;
    return levelled({ ...grey, values: off }, INK_DEVIATIONS * noise);
  }

  // The paper's brightness: a quadratic surface through the border, without what is far from it.
  function paperOf(grey, border) {
    const { width, height } = grey;
    const values = border.map((place) => grey.values[place]);
    let paper = new Float64Array(width * height).fill(median(values));
    if (Math.min(width, height) < LEAST_LIT_SIDE) return paper;
    const terms = border.map((place) => termsAt(place, width, height));
    for (let pass = 0; pass < PASSES; pass++) {
      const apart = values.map((value, i) => Math.abs(value - paper[border[i]]));
      const most = OUTLYING * SIGMA * median(apart);
      const kept = [];
      for (let i = 0; i < apart.length; i++) if (apart[i] <= most) kept.push(i);
      paper = surface(grey, values, terms, kept);
    }
    return paper;
  }

  function termsAt(place, width, height) {
    const x = even(place % width, width);
    const y = even(Math.floor(place / width), height);
    return [1, x, y, x * x, x * y, y * y];
  }

  // The numbers of np.linspace(-1, 1, side).
  function even(i, side) {
    return i === side - 1 ? 1 : i * (2 / (side - 1)) - 1;
  }

  function surface({ width, height }, values, terms, kept) {
    const matrix = Array.from({ length: TERMS }, () => new Float64Array(TERMS));
    const right = new Float64Array(TERMS);
    let least = Infinity;
    let most = -Infinity;
    for (const k of kept) {
      const row = terms[k];
      const value = values[k];
      if (value < least) least = value;
      if (value > most) most = value;
      for (let i = 0; i < TERMS; i++) {
        right[i] += row[i] * value;
        for (let j = 0; j <= i; j++) matrix[i][j] += row[i] * row[j];
      }
    }
    const paper = new Float64Array(width * height).fill(least);
    if (least === most) return paper;
    for (let i = 0; i < TERMS; i++) for (let j = 0; j < i; j++) matrix[j][i] = matrix[i][j];
    const by = solve(matrix, right);
    for (let i = 0; i < paper.length; i++) {
      const row = termsAt(i, width, height);
      let value = 0;
      for (let k = 0; k < TERMS; k++) value += row[k] * by[k];
      paper[i] = Math.min(Math.max(value, least), most);
    }
    return paper;
  }

  // Otsu's threshold over the values' whole parts: the last of the dark levels.
  function otsu(values) {
    const counts = new Float64Array(256);
    for (const value of values) counts[Math.trunc(value)]++;
    const n = values.length;
    let total = 0;
    let squares = 0;
    for (let v = 0; v < 256; v++) {
      total += counts[v] * v;
      squares += counts[v] * v * v;
    }
    const around = n * squares - total * total;
    let below = 0;
    let mass = 0;
    let best = 0;
    let most = 0;
    for (let v = 0; v < 256; v++) {
      below += counts[v];
      mass += counts[v] * v;
      const spread = below * (n - below) * around;
      const explained = spread > 0 ? (total * below - n * mass) ** 2 / spread : 0;
      if (explained > most) [best, most] = [v, explained];
    }
    return best;
  }

  // Strokes become 1; also from what, at that scale, a value is one.
  function levelled(image, least) {
    const threshold = Math.max(otsu(image.values) + 1, least);
    const level = quantile(image.values.filter((value) => value >= threshold), STROKE);
    const values = image.values.map((value) => Math.min(value / level, 1));
    return { image: { ...image, values }, threshold: threshold / level };
  }

  function cropped({ width, height, values }, threshold) {
    const [top, bottom] = extent(peaks(height, 0, width, (y, x) => values[y * width + x]), threshold);
    const columns = peaks(width, top, bottom, (x, y) => values[y * width + x]);
    const [left, right] = extent(columns, threshold);
    const part = new Float64Array((bottom - top) * (right - left));
    for (let y = top; y < bottom; y++) {
      const row = values.subarray(y * width + left, y * width + right);
      part.set(row, (y - top) * (right - left));
    }
    return { width: right - left, height: bottom - top, values: part };
  }

  function peaks(length, start, stop, at) {
    return Float64Array.from({ length }, (_, line) => {
      let most = 0;
      for (let k = start; k < stop; k++) most = Math.max(most, at(line, k));
      return most;
    });
  }

  function extent(lines, threshold) {
    let start = lines.findIndex((peak) => peak >= threshold);
    let stop = lines.length;
    while (lines[stop - 1] < threshold) stop--;
    while (start > 0 && lines[start - 1] !== 0) start--;
    while (stop < lines.length && lines[stop] !== 0) stop++;
    return [start, stop];
  }

  // Averaged over areas, so that the longer side has BOX pixels.
  function boxed({ width, height, values }) {
    const scale = BOX / Math.max(width, height);
    const down = areas(height, scale);
    const across = areas(width, scale);
    const half = new Float64Array(down.length * width);
    down.forEach((shares, y) => {
      for (const [from, share] of shares) {
        for (let x = 0; x < width; x++) half[y * width + x] += share * values[from * width + x];
      }
    });
    const small = new Float64Array(down.length * across.length);
    for (let y = 0; y < down.length; y++) {
      across.forEach((shares, x) => {
        let sum = 0;
        for (const [from, share] of shares) sum += share * half[y * width + from];
        small[y * across.length + x] = sum;
      });
    }
    return { width: across.length, height: down.length, values: small };
  }

  // For each new pixel, which old ones it covers and how much of them.
  function areas(length, scale) {
    const n = Math.max(1, Math.ceil(length * scale - ROUNDING));
    const inside = (edge, start) => Math.min(Math.max(edge - start, 0), 1);
    return Array.from({ length: n }, (_, start) => {
      const shares = [];
      for (let k = 0; k < length; k++) {
        const share = inside((k + 1) * scale, start) - inside(k * scale, start);
        if (share !== 0) shares.push([k, share]);
      }
      return shares;
    });
  }

  // The centre of mass into the pixel (14, 14).
  function centred({ width, height, values }) {
    const rows = new Float64Array(height);
    const columns = new Float64Array(width);
    values.forEach((value, i) => {
      rows[Math.floor(i / width)] += value;
      columns[i % width] += value;
    });
    const top = corner(rows);
    const left = corner(columns);
    const field = new Uint8Array(SIDE * SIDE);
    values.forEach((value, i) => {
      field[(top + Math.floor(i / width)) * SIDE + left + (i % width)] = value;
    });
    return field;
  }

  function corner(mass) {
    let moment = 0;
    let total = 0;
    mass.forEach((m, i) => {
      moment += m * i;
      total += m;
    });
    const start = Math.ceil(CENTRE - 0.5 - moment / total);
    return Math.min(Math.max(start, 0), SIDE - mass.length);
  }

  return { digit, SIDE };
})();
