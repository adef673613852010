// The page: what is asked, of which models, and which moment is looked at.

const PAGE = JSON.parse(document.getElementById("data").textContent);
const state = { typed: "", problem: null, place: 0, panels: [], isFresh: false };

const SECTIONS = [
  ["answer", "The answer, one token at a time", tokensView,
    "A token is one character here. The model reads the problem from left to right and says what comes next; what it said, it reads too. Choose a token to see how the model came to it: all pictures below show that moment."],
  ["attention", "Where it looks", attentionView,
    "To say the chosen token, the model looks back at what it has read. The lines show all its heads together, below is each by itself: a row is a head; the stronger a square’s colour, the more of its look goes there. Switch a head off to see whether the answer needs it."],
  ["lens", "What it would say after each layer", lensView,
    "Each layer adds something to what the model has in mind. Read each row as: if it had to speak now. The bottom row is before the first layer, the top row is what it says. Rings mark what it says in the end."],
  ["experts", "Which experts work", expertsView,
    "A mixture has several small networks, experts, in each layer. A router sends each token to the few that suit it best, and weighs what they say. Each column shows who serves a token, and by how much; switch one off to see who depends on it."],
  ["positions", "How it knows where a token stands", positionsView,
    "The 1 in 123 is worth more than the 1 in 321, so a model must know where each token stands."],
  ["training", "How it learned this", trainingView,
    "The same problem, answered by the model as it was on its way. Choose a step, here or with the slider above, and all pictures show the model of that step."],
  ["map", "Every answer there is", mapView,
    "There are only so many problems of this kind: a computer can ask them all, and see where a model still fails."],
].filter(([id]) => ({
  experts: PAGE.models.some(({ config }) => config.mlp === "moe"),
  training: PAGE.models.some(({ weights }) => weights.length > 1),
  map: PAGE.models.some(({ graded }) => graded),
})[id] ?? true);

// Draw all that depends on the answers; who had the focus keeps it.
function draw() {
  const focused = document.activeElement?.id;
  for (const [id, , view] of SECTIONS) {
    document.querySelector(`#${id} .columns`).replaceChildren(...state.panels.map((panel) =>
      h("div", { className: "column" }, state.panels.length > 1 &&
        h("h3", {}, label(panel)), [view(panel)])));
  }
  drawStatus();
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  state.isFresh = false;
}

const label = ({ model, step }) =>
  step === model.weights.length - 1 ? model.name : `${model.name}, step ${stepName(model, step)}`;

// What stays in sight, and what a screen reader says when an answer changes.
function drawStatus() {
  const line = document.getElementById("status"), parts = state.panels.map((panel) => {
    const { said, isRight, right } = panel.verdict();
    const what = state.panels.length > 1 ? `${label(panel)}: ` : "";
    return h("span", {}, `${what}${state.typed} = ${said} `,
      h("strong", { className: isRight ? "right" : "wrong" }, isRight ? "✓ right" : `✗ wrong, it is ${right}`));
  });
  // A screen reader says each change once more.
  if (parts.map((part) => part.textContent).join("") !== line.textContent) line.replaceChildren(...parts);
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
    const problem = readProblem(text), results = state.panels.map((panel) => panel.answerTo(problem));
    Object.assign(state, { problem, place: 0, isFresh: true });
    state.typed = problem.operands.map((value, i) => value + (problem.operators[i] ?? "")).join("");
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
  drawHead(panel);
  answerAgain();
}

function start() {
  state.panels = [new Panel(0, 0)];
  const { first, buttons } = examples(), count = PAGE.models.length;
  const sections = SECTIONS.map(([id, title, , text]) =>
    h("section", { id, "aria-labelledby": `${id}-title` },
      h("h2", { id: `${id}-title` }, title), h("p", {}, text), h("div", { className: "columns" })));
  document.body.append(
    h("header", {},
      h("h1", {}, document.title),
      h("p", {}, `${count > 1 ? `${count} language models, trained` : "A language model, trained"} on arithmetic alone, that you can ask and look into. All of it is computed in your browser; nothing leaves this page.`),
      h("p", {}, h("button", { id: "start-tour", type: "button", onclick: startTour }, "Show me around"))),
    h("main", {},
      h("section", { id: "ask", "aria-label": "Ask" },
        h("form", {
          noValidate: true,
          onsubmit: (event) => { event.preventDefault(); askTyped(document.getElementById("problem").value); },
        },
        h("label", { htmlFor: "problem" }, "A problem"),
        h("div", { className: "field" },
          h("input", {
            id: "problem", value: first, autocomplete: "off", spellcheck: false,
            "aria-describedby": "mistake",
          }),
          h("button", { type: "submit", className: "main" }, "Ask")),
        h("p", { id: "mistake", role: "alert" }),
        h("div", { className: "chips", role: "group", "aria-label": "Examples" }, buttons)),
        h("div", { id: "heads" })),
      h("p", { id: "status", role: "status", "aria-live": "polite" }),
      sections),
    h("footer", {}, h("p", {}, "Layers, heads, experts and positions are counted from 0, as in the program. Weights are rounded to 16 bits, which may change the last digits of a probability. What is switched off adds nothing to what the other parts have said.")));
  drawHeads();
  askTyped(first);
  performance.mark("answered");
  if (isFirstVisit()) startTour();
}

start();
