// What a person chooses: an example, a model, the step of its training, a second model.

// The choice of a panel's model and of the step of its training.
function choice(panel) {
  const { weights } = panel.model, name = panel.number ? "Second model" : "Model";
  return h("div", { className: "choice" },
    h("label", {}, name, h("select", {
      id: panel.id("model"),
      onchange: (event) => {
        const before = panel.index;
        panel.choose(Number(event.target.value));
        if (!answerAgain()) panel.choose(before);
        drawChoices();
      },
    }, PAGE.models.map((model, i) =>
      h("option", { value: i, selected: i === panel.index }, described(model))))),
    weights.length > 1 && h("label", { htmlFor: panel.id("slider") },
      "As it was after training step ",
      h("output", { id: panel.id("step") }, stepName(panel.model, panel.step)),
      h("input", {
        id: panel.id("slider"), type: "range", min: 0, max: weights.length - 1, value: panel.step,
        oninput: (event) => chooseStep(panel, Number(event.target.value)),
      })));
}

function drawStep(panel) {
  document.getElementById(panel.id("step")).textContent = stepName(panel.model, panel.step);
}

function described({ name, config, parameters }) {
  const architecture = name.includes(config.name) ? "" : `${config.name}, `;
  return `${name} (${architecture}${parameters.toLocaleString("en")} weights)`;
}

function drawChoices() {
  const focused = document.activeElement?.id, isTwo = state.panels.length > 1;
  document.getElementById("choices").replaceChildren(
    ...state.panels.map(choice),
    h("button", {
      id: "compare", type: "button", "aria-pressed": String(isTwo),
      onclick: () => {
        const other = PAGE.models.length > 1 ? (state.panels[0].index + 1) % PAGE.models.length : 0;
        isTwo ? state.panels.pop() : state.panels.push(new Panel(1, other));
        if (!answerAgain()) state.panels.pop();
        document.body.classList.toggle("two", state.panels.length > 1);
        drawChoices();
      },
    }, isTwo ? "One model only" : "Compare with a second one"));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

// Examples: with many carries, a wrong one if there is any, and one by chance.
function examples() {
  const { trainings } = PAGE.models[0];
  const { ops = "+", N = 2, A = "0", B = "999" } = trainings[0] ?? {};
  const drawn = (from) => Math.floor(Math.random() * from);
  const isSum = ops === "+" && N === 2 && A === "0" && Number(B) >= 999;
  // A number of any length; those outside A..B are drawn again.
  const number = () => BigInt(Array.from({ length: 1 + drawn(B.length) }, () => drawn(10)).join(""));
  const chance = () => {
    for (let tries = 0; tries < 5000; tries++) {
      const operands = Array.from({ length: N }, number);
      const operators = Array.from({ length: N - 1 }, () => ops[drawn(ops.length)]);
      if (unlike({ operands, operators }, trainings)) continue;
      try {
        state.panels[0].answerTo({ operands, operators });
        return asTyped({ operands, operators });
      } catch { /* It has no whole result, or is too long. */ }
    }
    return "1+1";
  };
  const wrong = PAGE.models.flatMap(wrongOf);
  const button = (text, typed) =>
    h("button", { type: "button", onclick: () => askTyped(typed()) }, text);
  return {
    first: isSum ? "554+456" : chance(),
    buttons: [
      ...(isSum ? ["7+5", "554+456", "999+1"] : []).map((typed) => button(typed, () => typed)),
      wrong.length > 0 && button("one that fails", () => asTyped(wrong[drawn(wrong.length)])),
      button("a random one", chance),
    ].filter(Boolean),
  };
}
