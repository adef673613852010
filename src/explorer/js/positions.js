// What a model knows of where a token stands: rotations, or learned vectors.

function positionsView(panel) {
  const { config } = panel.model, { reading } = panel.result;
  const scheme = config.positions === "none" ? "none" : config.pos_encoding;
  const views = { none: noPositions, learned: learnedPositions, rope: rotations };
  const numbered = h("div", { className: "scroll" }, h("table", { className: "grid" },
    h("tbody", {},
      h("tr", {}, h("th", { scope: "row" }, "token"), reading.tokens.map((token, at) =>
        h("td", { className: at === panel.moment(state.place) ? "now" : "" },
          mark(token)))),
      h("tr", {}, h("th", { scope: "row" }, "position"), reading.moments.map(({ position }) =>
        h("td", {}, String(position)))))));
  return [scheme !== "none" && numbered, views[scheme](panel)];
}

const noPositions = () => h("p", { className: "caption" },
  "This model is told no positions. It knows what came before a token only because no token sees "
  + "those behind it.");

// How alike the learned vectors of any two positions are.
function learnedPositions(panel) {
  const { weights } = modelAt(panel.model, panel.step);
  const n = Math.min(Math.max(panel.result.reading.tokens.length, 8), 24);
  const vectors = [...Array(n).keys()].map((at) => rowOf(weights.position_embedding, at));
  const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
  const alike = (x, y) => dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
  return [
    h("p", { className: "caption" },
      "This model has learned a vector for each position, and adds it to the token’s own. Blue: two "
      + "positions have similar vectors; orange: opposite ones; pale: nothing in common."),
    h("div", { className: "scroll" }, h("table", { className: "grid" },
      h("thead", {}, h("tr", {}, h("td", {}),
        vectors.map((_, at) => h("th", { scope: "col" }, String(at))))),
      h("tbody", {}, vectors.map((x, row) => h("tr", {},
        h("th", { scope: "row" }, String(row)),
        vectors.map((y) => {
          const value = alike(x, y), said = value.toFixed(2);
          const className = value < 0 ? "cell opposite" : "cell";
          return h("td", { className, "--share": Math.abs(value), title: said }, spoken(said));
        })))))),
  ];
}

// RoPE: how far a token is turned, and what is left of a match at each distance.
function rotations(panel) {
  const { d_model, n_heads, rope_theta } = panel.model.config, half = d_model / n_heads / 2;
  const speeds = [...Array(half).keys()].map((i) => rope_theta ** (-i / half));
  const { position } = panel.result.reading.moments[panel.moment(state.place)];
  const clock = (speed) => {
    const angle = position * speed;
    return svg("svg", { viewBox: "-11 -11 22 22", class: "clock", "aria-hidden": "true" },
      svg("circle", { r: 10 }),
      svg("line", { x2: 9 * Math.sin(angle), y2: -9 * Math.cos(angle) }));
  };
  const shown = 12, match = (distance) => mean(speeds.map((speed) => Math.cos(distance * speed)));
  const [left, right, top, bottom] = [34, 350, 10, 100];
  const x = (distance) => left + (distance / shown) * (right - left);
  const y = (value) => top + (1 - value) * ((bottom - top) / 2);
  const distances = [...Array(shown + 1).keys()];
  const values = distances.map((d) => `${match(d).toFixed(2)} at distance ${d}`);
  return [
    h("p", { className: "caption" },
      `RoPE turns pairs of numbers like the hands of ${half} clocks, the first the fastest, by an `
      + `angle that grows with the position. At position ${position} they stand like this:`),
    h("div", { className: "clocks" }, speeds.slice(0, 32).map(clock)),
    h("p", { className: "caption" },
      "When one token looks at another, only the distance between them counts. The line shows what "
      + "is left of a perfect match, 1, as the other token stands further back:"),
    svg("svg", { viewBox: "0 0 360 130", class: "chart", role: "img", "aria-label": values.join(", ") },
      [1, 0, -1].map((value) => [
        svg("line", { class: "rule", x1: left, x2: right, y1: y(value), y2: y(value) }),
        svg("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, String(value)),
      ]),
      distances.filter((d) => d % 2 === 0).map((d) =>
        svg("text", { x: x(d), y: bottom + 14, "text-anchor": "middle" }, String(d))),
      svg("text", { x: (left + right) / 2, y: bottom + 28, "text-anchor": "middle" },
        "tokens back"),
      svg("polyline", { points: distances.map((d) => `${x(d)},${y(match(d))}`).join(" ") }),
      distances.map((d) => svg("circle", { cx: x(d), cy: y(match(d)), r: 3 }))),
  ];
}
