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

  // One array a purpose, as long as the last picture needed it: strokes are prepared many times.
  const rooms = {};

  function room(name, length) {
    if (rooms[name]?.length !== length) rooms[name] = new Float64Array(length);
    return rooms[name];
  }

  // A grey image is { width, height, values }, row by row, of 0 to 255.
  // Returns 784 pixels, or null where there is no ink.
  function digit(grey) {
    const found = ink(paperDark(reduced(grey)));
    if (found === null) return null;
    const small = boxed(cropped(found.image, found.threshold));
    const most = ends(small.values)[1];
    const scaled = { ...small, values: small.values.map((v) => v * (255 / most)) };
    const bright = levelled(scaled, 0).image;
    return centred({ ...bright, values: bright.values.map((v) => round(255 * v)) });
  }

  // The least and the greatest value.
  function ends(values) {
    let least = Infinity;
    let most = -Infinity;
    for (let i = 0; i < values.length; i++) {
      if (values[i] < least) least = values[i];
      if (values[i] > most) most = values[i];
    }
    return [least, most];
  }

  // Whole squares averaged, in the whole numbers of Pillow's Image.reduce.
  function reduced(grey) {
    const times = Math.ceil(Math.max(grey.width, grey.height) / LONGEST_SIDE);
    const width = Math.ceil(grey.width / times);
    const height = Math.ceil(grey.height / times);
    const values = room("grey", width * height);
    if (times === 1) {
      values.set(grey.values);
      return { width, height, values };
    }
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

  // The places of the pixels of the border, row by row; of one size those of the last call.
  let border = { width: 0, height: 0, places: new Int32Array(0) };

  function borderOf({ width, height }) {
    if (border.width !== width || border.height !== height) {
      border = { width, height, places: Int32Array.from(placesOfBorder(width, height)) };
    }
    return border.places;
  }

  function placesOfBorder(width, height) {
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

  function valuesAt(places, values) {
    const found = room("border", places.length);
    for (let i = 0; i < places.length; i++) found[i] = values[places[i]];
    return found;
  }

  function paperDark(grey) {
    const { values } = grey;
    const [least, most] = ends(values);
    if (median(valuesAt(borderOf(grey), values)) <= (least + most) / 2) return grey;
    for (let i = 0; i < values.length; i++) values[i] = 255 - values[i];
    return grey;
  }

  function ink(grey) {
    const places = borderOf(grey);
    const off = withoutPaper(grey, paperOf(grey, places));
    const apart = valuesAt(places, off);
    for (let i = 0; i < apart.length; i++) apart[i] = Math.abs(apart[i]);
    const noise = SIGMA * median(apart);
    const peak = ends(off)[1];
    if (peak <= Math.max(LEAST_CONTRAST, INK_DEVIATIONS * noise)) return null;
    const least = Math.max(DEVIATIONS * noise, LEAST_SHARE * peak);
    for (let i = 0; i < off.length; i++) if (off[i] <= least) off[i] = 0;
    return levelled({ ...grey, values: off }, INK_DEVIATIONS * noise);
  }

  // A paper is a quadratic surface, { by, least, most }: its coefficients, and between what it stays.
  function flat(level) {
    return { by: [level, 0, 0, 0, 0, 0], least: level, most: level };
  }

  // The paper's brightness: a surface through the border, without what is far from it.
  function paperOf(grey, places) {
    const values = valuesAt(places, grey.values);
    let paper = flat(median(values));
    if (Math.min(grey.width, grey.height) < LEAST_LIT_SIDE) return paper;
    const apart = room("apart", values.length);
    for (let pass = 0; pass < PASSES; pass++) {
      for (let i = 0; i < values.length; i++) {
        apart[i] = Math.abs(values[i] - brightness(paper, places[i], grey));
      }
      const most = OUTLYING * SIGMA * median(apart);
      const kept = [];
      for (let i = 0; i < apart.length; i++) if (apart[i] <= most) kept.push(i);
      paper = surface(grey, places, values, kept);
    }
    return paper;
  }

  function brightness({ by, least, most }, place, { width, height }) {
    if (least === most) return least;
    const x = even(place % width, width);
    const y = even(Math.floor(place / width), height);
    const value = by[0] + x * by[1] + y * by[2] + x * x * by[3] + x * y * by[4] + y * y * by[5];
    return Math.min(Math.max(value, least), most);
  }

  function withoutPaper(grey, paper) {
    const off = room("off", grey.values.length);
    for (let i = 0; i < off.length; i++) off[i] = grey.values[i] - brightness(paper, i, grey);
    return off;
  }

  // The numbers of np.linspace(-1, 1, side).
  function even(i, side) {
    return i === side - 1 ? 1 : i * (2 / (side - 1)) - 1;
  }

  function surface({ width, height }, places, values, kept) {
    const [least, most] = ends(kept.map((k) => values[k]));
    if (least === most) return flat(least);
    const matrix = Array.from({ length: TERMS }, () => new Float64Array(TERMS));
    const right = new Float64Array(TERMS);
    for (const k of kept) {
      const x = even(places[k] % width, width);
      const y = even(Math.floor(places[k] / width), height);
      const row = [1, x, y, x * x, x * y, y * y];
      for (let i = 0; i < TERMS; i++) {
        right[i] += row[i] * values[k];
        for (let j = 0; j <= i; j++) matrix[i][j] += row[i] * row[j];
      }
    }
    for (let i = 0; i < TERMS; i++) for (let j = 0; j < i; j++) matrix[j][i] = matrix[i][j];
    return { by: solve(matrix, right), least, most };
  }

  // Otsu's threshold over the values' whole parts: the last of the dark levels.
  function otsu(values) {
    const counts = new Float64Array(256);
    for (let i = 0; i < values.length; i++) counts[Math.trunc(values[i])]++;
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

  // Strokes become 1, in place; also from what, at that scale, a value is one.
  function levelled(image, least) {
    const { values } = image;
    const threshold = Math.max(otsu(values) + 1, least);
    const inked = room("inked", values.length);
    let n = 0;
    for (let i = 0; i < values.length; i++) if (values[i] >= threshold) inked[n++] = values[i];
    const level = quantile(inked.subarray(0, n), STROKE);
    for (let i = 0; i < values.length; i++) values[i] = Math.min(values[i] / level, 1);
    return { image, threshold: threshold / level };
  }

  function cropped({ width, height, values }, threshold) {
    const [top, bottom] = extent(peaks(values, height, 0, width, width, 1), threshold);
    const [left, right] = extent(peaks(values, width, top, bottom, 1, width), threshold);
    const part = new Float64Array((bottom - top) * (right - left));
    for (let y = top; y < bottom; y++) {
      const row = values.subarray(y * width + left, y * width + right);
      part.set(row, (y - top) * (right - left));
    }
    return { width: right - left, height: bottom - top, values: part };
  }

  // The greatest value of each line, whose places are `apart`, from start to stop, which are `step`.
  function peaks(values, length, start, stop, apart, step) {
    const found = new Float64Array(length);
    for (let line = 0; line < length; line++) {
      for (let k = start; k < stop; k++) {
        const value = values[line * apart + k * step];
        if (value > found[line]) found[line] = value;
      }
    }
    return found;
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
      const first = Math.max(0, Math.floor(start / scale) - 1);
      const last = Math.min(length, Math.ceil((start + 1) / scale) + 1);
      for (let k = first; k < last; k++) {
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
