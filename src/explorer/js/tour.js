// A walk through the page for who opens it for the first time.

function startTour() {
  const opener = document.activeElement;
  // Where the page has no such section, the tour does not stop.
  const stops = [...document.getElementById("stops").content.children]
    .filter((stop) => document.getElementById(stop.dataset.at));
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
    const stop = stops[at].cloneNode(true), heading = stop.querySelector("h2");
    document.querySelectorAll(".toured").forEach((section) => section.classList.remove("toured"));
    const section = document.getElementById(stop.dataset.at);
    section.classList.add("toured");
    section.scrollIntoView({ block: "start" });
    const isLast = at === stops.length - 1;
    Object.assign(heading, { id: "tour-title", tabIndex: -1 });
    card.replaceChildren(
      stop,
      h("div", { className: "buttons" },
        h("span", { className: "caption" }, `${at + 1} of ${stops.length}`),
        !isLast && h("button", { type: "button", onclick: end }, "Skip"),
        at > 0 && h("button", { type: "button", onclick: () => go(at - 1) }, "Back"),
        h("button", {
          type: "button", className: "main", onclick: () => (isLast ? end() : go(at + 1)),
        }, isLast ? "Done" : "Next")));
    heading.focus({ preventScroll: true });
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
