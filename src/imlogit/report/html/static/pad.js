// The pad: strokes and pictures in, an answer out, live. Everything is computed on this page.
"use strict";
var imlogit = window.imlogit || (window.imlogit = {});

imlogit.pad = (() => {
  const { prepare, strokes: lines, picture, view } = imlogit;
  // How long nothing must change before a screen reader is told the answer, in milliseconds.
  const SETTLED = 400;
  const root = document.getElementById("pad");
  const data = JSON.parse(document.getElementById("model-data").textContent);
  const model = imlogit.model.opened(data);
  const isDigits = data.way === "digit";
  const part = (name) => root.querySelector(`[data-pad="${name}"]`);
  const board = part("board");

  let strokes = [];
  let image = null;
  let problem = "";
  let loads = 0;
  let pen = null;
  let waiting = 0;
  let telling = 0;

  // The pixels that the model takes: of what is drawn, or of a picture; null where there are none.
  function pixelsOf(drawn, loaded) {
    if (loaded !== null) {
      if (isDigits) return prepare.digit(picture.grey(loaded));
      return picture.pixels(loaded, model.input.shape, model.fit);
    }
    return drawn.length ? prepare.digit(lines.grey(drawn)) : null;
  }

  function answerTo(drawn, loaded = null) {
    const pixels = pixelsOf(drawn, loaded);
    return pixels === null ? null : { pixels, ...imlogit.model.answer(model, pixels) };
  }

  function hint() {
    if (problem) return problem;
    if (image !== null) return "There is no ink in this picture.";
    return isDigits ? "Draw a digit." : "Load a picture.";
  }

  function show() {
    waiting = 0;
    const answer = answerTo(strokes, image);
    const shape = model.input.shape;
    paintBoard();
    view.seen(part("seen"), shape, answer?.pixels ?? null);
    view.evidence(part("evidence"), shape, answer?.evidence.terms ?? null);
    view.bars(part("bars"), model.class_names, answer);
    part("hint").textContent = answer ? "" : hint();
    part("verdict").hidden = answer === null;
    root.classList.toggle("pad-empty", answer === null);
    if (answer !== null) tellVerdict(answer);
    window.clearTimeout(telling);
    telling = window.setTimeout(() => announce(answer), SETTLED);
    return answer;
  }

  function tellVerdict({ label, probabilities, evidence }) {
    const names = model.class_names;
    part("label").replaceChildren(view.named(names[label]));
    part("probability").textContent = view.percent(probabilities[label]);
    part("toward").replaceChildren(view.named(names[evidence.toward]));
    part("against").replaceChildren(view.named(names[evidence.against]));
  }

  function announce(answer) {
    const text = answer
      ? `${model.class_names[answer.label]}, ${view.percent(answer.probabilities[answer.label])}`
      : hint();
    if (part("status").textContent !== text) part("status").textContent = text;
  }

  function changed() {
    if (!waiting) waiting = window.requestAnimationFrame(show);
  }

  // The drawing as it is seen, sharp on every screen and in the page's colours.
  function paintBoard() {
    const side = Math.round(board.clientWidth * window.devicePixelRatio) || 1;
    if (board.width !== side) board.width = board.height = side;
    const context = board.getContext("2d");
    context.clearRect(0, 0, side, side);
    context.strokeStyle = getComputedStyle(board).color;
    if (image !== null) paintPicture(context, side);
    lines.draw(context, strokes, side);
  }

  function paintPicture(context, side) {
    const canvas = document.createElement("canvas");
    canvas.width = image.width;
    canvas.height = image.height;
    canvas.getContext("2d").putImageData(image, 0, 0);
    const scale = side / Math.max(image.width, image.height);
    const [width, height] = [image.width * scale, image.height * scale];
    context.imageSmoothingEnabled = scale < 1;
    context.drawImage(canvas, (side - width) / 2, (side - height) / 2, width, height);
  }

  function place(event) {
    const box = board.getBoundingClientRect();
    const within = (value) => Math.min(Math.max(value, 0), 1);
    const left = box.left + board.clientLeft;
    const top = box.top + board.clientTop;
    return [
      within((event.clientX - left) / board.clientWidth),
      within((event.clientY - top) / board.clientHeight),
    ];
  }

  function begin(event) {
    if (pen !== null || event.button !== 0) return;
    event.preventDefault();
    board.setPointerCapture(event.pointerId);
    pen = event.pointerId;
    image = null;
    problem = "";
    loads++;
    strokes.push({ points: [place(event)], width: Number(part("width").value) / 100 });
    changed();
  }

  function go(event) {
    if (event.pointerId !== pen || !strokes.length) return;
    const between = event.getCoalescedEvents?.() ?? [];
    const { points } = strokes[strokes.length - 1];
    for (const one of between.length ? between : [event]) points.push(place(one));
    changed();
  }

  function end(event) {
    if (event.pointerId === pen) pen = null;
  }

  function undo() {
    if (image !== null) image = null;
    else strokes.pop();
    problem = "";
    changed();
  }

  function clear() {
    strokes = [];
    image = null;
    problem = "";
    loads++;
    changed();
  }

  // Of several pictures that are loaded at once the last counts, however long each takes.
  async function load(file) {
    if (!file) return;
    const turn = ++loads;
    let found = null;
    let said = "";
    try {
      found = await picture.decoded(file);
    } catch {
      said = "This file is no picture that the browser can read.";
    }
    if (turn !== loads) return;
    strokes = [];
    image = found;
    problem = said;
    changed();
  }

  function listen() {
    if (isDigits) {
      board.addEventListener("pointerdown", begin);
      board.addEventListener("pointermove", go);
      for (const kind of ["pointerup", "pointercancel"]) board.addEventListener(kind, end);
      part("undo").addEventListener("click", undo);
    }
    part("clear").addEventListener("click", clear);
    part("load").addEventListener("click", () => part("file").click());
    part("file").addEventListener("change", ({ target }) => {
      load(target.files[0]);
      target.value = "";
    });
    document.addEventListener("paste", (event) => load(picture.among(event.clipboardData)));
    root.addEventListener("dragover", (event) => event.preventDefault());
    root.addEventListener("drop", (event) => {
      event.preventDefault();
      load(picture.among(event.dataTransfer));
    });
    window.addEventListener("resize", changed);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  }

  // What is drawn, replaced by other strokes; the answer at once.
  function draw(other) {
    strokes = other;
    image = null;
    return show();
  }

  listen();
  show();
  return { answerTo, draw, strokes: () => strokes };
})();
