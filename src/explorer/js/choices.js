// What a person chooses: an example, a model, the step of its training, a second model.

// The choice of a panel's model and of the step of its training.
function head(panel) {
  const { weights } = panel.model, name = panel.number ? "Second model" : "Model";
  return h("div", { className: "head", id: panel.id("head") },
    h("label", {}, name, h("select", {
      id: panel.id("model"),
      onchange: (event) => {
        const before = panel.index;
        panel.choose(Number(event.target.value));
        if (!answerAgain()) panel.choose(before);
        drawHeads();
      },
    }, PAGE.models.map((model, i) =>
      h("option", { value: i, selected: i === panel.index }, described(model))))),
    weights.length > 1 && h("label", { htmlFor: panel.id("slider") }, "As it was after training step ",
      h("output", { id: panel.id("step") }, stepName(panel.model, panel.step)),
      h("input", {
        id: panel.id("slider"), type: "range", min: 0, max: weights.length - 1, value: panel.step,
        oninput: (event) => chooseStep(panel, Number(event.target.value)),
      })));
}

function drawHead(panel) {
  document.getElementById(panel.id("step")).textContent = stepName(panel.model, panel.step);
}

const described = ({ name, config, parameters }) =>
  `${name} (${name.includes(config.name) ? "" : `${config.name}, `}${parameters.toLocaleString("en")} weights)`;

function drawHeads() {
  const focused = document.activeElement?.id, isTwo = state.panels.length > 1;
  document.getElementById("heads").replaceChildren(
    ...state.panels.map(head),
    h("button", {
      id: "compare", type: "button", "aria-pressed": String(isTwo),
      onclick: () => {
        const other = PAGE.models.length > 1 ? (state.panels[0].index + 1) % PAGE.models.length : 0;
        isTwo ? state.panels.pop() : state.panels.push(new Panel(1, other));
        if (!answerAgain()) state.panels.pop();
        document.body.classList.toggle("two", state.panels.length > 1);
        drawHeads();
      },
    }, isTwo ? "One model only" : "Compare with a second one"));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

// Examples: with many carries, a wrong one if there is any, and one by chance.
function examples() {
  const { trainings, format } = PAGE.models[0], { ops = "+", N = 2, A = 0, B = 999 } = trainings[0] ?? {};
  const isSum = ops === "+" && N === 2 && A === 0 && B >= 999;
  const chance = () => {
    for (;;) {
      const numbers = [...Array(N)].map(() => A + Math.floor(Math.random() * (B - A + 1)));
      const typed = numbers.map((value, i) =>
        value + (i < N - 1 ? ops[Math.floor(Math.random() * ops.length)] : "")).join("");
      try { evaluate(readProblem(typed), format); return typed; } catch { /* no whole result */ }
    }
  };
  const wrong = PAGE.models.flatMap(wrongOf).map(([prompt]) => prompt.slice(0, -1));
  const button = (text, typed) => h("button", { type: "button", onclick: () => askTyped(typed()) }, text);
  return {
    first: isSum ? "554+456" : chance(),
    buttons: [
      ...(isSum ? ["7+5", "554+456", "999+1"] : []).map((typed) => button(typed, () => typed)),
      !format.operands_from_units && wrong.length > 0 && button("one that fails",
        () => wrong[Math.floor(Math.random() * wrong.length)]),
      button("a random one", chance),
    ],
  };
}
