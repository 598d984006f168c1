// What a linear model says of pixels, or of their features: as imlogit.model.head and imlogit.evaluation.evidence.
"use strict";
var imlogit = window.imlogit || (window.imlogit = {});

imlogit.model = (() => {
  // Weights come as base64 of little-endian floats, one row for two classes, else one for each.
  function opened(data) {
    const bytes = Uint8Array.from(atob(data.weights.base64), (letter) => letter.charCodeAt(0));
    const Kind = data.weights.dtype === "float64" ? Float64Array : Float32Array;
    const flat = new Kind(bytes.buffer);
    const [k, d] = data.weights.shape;
    const rows = Array.from({ length: k }, (_, i) => flat.subarray(i * d, (i + 1) * d));
    const features = data.features ? imlogit.features.opened(data.features) : [];
    return { ...data, rows, features };
  }

  // What values are multiplied by before the weights.
  function factor(model, values) {
    if (model.normalize === null) return model.scale;
    let squares = 0;
    for (const value of values) squares += value * value;
    return squares > 0 ? model.scale / Math.sqrt(squares) : model.scale;
  }

  function margins(model, values) {
    const by = factor(model, values);
    return model.rows.map((row, k) => {
      let sum = 0;
      for (let i = 0; i < row.length; i++) sum += row[i] * values[i];
      return sum * by + model.intercept[k];
    });
  }

  function sigmoid(x) {
    if (x >= 0) return 1 / (1 + Math.exp(-x));
    return Math.exp(x) / (1 + Math.exp(x));
  }

  function logSigmoid(x) {
    return x >= 0 ? -Math.log1p(Math.exp(-x)) : x - Math.log1p(Math.exp(x));
  }

  function shares(logs) {
    const most = Math.max(...logs);
    const each = logs.map((log) => Math.exp(log - most));
    const total = each.reduce((a, b) => a + b, 0);
    return each.map((one) => one / total);
  }

  function probabilities(model, found) {
    if (model.link === "sigmoid") return [sigmoid(-found[0]), sigmoid(found[0])];
    return shares(model.link === "softmax" ? found : found.map(logSigmoid));
  }

  function label(model, found) {
    if (found.length > 1) return found.indexOf(Math.max(...found));
    if (model.threshold === null) return Number(found[0] > 0);
    return Number(sigmoid(found[0]) >= model.threshold);
  }

  // Of two classes the second against the first, else the most probable against the next.
  function sides(said) {
    if (said.length === 2) return [1, 0];
    const order = said.map((_, code) => code).sort((a, b) => said[b] - said[a]);
    return [order[0], order[1]];
  }

  // What each place of the picture adds to the logarithm of the odds of toward against against.
  function evidence(model, { values, spread }, said) {
    const [toward, against] = sides(said);
    const [height, width] = model.input.shape;
    const one = model.rows.length === 1 ? model.rows[0] : null;
    const by = factor(model, values);
    const shares = new Float64Array(values.length);
    for (let i = 0; i < values.length; i++) {
      const weight = one ? one[i] : model.rows[toward][i] - model.rows[against][i];
      shares[i] = weight * values[i] * by;
    }
    const carried = spread(shares);
    const channels = carried.length / (height * width);
    const terms = new Float64Array(height * width);
    for (let i = 0; i < carried.length; i++) terms[Math.floor(i / channels)] += carried[i];
    return { toward, against, terms };
  }

  function answer(model, pixels) {
    const made = imlogit.features.computed(model.features, model.input.shape, pixels);
    const found = margins(model, made.values);
    const said = probabilities(model, found);
    return {
      margins: found,
      probabilities: said,
      label: label(model, found),
      evidence: evidence(model, made, said),
    };
  }

  return { opened, answer };
})();
