// What the model would say if it stopped after each layer: nostalgebraist's "logit lens".

function lensView(panel) {
  const { reading, prompt, steps } = panel.result, now = panel.moment(state.place);
  const moments = reading.moments.slice(prompt.length, prompt.length + steps.length);
  const after = [...moments[0].residuals.keys()].reverse();
  return h("div", { className: "scroll" }, h("table", { className: "grid lens" },
    h("thead", {}, h("tr", {},
      h("th", { scope: "col" }, "it reads"),
      moments.map(({ token }, i) => h("th", {
        scope: "col", className: prompt.length + i === now ? "now" : "",
      }, mark(token))))),
    h("tbody", {}, after.map((layer) => h("tr", {},
      h("th", { scope: "row" }, layer ? `layer ${layer - 1}` : "at first"),
      moments.map(({ residuals, said }, i) => {
        const isNow = prompt.length + i === now;
        const chances = reading.wouldSay(residuals[layer]), [best] = largest(chances, 1);
        const isFinal = best === largest(said, 1)[0];
        return h("td", {
          className: `cell text ${isFinal ? "final" : ""} ${isNow ? "now" : ""}`,
          "--share": chances[best],
        }, h("span", {}, nameOf(PAGE.vocabulary[best])), h("small", {}, percent(chances[best])));
      }))))));
}
