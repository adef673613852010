// All problems of two numbers as one picture, a dot for each, where a run was asked every one.

// Prompt and answer of each wrong one.
const wrongOf = ({ wrong }) => wrong.split("\n").filter(Boolean).map((line) => {
  const end = line.indexOf("=") + 1;
  return [line.slice(0, end), line.slice(end)];
});

function carries(a, b) {
  let carry = 0, count = 0;
  for (; a || b; a = Math.floor(a / 10), b = Math.floor(b / 10)) {
    carry = (a % 10) + (b % 10) + carry > 9 ? 1 : 0;
    count += carry;
  }
  return count;
}

// Drawn once for each model of a panel: it shows no moment.
function mapView(panel) {
  if (panel.map?.model !== panel.model) panel.map = { model: panel.model, view: h("div", {}, drawMap(panel)) };
  return panel.map.view;
}

function drawMap(panel) {
  const { graded, trainings, format, name } = panel.model;
  if (!graded) {
    return h("p", { className: "caption" },
      `${name} was not asked all problems (evaluation.exhaustive: true does).`);
  }
  const wrong = wrongOf(panel.model).map(([prompt, said]) =>
    ({ ...readPrompt(prompt, format), said: readable(said, format) }));
  const right = ((graded - wrong.length) / graded) * 100;
  const typed = ({ operands, operators }) =>
    operands.map((value, i) => value + (operators[i] ?? "")).join("");
  const pick = (problem) => askTyped(typed(problem));
  const { N, A, B } = trainings[0] ?? {};
  const isSquare = N === 2 && B - A < 2048;
  return [
    h("p", {}, `Asked all ${graded.toLocaleString("en")} problems, `,
      h("strong", {}, wrong.length ? `${wrong.length.toLocaleString("en")} were wrong` : "none was wrong"),
      ` (${right.toFixed(4)} % right).`),
    isSquare && picture(panel, wrong, A, B, pick),
    wrong.length > 0 && h("div", { className: "chips", role: "group", "aria-label": "Wrong answers" },
      wrong.slice(0, 60).map((problem, i) => h("button", {
        id: panel.id("wrong", i), type: "button", title: `it said ${problem.said}`,
        onclick: () => pick(problem),
      }, typed(problem))),
      wrong.length > 60 && h("span", {}, `and ${(wrong.length - 60).toLocaleString("en")} more on the map`)),
  ];
}

function picture(panel, wrong, A, B, pick) {
  const n = B - A + 1, scale = Math.max(1, Math.floor(800 / n)), side = n * scale;
  const canvas = h("canvas", { width: side, height: side, role: "img",
    "aria-label": "Map of the wrong answers; the list below has them too" });
  const context = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
  if (panel.model.trainings[0].ops === "+") {
    // Behind the dots, stronger where more digits carry.
    context.fillStyle = style.getPropertyValue("--series-1");
    context.fillRect(0, 0, n, n);
    const pixels = context.getImageData(0, 0, n, n);
    for (let a = 0; a < n; a++) {
      for (let b = 0; b < n; b++) {
        pixels.data[4 * ((n - 1 - b) * n + a) + 3] = 18 * Math.min(carries(a + A, b + A), 5);
      }
    }
    context.putImageData(pixels, 0, 0);
    context.imageSmoothingEnabled = false;
    context.globalCompositeOperation = "copy";
    context.drawImage(canvas, 0, 0, n, n, 0, 0, side, side);
    context.globalCompositeOperation = "source-over";
  }
  context.fillStyle = style.getPropertyValue("--series-2");
  const place = ({ operands: [a, b] }) => [Number(a) - A, n - 1 - (Number(b) - A)];
  const size = Math.max(0.5 * scale, Math.min(side / 110, side / Math.sqrt(wrong.length || 1) / 4));
  for (const problem of wrong) {
    const [x, y] = place(problem);
    context.beginPath();
    context.arc((x + 0.5) * scale, (y + 0.5) * scale, size, 0, 2 * Math.PI);
    context.fill();
  }
  // The nearest wrong one to a click; on an empty spot, the problem there.
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * n, y = ((event.clientY - box.top) / box.height) * n;
    const far = (problem) => Math.hypot(place(problem)[0] - x, place(problem)[1] - y);
    const nearest = wrong.reduce((best, each) => (best && far(best) <= far(each) ? best : each), null);
    const within = (12 / box.width) * n;
    if (nearest && far(nearest) < within) return pick(nearest);
    const [a, b] = [Math.floor(x) + A, Math.floor(n - y) + A];
    pick({ operands: [BigInt(a), BigInt(Math.min(b, B))], operators: [panel.model.trainings[0].ops[0]] });
  });
  return h("figure", { className: "map" }, canvas,
    h("figcaption", { className: "caption" },
      `First number from left to right, ${A} to ${B}; second from bottom to top. An orange dot is a wrong answer, and the blue behind is stronger where more digits carry. Choose a dot, or any spot, to ask that problem.`));
}
