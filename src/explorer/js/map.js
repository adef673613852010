// All problems of two numbers as one picture, a dot for each, where a run was asked every one.

// The problems that a model got wrong, each with what it said.
const wrongOf = ({ wrong, format }) => wrong.split("\n").filter(Boolean).map((line) => {
  const end = line.indexOf("=") + 1;
  const said = readable(line.slice(end), format);
  return { ...readPrompt(line.slice(0, end), format), said };
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
  const { model } = panel;
  if (panel.map?.model !== model) panel.map = { model, view: h("div", {}, drawMap(panel)) };
  return panel.map.view;
}

function drawMap(panel) {
  const { graded, trainings, name } = panel.model;
  if (!graded) {
    return h("p", { className: "caption" },
      `${name} was not asked all problems (evaluation.exhaustive: true does).`);
  }
  const wrong = wrongOf(panel.model), many = (n) => n.toLocaleString("en");
  const right = ((graded - wrong.length) / graded) * 100;
  const { N } = trainings[0] ?? {}, [A, B] = [trainings[0]?.A, trainings[0]?.B].map(Number);
  const isSquare = N === 2 && B - A < 2048;
  return [
    h("p", {}, `Asked all ${many(graded)} problems, `,
      h("strong", {}, wrong.length ? `${many(wrong.length)} were wrong` : "none was wrong"),
      ` (${right.toFixed(4)} % right).`),
    isSquare && picture(panel, wrong, A, B),
    wrong.length > 0 && h("div",
      { className: "chips", role: "group", "aria-label": "Wrong answers" },
      wrong.slice(0, 60).map((problem, i) => h("button", {
        id: panel.id("wrong", i), type: "button", title: `it said ${problem.said}`,
        onclick: () => askTyped(asTyped(problem)),
      }, asTyped(problem))),
      wrong.length > 60 && h("span", {}, `and ${many(wrong.length - 60)} more`)),
  ];
}

function picture(panel, wrong, A, B) {
  const n = B - A + 1, scale = Math.max(1, Math.floor(800 / n)), side = n * scale;
  const [{ ops }] = panel.model.trainings;
  const canvas = h("canvas", { width: side, height: side, role: "img",
    "aria-label": "Map of the wrong answers; the list below has them too" });
  const context = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
  if (ops === "+") {
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
  // Small where there are many.
  const smallest = 0.5 * scale, spread = side / Math.sqrt(wrong.length || 1) / 4;
  const size = Math.max(smallest, Math.min(side / 110, spread));
  for (const problem of wrong) {
    const [x, y] = place(problem);
    context.beginPath();
    context.arc((x + 0.5) * scale, (y + 0.5) * scale, size, 0, 2 * Math.PI);
    context.fill();
  }
  // The nearest wrong one to a click; on an empty spot, the problem there.
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * n;
    const y = ((event.clientY - box.top) / box.height) * n;
    const far = (problem) => Math.hypot(place(problem)[0] - x, place(problem)[1] - y);
    const nearer = (best, each) => (best && far(best) <= far(each) ? best : each);
    const nearest = wrong.reduce(nearer, null);
    const isHit = nearest && far(nearest) < (12 / box.width) * n;
    const here = [Math.floor(x) + A, Math.min(Math.floor(n - y) + A, B)];
    askTyped(asTyped(isHit ? nearest : { operands: here, operators: [ops[0]] }));
  });
  return h("figure", { className: "map" }, canvas, h("figcaption", { className: "caption" },
    `First number from left to right, ${A} to ${B}; second from bottom to top. An orange dot is a `
    + "wrong answer, and the blue behind is stronger where more digits carry. Choose a dot, or any "
    + "spot, to ask that problem."));
}
