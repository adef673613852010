// The tokens of problem and answer, and how sure the model is of each.

function tokensView(panel) {
  const { reading, steps, prompt } = panel.result, now = panel.moment(state.place);
  const tokens = [...reading.tokens, ...(panel.result.ended ? ["<eos>"] : [])];
  const first = prompt.length + 1, { format } = panel.model;
  // Of an answer without steps, what should stand at each place of it.
  const expected = format.traced ? null : [...writeAnswer(panel.result.right, format), "<eos>"];
  const tile = (token, at) => {
    const isAnswer = at >= first, step = steps[at - first];
    // A token of the answer stands for the moment before it, in which it is said.
    const place = (isAnswer ? at - 1 : at) - prompt.length;
    const isChosen = (isAnswer ? at - 1 : at) === now && (isAnswer || at < first - 1);
    const sure = isAnswer ? percent(Math.max(...step.said)) : "";
    const isMistake = isAnswer && expected && token !== expected[at - first];
    const better = isMistake && expected[at - first];
    const instead = better ? `right: ${nameOf(better)}` : "";
    const kind = [isAnswer && "said", isMistake && "mistake", token in NAMES && "named"];
    return h("button", {
      id: panel.id("token", at),
      type: "button",
      role: "radio",
      className: ["token", ...kind.filter(Boolean)].join(" "),
      "aria-checked": String(isChosen),
      "aria-label": [nameOf(token), isAnswer ? `said with ${sure}` : "of the problem", instead]
        .filter(Boolean).join(", "),
      tabIndex: isChosen ? 0 : -1,
      "--share": isAnswer ? Math.max(...step.said) : 0,
      // Long answers appear no later than short ones.
      "--delay": `${Math.max(at - first, 0) * Math.min(0.18, 1.5 / steps.length)}s`,
      onclick: () => choosePlace(place),
      onkeydown: (event) => {
        let to = moved(event, at, tokens.length);
        if (to === null) return;
        // "=" and the token that is said there are one moment.
        if (to === first - 1) to += to < at ? -1 : 1;
        const target = document.getElementById(panel.id("token", to));
        target.focus();
        target.click();
      },
    }, h("span", { className: "character" }, nameOf(token)), h("span", { className: "sure" }, sure),
    instead !== "" && h("span", { className: "sure" }, instead));
  };
  return [
    h("div", {
      className: `tokens ${state.isFresh ? "fresh" : ""}`, role: "radiogroup",
      "aria-label": `Tokens of ${panel.model.name}`,
    }, tokens.map(tile)),
    notesView(panel),
    candidates(panel, now),
  ];
}

// What a reader must know beside the verdict.
function notesView(panel) {
  const { whole, unlike } = panel.result, { format } = panel.model;
  const notes = [
    unlike && `Mind that it was trained on ${unlike}.`,
    format.operands_from_units && "It reads and writes numbers from the units up.",
    format.from_units && !format.operands_from_units && "It writes answers from the units up.",
    format.traced && "It writes down steps; the answer is what stands behind the last “=”.",
    format.modulus > 0 && `Answers are taken modulo ${format.modulus}.`,
    format.precedence === "left_to_right" && state.problem.operators.length > 1 &&
      "It works from left to right, as a simple calculator does.",
  ].filter(Boolean);
  const changed = panel.off.size && whole.text !== panel.result.text;
  return h("div", { className: "notes" },
    notes.length > 0 && h("p", {}, notes.join(" ")),
    panel.off.size > 0 && h("p", {},
      `${panel.off.size} of its parts ${panel.off.size > 1 ? "are" : "is"} switched off: `,
      changed ? `with all of them it says ${readable(whole.text, panel.model.format)}. `
        : "the answer is the same with all of them. ",
      h("button", {
        id: panel.id("all-on"), type: "button",
        onclick: () => { panel.off.clear(); answerAgain(); },
      }, "Switch all on")));
}

// The likeliest next tokens at a moment.
function candidates(panel, now) {
  const { said, token } = panel.result.reading.moments[now];
  const isAsked = now < panel.result.prompt.length;
  const read = NAMES[token] ? `the ${nameOf(token)}` : `“${token}”`;
  return [
    h("p", { className: "caption" }, isAsked
      ? `Having read up to ${read}, still inside the problem, where nobody ever asked it to go on:`
      : `Having read up to ${read}, it finds these the likeliest to come next:`),
    h("ol", { className: "bars" }, largest(said, 5).map((id) => h("li", {},
      h("span", { className: "name" }, nameOf(PAGE.vocabulary[id])),
      h("span", { className: "bar", "--share": said[id] }),
      h("span", { className: "number" }, percent(said[id]))))),
  ];
}
