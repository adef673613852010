// Which earlier tokens each head looks at, layer by layer, at the chosen moment.

function attentionView(panel) {
  const { reading } = panel.result, now = panel.moment(state.place);
  const { layers } = reading.moments[now], tokens = reading.tokens;
  const row = (layer, head, looks) => {
    const isOff = panel.off.has(`${layer} head ${head}`), [most] = largest(looks, 1);
    return h("tr", { className: isOff ? "off" : "" },
      h("th", { scope: "row" }, panel.toggle(layer, "head", head)),
      tokens.map((token, at) => {
        // A token cannot look at those that come after it.
        if (at > now) return h("td", { className: "later" });
        const said = percent(looks[at]), title = `${nameOf(token)}: ${said}`;
        return h("td", { className: "cell", "--share": looks[at], title }, spoken(said));
      }),
      h("td", { className: "most" },
        isOff ? "off" : [mark(tokens[most]), ` ${Math.round(100 * looks[most])} %`]));
  };
  const column = (token, at) => {
    const className = at === now ? "now" : at > now ? "later" : "";
    return h("th", { scope: "col", className }, mark(token));
  };
  // What stands behind the moment is left out where it would fill a screen.
  const className = tokens.length > 16 ? "grid long" : "grid";
  return [arcs(panel, now), h("div", { className: "grids" }, layers.map(({ attention }, layer) =>
    h("div", { className: "scroll" }, h("table", { className },
      h("caption", {}, `Layer ${layer}`),
      h("thead", {}, h("tr", {},
        h("td", {}),
        tokens.map(column),
        h("th", { scope: "col", className: "most" }, "most"))),
      h("tbody", {}, attention.map((looks, head) => row(layer, head, looks)))))))];
}

// All heads together, as lines back to what they look at: the mean of those that are on.
function arcs(panel, now) {
  const { reading } = panel.result, tokens = reading.tokens.slice(0, now + 1), step = 30;
  const on = reading.moments[now].layers.flatMap(({ attention }, layer) =>
    attention.filter((_, head) => !panel.off.has(`${layer} head ${head}`)));
  const looks = tokens.map((_, at) => (on.length ? mean(on.map((each) => each[at])) : 0));
  const x = (at) => at * step + step / 2, height = 26 + 5 * Math.min(now, 16), base = height - 24;
  const most = largest(looks, 3).map((at) => `${nameOf(tokens[at])} ${percent(looks[at])}`);
  const arc = (at) => {
    const top = base - Math.min(10 * (now - at), 2 * base);
    return `M ${x(now)} ${base} Q ${(x(now) + x(at)) / 2} ${top} ${x(at)} ${base}`;
  };
  return h("div", { className: "scroll" }, svg("svg", {
    viewBox: `0 0 ${x(now) + step} ${height}`, class: "arcs", role: "img",
    "aria-label": `All heads together look most at ${most.join(", ")}`, "--width": `${x(now) + step}px`,
  },
  looks.map((share, at) => at < now && svg("path", { d: arc(at), "--share": share })),
  tokens.map((token, at) => svg("text", {
    x: x(at), y: height - 6, "text-anchor": "middle", class: at === now ? "now" : "",
  }, MARKS[token] ?? token))));
}
