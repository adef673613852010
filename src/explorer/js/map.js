// All problems of two numbers as one picture, a dot for each, where a run was asked every one.

// Prompt and answer of each wrong one.
const wrongOf = ({ wrong }) => wrong.split("\n").filter(Boolean).map((line) => {
  const end = line.indexOf("=") + 1;
  return [line.slice(0, end), line.slice(end)];
});

const carries = (a, b) => {
  let carry = 0, count = 0;
  for (; a || b; a = Math.floor(a / 10), b = Math.floor(b / 10)) {
    carry = (a % 10) + (b % 10) + carry > 9 ? 1 : 0;
    count += carry;
  }
  return count;
};

function mapView(panel) {
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
  const n = B - A + 1, canvas = h("canvas", { width: n, height: n, role: "img",
    "aria-label": `Map of the wrong answers; the list below has them too` });
  const context = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
  // Behind the dots, darker where more digits carry.
  const shades = [0, 0.07, 0.14, 0.21, 0.28, 0.35];
  context.fillStyle = style.getPropertyValue("--series-1");
  if (panel.model.trainings[0].ops === "+") {
    for (let a = 0; a < n; a++) for (let b = 0; b < n; b++) {
      context.globalAlpha = shades[Math.min(carries(a + A, b + A), 5)];
      context.fillRect(a, n - 1 - b, 1, 1);
    }
  }
  context.globalAlpha = 1;
  context.fillStyle = style.getPropertyValue("--series-2");
  const place = ({ operands: [a, b] }) => [Number(a) - A, n - 1 - (Number(b) - A)];
  const size = Math.max(1, Math.min(n / 110, n / Math.sqrt(wrong.length || 1) / 4));
  for (const problem of wrong) {
    const [x, y] = place(problem);
    context.beginPath();
    context.arc(x, y, size, 0, 7);
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
      `First number from left to right, ${A} to ${B}; second from bottom to top. An orange dot is a wrong answer, and the blue behind is darker where more digits carry. Choose a dot, or any spot, to ask that problem.`));
}
