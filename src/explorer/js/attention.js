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
        const title = `${nameOf(token)}: ${percent(looks[at])}`;
        return h("td", { className: "cell", "--share": looks[at], title }, spoken(percent(looks[at])));
      }),
      h("td", { className: "most" }, isOff ? "off" : [mark(tokens[most]), ` ${Math.round(100 * looks[most])} %`]));
  };
  return h("div", { className: "grids" }, layers.map(({ attention }, layer) =>
    h("div", { className: "scroll" }, h("table", { className: "grid" },
      h("caption", {}, `Layer ${layer}`),
      h("thead", {}, h("tr", {},
        h("td", {}),
        tokens.map((token, at) => h("th", { scope: "col", className: at === now ? "now" : at > now ? "later" : "" },
          mark(token))),
        h("th", { scope: "col", className: "most" }, "most"))),
      h("tbody", {}, attention.map((looks, head) => row(layer, head, looks)))))));
}
