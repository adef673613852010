// Which experts of a mixture serve which token, in each layer.

function expertsView(panel) {
  if (!panel.isMixture) {
    return h("p", { className: "caption" },
      "In this model each layer has one MLP, which serves every token.");
  }
  const { reading } = panel.result, now = panel.moment(state.place);
  const { moments, tokens } = reading, { n_experts, n_layers } = panel.model.config;
  const colour = (expert) => `var(--series-${(expert % 8) + 1})`;
  const served = (layer, at) => {
    const { chosen, weights } = moments[at].layers[layer].routing;
    return h("td", { className: `served ${at === now ? "now" : ""}` },
      h("span", { className: "stack" }, chosen.map((expert, i) => h("span", {
        className: panel.off.has(`${layer} expert ${expert}`) ? "part off" : "part",
        "--share": weights[i], "--colour": colour(expert),
        title: `expert ${expert}: ${percent(weights[i])}`,
      }, weights[i] > 0.25 ? String(expert) : ""))));
  };
  const serves = (layer, expert) => {
    const { chosen, weights } = moments[now].layers[layer].routing, i = chosen.indexOf(expert);
    return h("li", {}, panel.toggle(layer, "expert", expert),
      h("span", { className: "bar", "--share": weights[i] ?? 0, "--colour": colour(expert) }),
      h("span", { className: "number" }, i < 0 ? "–" : percent(weights[i])));
  };
  const layers = [...Array(n_layers).keys()], experts = [...Array(n_experts).keys()];
  return [
    h("div", { className: "scroll" }, h("table", { className: "grid experts" },
      h("thead", {}, h("tr", {}, h("td", {}), tokens.map((token, at) =>
        h("th", { scope: "col", className: at === now ? "now" : "" }, mark(token))))),
      h("tbody", {}, layers.map((layer) => h("tr", {},
        h("th", { scope: "row" }, `layer ${layer}`),
        tokens.map((_, at) => served(layer, at))))))),
    h("p", { className: "caption" }, `For the chosen token “${nameOf(tokens[now])}”:`),
    h("div", { className: "by-layer" }, layers.map((layer) => h("div", {},
      h("h3", {}, `Layer ${layer}`),
      h("ul", { className: "bars" }, experts.map((expert) => serves(layer, expert)))))),
  ];
}
