// A walk through the page for who opens it for the first time.

const TOUR = [
  ["ask", "Ask it something", "This is a tiny relative of the models behind chat programs. It was never told how to add: it saw many sums with their answers, and learned from them. Type a sum, or take one of the examples."],
  ["answer", "One piece at a time", "The model reads the problem one character at a time, and says its answer one character at a time. Below each is how sure it was. Choose one to look into that moment."],
  ["attention", "Where it looks", "To say a digit, the model looks back at what it has read. Each row is a “head” that looks by itself; the stronger a square’s colour, the more it looks there. Look for heads that find the digits to be added."],
  ["attention", "Break it!", "Switch a head off and see whether the answer survives. That is how researchers find out which part does what."],
  ["lens", "How the answer ripens", "A model is a stack of layers. This table asks after each layer: what would you say now? From bottom to top you see the answer come about."],
  ["map", "Where it still fails", "Some of these models were asked every problem there is. The dots are their mistakes: choose one and watch it go wrong."],
];

function startTour() {
  const opener = document.activeElement;
  let at = 0;
  const card = h("div", { id: "tour", role: "dialog", "aria-labelledby": "tour-title" });
  const end = () => {
    card.remove();
    document.querySelectorAll(".toured").forEach((section) => section.classList.remove("toured"));
    document.removeEventListener("keydown", escape);
    remember();
    if (opener?.focus) opener.focus({ preventScroll: true });
  };
  const escape = (event) => event.key === "Escape" && end();
  const go = (to) => {
    at = to;
    const stops = TOUR.filter(([id]) => document.getElementById(id)), [id, title, text] = stops[at];
    document.querySelectorAll(".toured").forEach((section) => section.classList.remove("toured"));
    const section = document.getElementById(id);
    section.classList.add("toured");
    section.scrollIntoView({ block: "start" });
    const isLast = at === stops.length - 1;
    card.replaceChildren(
      h("h2", { id: "tour-title", tabIndex: -1 }, title),
      h("p", {}, text),
      h("div", { className: "buttons" },
        h("span", { className: "caption" }, `${at + 1} of ${stops.length}`),
        !isLast && h("button", { type: "button", onclick: end }, "Skip"),
        at > 0 && h("button", { type: "button", onclick: () => go(at - 1) }, "Back"),
        h("button", { type: "button", className: "main", onclick: () => (isLast ? end() : go(at + 1)) },
          isLast ? "Done" : "Next")));
    card.querySelector("h2").focus({ preventScroll: true });
  };
  if (document.getElementById("tour")) return;
  document.body.append(card);
  document.addEventListener("keydown", escape);
  go(0);
}

// A browser may keep nothing for a file on the disk: then each visit is the first.
function remember() {
  try { localStorage.setItem("toured", "yes"); } catch { /* as before */ }
}
function isFirstVisit() {
  try { return localStorage.getItem("toured") === null; } catch { return true; }
}
