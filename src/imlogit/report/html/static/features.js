// Feature steps of a model, as docs/export.md describes them; and back, what each pixel carries.
"use strict";
var imlogit = window.imlogit || (window.imlogit = {});

imlogit.features = (() => {
  const WHITE = 255;
  const KINDS = { int16: Int16Array, int32: Int32Array, float32: Float32Array };
  const STEPS = { deskew, hog, patches };

  // Arrays of a step come as base64 of little-endian numbers.
  function opened(steps) {
    const open = (value) => {
      if (value?.base64 === undefined) return value;
      const bytes = Uint8Array.from(atob(value.base64), (letter) => letter.charCodeAt(0));
      return Float64Array.from(new KINDS[value.dtype](bytes.buffer));
    };
    const entries = (step) => Object.entries(step).map(([key, value]) => [key, open(value)]);
    return steps.map((step) => Object.fromEntries(entries(step)));
  }

  // The features of one image, and what leads from what each carries to what each pixel carries.
  function computed(steps, [height, width, channels = 1], pixels) {
    if (!steps.length) return { values: pixels, spread: (shares) => shares };
    let image = { height, width, channels, values: Float64Array.from(pixels) };
    const ways = [];
    for (const step of steps) {
      const { made, spread } = STEPS[step.step](image, step);
      ways.unshift(spread);
      image = { ...image, values: made };
    }
    return { values: image.values, spread: (shares) => ways.reduce((some, way) => way(some), shares) };
  }

  function deskew({ height, width, values }, { most_slant: most }) {
    const { across, slant } = upright(height, width, values, most);
    const made = new Float64Array(height * width);
    const moves = Array.from({ length: height }, (_, y) => {
      const move = across + slant * y;
      const left = Math.floor(move);
      return { left, part: move - left };
    });
    moves.forEach(({ left, part }, y) => {
      const row = values.subarray(y * width, (y + 1) * width);
      for (let x = 0; x < width; x++) {
        const one = row[x + left] ?? 0;
        const other = row[x + left + 1] ?? 0;
        made[y * width + x] = Math.floor(one + (other - one) * part + 0.5);
      }
    });
    // What was taken from beyond the edge goes to the nearest pixel.
    const spread = (shares) => {
      const out = new Float64Array(height * width);
      const inside = (x) => Math.min(Math.max(x, 0), width - 1);
      moves.forEach(({ left, part }, y) => {
        for (let x = 0; x < width; x++) {
          const share = shares[y * width + x];
          out[y * width + inside(x + left)] += share * (1 - part);
          out[y * width + inside(x + left + 1)] += share * part;
        }
      });
      return out;
    };
    return { made, spread };
  }

  // Row y is to move left by across + slant y.
  function upright(height, width, values, most) {
    let [total, along, down, squares, products] = [0, 0, 0, 0, 0];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const value = values[y * width + x];
        total += value;
        along += value * x;
        down += value * y;
        squares += value * y * y;
        products += value * x * y;
      }
    }
    if (total === 0) return { across: 0, slant: 0 };
    const variance = total * squares - down * down;
    let slant = 0;
    if (variance > 0) slant = (total * products - down * along) / variance;
    slant = Math.min(Math.max(slant, -most), most);
    return { across: along / total - (width - 1) / 2 - slant * (down / total), slant };
  }

  function hog(image, step) {
    const { height, width, channels } = image;
    const edges = edgesOf(image, step);
    const n = step.orientations * (step.each_colour ? channels : 1);
    const made = [];
    for (const cells of step.grids) blocks(counted(edges, image, cells, n, step), cells, n, step, made);
    // What a cell's features carry goes to its pixels evenly.
    const spread = (shares) => {
      const out = new Float64Array(height * width);
      let at = 0;
      for (const cells of step.grids) {
        eachCell(cells, (row, column) => {
          let sum = 0;
          for (let f = 0; f < n; f++) sum += shares[at++];
          const [top, bottom, left, right] = [
            Math.floor((row * height) / cells),
            Math.floor(((row + 1) * height) / cells),
            Math.floor((column * width) / cells),
            Math.floor(((column + 1) * width) / cells),
          ];
          const each = sum / ((bottom - top) * (right - left));
          for (let y = top; y < bottom; y++) {
            for (let x = left; x < right; x++) out[y * width + x] += each;
          }
        });
      }
      return out;
    };
    return { made, spread };
  }

  // The cells of all blocks, in the order of the features.
  function eachCell(cells, visit) {
    for (let y = 0; y < cells - 1; y++) {
      for (let x = 0; x < cells - 1; x++) {
        for (const v of [0, 1]) for (const u of [0, 1]) visit(y + v, x + u);
      }
    }
  }

  // Edges with a strength: where, of which colour, how strong, in which direction.
  function edgesOf({ height, width, channels, values }, step) {
    const turn = step.signed ? 2 * Math.PI : Math.PI;
    const at = (y, x, c) => {
      const row = Math.min(Math.max(y, 0), height - 1);
      const column = Math.min(Math.max(x, 0), width - 1);
      return values[(row * width + column) * channels + c];
    };
    const found = [];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let best = null;
        for (let c = 0; c < channels; c++) {
          const dy = at(y + 1, x, c) - at(y - 1, x, c);
          const dx = at(y, x + 1, c) - at(y, x - 1, c);
          const size = Math.sqrt(dx * dx + dy * dy);
          if (!step.each_colour && best !== null && size <= best.size) continue;
          const angle = Math.atan2(dy, dx);
          const direction = (angle < 0 ? angle + turn : angle) * (step.orientations / turn);
          best = { y, x, colour: step.each_colour ? c : 0, size, direction };
          if (step.each_colour && size > 0) found.push(best);
        }
        if (!step.each_colour && best.size > 0) found.push(best);
      }
    }
    return found;
  }

  // What each cell counts of each colour and direction.
  function counted(edges, { height, width }, cells, n, { orientations }) {
    const counts = new Float64Array(cells * cells * n);
    for (const { y, x, colour, size, direction } of edges) {
      const down = ((y + 0.5) * cells) / height - 0.5;
      const across = ((x + 0.5) * cells) / width - 0.5;
      const first = Math.floor(direction);
      const part = direction - first;
      const one = colour * orientations + (first % orientations);
      const other = colour * orientations + ((first + 1) % orientations);
      for (let row = Math.floor(down); row <= Math.floor(down) + 1; row++) {
        for (let column = Math.floor(across); column <= Math.floor(across) + 1; column++) {
          if (row < 0 || row >= cells || column < 0 || column >= cells) continue;
          const near = (1 - Math.abs(down - row)) * (1 - Math.abs(across - column));
          const cell = (row * cells + column) * n;
          counts[cell + one] += size * near * (1 - part);
          counts[cell + other] += size * near * part;
        }
      }
    }
    return counts;
  }

  // Adds every block of four cells over its norm, as bytes.
  function blocks(counts, cells, n, step, made) {
    const squares = new Float64Array(cells * cells);
    counts.forEach((count, i) => (squares[Math.floor(i / n)] += count * count));
    for (let y = 0; y < cells - 1; y++) {
      for (let x = 0; x < cells - 1; x++) {
        const corners = [y * cells + x, y * cells + x + 1, (y + 1) * cells + x, (y + 1) * cells + x + 1];
        const total = corners.reduce((sum, cell) => sum + squares[cell], step.least_norm ** 2);
        const norm = Math.sqrt(total) * step.clip;
        for (const cell of corners) {
          for (let f = 0; f < n; f++) {
            const count = Math.min(counts[cell * n + f] / norm, 1);
            made.push(Math.floor(Math.sqrt(count) * WHITE + 0.5));
          }
        }
      }
    }
  }

  function patches(image, step) {
    const { height, width } = image;
    const { size, rows, columns, factors } = step;
    const n = step.offsets.length;
    const across = columns[columns.length - 1];
    const grid = columns.length - 1;
    const responses = responsesTo(image, step);
    const over = (r) => Math.max(r - step.threshold, 0);
    // Calls with each place and the first of the features of its cell.
    const eachPlace = (visit) => {
      for (let a = 0; a < grid; a++) {
        for (let b = 0; b < grid; b++) {
          for (let y = rows[a]; y < rows[a + 1]; y++) {
            for (let x = columns[b]; x < columns[b + 1]; x++) visit(y, x, (a * grid + b) * 2 * n);
          }
        }
      }
    };
    const sums = new Float64Array(factors.length);
    eachPlace((y, x, cell) => {
      const place = (y * across + x) * n;
      for (let f = 0; f < n; f++) {
        const r = responses[place + f];
        if (r > step.threshold) sums[cell + f] += r - step.threshold;
        else if (-r > step.threshold) sums[cell + n + f] += -r - step.threshold;
      }
    });
    const made = sums.map((sum, j) => {
      const square = Math.fround(sum * factors[j]);
      return Math.floor(Math.min(Math.sqrt(square) + 0.5, WHITE));
    });
    // A cell's shares go to its places as they responded, and to all pixels of a place alike.
    const spread = (shares) => {
      const out = new Float64Array(height * width);
      const each = shares.map((share, j) => (sums[j] > 0 ? share / sums[j] : 0));
      eachPlace((y, x, cell) => {
        const place = (y * across + x) * n;
        let carried = 0;
        for (let f = 0; f < n; f++) {
          const r = responses[place + f];
          carried += over(r) * each[cell + f] + over(-r) * each[cell + n + f];
        }
        const part = carried / (size * size);
        for (let v = y; v < y + size; v++) {
          for (let u = x; u < x + size; u++) out[v * width + u] += part;
        }
      });
      return out;
    };
    return { made, spread };
  }

  // Whole numbers: of every place, row by row, one for each filter.
  function responsesTo({ width, channels, values }, step) {
    const { size, rows, columns, filters, offsets } = step;
    const [down, across] = [rows[rows.length - 1], columns[columns.length - 1]];
    const n = offsets.length;
    const run = size * channels;
    const length = size * run;
    const patch = new Float64Array(length);
    const found = new Int32Array(down * across * n);
    for (let y = 0; y < down; y++) {
      for (let x = 0; x < across; x++) {
        for (let v = 0; v < size; v++) {
          const start = ((y + v) * width + x) * channels;
          patch.set(values.subarray(start, start + run), v * run);
        }
        let total = 0;
        let squares = 0;
        for (let i = 0; i < length; i++) {
          total += patch[i];
          squares += patch[i] * patch[i];
        }
        const spread = length * squares - total * total;
        const unit = Math.fround(step.unit / Math.sqrt(spread + step.added));
        const place = (y * across + x) * n;
        for (let f = 0; f < n; f++) found[place + f] = -offsets[f];
        // filters add up to nothing: of a plain place there is no product
        if (spread === 0) continue;
        for (let f = 0, at = 0; f < n; f++) {
          let product = 0;
          for (let i = 0; i < length; i++) product += filters[at++] * patch[i];
          found[place + f] += Math.trunc(Math.fround(product * unit));
        }
      }
    }
    return found;
  }

  return { opened, computed };
})();
