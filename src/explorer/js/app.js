// The page: what is asked, of which models, and which moment is looked at.

const PAGE = JSON.parse(document.getElementById("data").textContent);
const state = { typed: "", problem: null, place: 0, panels: [], isFresh: false, isFirst: true };

// What fills each section of the page; those without anything to show are taken out.
const VIEWS = {
  answer: tokensView,
  attention: attentionView,
  lens: lensView,
  experts: PAGE.models.some(({ config }) => config.mlp === "moe") && expertsView,
  positions: positionsView,
  training: PAGE.models.some(({ weights }) => weights.length > 1) && trainingView,
  map: PAGE.models.some(({ graded }) => graded) && mapView,
};

// What takes longer to draw than to answer: the first answer does not wait for it.
const SLOW = new Set(["training", "map"]);

// Draw all that depends on the answers; who had the focus keeps it.
function draw() {
  const focused = document.activeElement?.id;
  for (const [id, view] of Object.entries(VIEWS)) {
    if (!view || (state.isFirst && SLOW.has(id))) continue;
    document.querySelector(`#${id} .columns`).replaceChildren(...state.panels.map((panel) =>
      h("div", { className: "column" },
        state.panels.length > 1 && h("h3", {}, label(panel)), [view(panel)])));
  }
  drawStatus();
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  state.isFresh = false;
}

const label = ({ model, step, off }) => [
  model.name,
  step < model.weights.length - 1 && `step ${stepName(model, step)}`,
  off.size > 0 && `${off.size} off`,
].filter(Boolean).join(", ");

// What stays in sight, and what a screen reader says when an answer changes.
function drawStatus() {
  const line = document.getElementById("status"), lines = state.panels.map((panel) => {
    const { said, isRight, right } = panel.verdict();
    const what = state.panels.length > 1 ? `${label(panel)}: ` : "";
    return h("span", {}, `${what}${state.typed} = ${said} `, isRight
      ? h("strong", { className: "right" }, "✓ right")
      : h("strong", { className: "wrong" }, `✗ wrong, it is ${right}`));
  });
  // A screen reader says whatever changes, even into the same words.
  const words = lines.map((each) => each.textContent).join("");
  if (words !== line.textContent) line.replaceChildren(...lines);
}

function complain(message) {
  const input = document.getElementById("problem");
  input.setAttribute("aria-invalid", String(Boolean(message)));
  document.getElementById("mistake").textContent = message;
}

// Ask what was typed; what cannot be asked is said below the field.
function askTyped(text) {
  const input = document.getElementById("problem");
  input.value = text;
  try {
    const problem = readProblem(text);
    const results = state.panels.map((panel) => panel.answerTo(problem));
    Object.assign(state, { problem, typed: asTyped(problem), place: 0, isFresh: true });
    show(results);
  } catch (error) {
    refuse(error);
  }
}

// Ask the same of models or parts that have changed; says whether all could be asked.
function answerAgain() {
  try {
    show(state.panels.map((panel) => panel.answerTo(state.problem)));
    return true;
  } catch (error) {
    return refuse(error);
  }
}

function show(results) {
  state.panels.forEach((panel, i) => Object.assign(panel, { result: results[i] }));
  complain("");
  draw();
}

// What a person can cause is said; any other error is ours.
function refuse(error) {
  if (error.constructor !== Error) throw error;
  complain(error.message);
  return false;
}

function choosePlace(place) {
  state.place = place;
  draw();
}

function chooseStep(panel, step) {
  panel.step = step;
  document.getElementById(panel.id("slider")).value = step;
  drawStep(panel);
  answerAgain();
}

function start() {
  for (const [id, view] of Object.entries(VIEWS)) if (!view) document.getElementById(id).remove();
  document.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    askTyped(document.getElementById("problem").value);
  });
  document.getElementById("start-tour").addEventListener("click", startTour);
  state.panels = [new Panel(0, 0)];
  drawChoices();
  const { first, buttons } = examples();
  document.getElementById("examples").append(...buttons);
  askTyped(first);
  performance.mark("answered");
  if (isFirstVisit()) startTour();
  setTimeout(() => {
    Object.assign(state, { isFirst: false, isFresh: true });
    draw();
    performance.mark("drawn");
  });
}

start();
