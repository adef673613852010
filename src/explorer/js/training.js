// The same problem, answered with the weights that the training kept on its way.

function trainingView(panel) {
  const { weights } = panel.model;
  if (weights.length < 2) {
    return h("p", { className: "caption" },
      "Of this training no weights were kept but the finished ones.");
  }
  const row = ({ said, isRight, sure }, index) => {
    const isShown = index === panel.step;
    return h("tr", { className: isShown ? "shown" : "" },
      h("th", { scope: "row" }, h("button", {
        id: panel.id("step", index), type: "button", "aria-pressed": String(isShown),
        onclick: () => chooseStep(panel, index),
      }, stepName(panel.model, index))),
      h("td", {},
        h("strong", { className: isRight ? "right" : "wrong" }, isRight ? "✓ right " : "✗ wrong "),
      said.length > 12 ? `${said.slice(0, 12)}…` : said),
      h("td", { className: "number" }, percent(sure)));
  };
  return h("div", { className: "scroll" }, h("table", { className: "list" },
    h("thead", {}, h("tr", {}, ["after step", "it said", "least sure token"].map((name) =>
      h("th", { scope: "col" }, name)))),
    h("tbody", {}, onTheWay(panel).map(row))));
}

// The answers at all steps, worked out once for each problem.
function onTheWay(panel) {
  const { model, way } = panel, { problem } = state;
  if (way?.problem === problem && way.model === model) return way.answers;
  const answers = model.weights.map((_, index) => {
    const then = new Panel(panel.number, panel.index);
    then.step = index;
    then.result = then.answerTo(problem);
    const sure = Math.min(...then.result.steps.map(({ said }) => Math.max(...said)));
    return { ...then.verdict(), sure };
  });
  panel.way = { problem, model, answers };
  return answers;
}

const stepName = ({ weights }, index) =>
  index === weights.length - 1 ? "the end" : weights[index].step.toLocaleString("en");
